"""Writing down how runs ended, patiently; successes that come together are written together."""

import asyncio
from math import ceil

import structlog

from app.errors import AppError, Unavailable
from app.jobs.claims import Claims, Outcome, Spent, Success
from app.jobs.errors import LeaseLost
from app.jobs.types import Job, JobStatus
from app.telemetry.metrics import COST, CREDITS, JOBS, STEPS
from workers.run import Run, WorkerLeaves

_RETRY_S = 1.0
_MICRO, _HOUR_S = 1_000_000, 3600

_log = structlog.get_logger()


class Settler:
    def __init__(self, claims: Claims, worker: str, usd_hour: float) -> None:
        """`worker`: what kind it is; `usd_hour`: what an hour of it costs."""
        self._claims = claims
        self._worker = worker
        self._usd_hour = usd_hour
        self._done: list[tuple[Success, asyncio.Future[Job | None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def settle(self, run: Run, answer: Outcome | AppError) -> None:
        """Write the answer, waiting for the database if need be, then remove the files that do not stand.

        Raises LeaseLost where the job was not ours to end.
        """
        unsure = written = False
        while not written:
            try:
                await self._write(run, answer)
            except Unavailable:
                unsure = True
                await asyncio.sleep(_RETRY_S)
                continue
            except LeaseLost:
                # the connection may have broken after our commit: then it was us who ended the job
                if not (unsure and await self._claims.stands(run.job)):
                    raise
            written = True
        await (run.files.keep() if isinstance(answer, Outcome) else drop(run))

    async def _write(self, run: Run, answer: Outcome | AppError) -> None:
        job = run.job
        match answer:
            case Outcome(queue=None):
                await self._succeed(Success(job, answer, run.timings, self._spent(run)))
                _observe(run, "succeeded")
                _log.info("job succeeded", kind=job.kind, seconds=round(run.seconds, 3))
            case Outcome():
                await self._claims.pass_on(job, answer, run.timings, self._spent(run))
                _observe(run, "passed_on")
            case WorkerLeaves():
                await self._claims.give_back(job, self._spent(run))
                _observe(run, "given_back")
                _log.info("job given back")
            case _:
                failed = await self._claims.fail(job, answer, run.timings, self._spent(run))
                _observe(run, "retried" if failed.status is JobStatus.QUEUED else "failed", answer.code)
                _log.warning("job failed", kind=job.kind, code=answer.code, status=failed.status)

    def _spent(self, run: Run) -> Spent:
        own = ceil(run.worked_s * self._usd_hour * _MICRO / _HOUR_S)
        COST.labels(run.job.kind, run.job.engine).inc((own + run.micros) / _MICRO)
        return Spent(self._worker, run.worked_s, own + run.micros)

    async def _succeed(self, success: Success) -> None:
        """What ends while a transaction is being written is the next transaction."""
        written: asyncio.Future[Job | None] = asyncio.get_running_loop().create_future()
        self._done.append((success, written))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        job = await written
        if job is None:
            raise LeaseLost("the job was given to somebody else, or canceled")
        CREDITS.labels(job.engine).inc(job.credits / 1000)

    async def _write_all(self) -> None:
        try:
            while self._done:
                batch, self._done = self._done, []
                await self._write_batch(batch)
        finally:
            self._writer = None

    async def _write_batch(self, batch: list[tuple[Success, asyncio.Future[Job | None]]]) -> None:
        try:
            ended = await self._claims.succeed_all([success for success, _ in batch])
        except Exception as error:
            if len(batch) > 1:  # one of them may have spoiled it for all
                for one in batch:
                    await self._write_batch([one])
            else:
                batch[0][1].set_exception(error)
        else:
            for (_, written), job in zip(batch, ended, strict=True):
                written.set_result(job)


def _observe(run: Run, outcome: str, code: str = "") -> None:
    JOBS.labels(run.job.kind, outcome, code).inc()
    for step, seconds in run.timings.items():
        STEPS.labels(run.job.kind, step).observe(seconds)


async def drop(run: Run) -> None:
    try:
        await run.files.drop()
    except Unavailable:
        _log.warning("files of a void run remain until the image is purged")
