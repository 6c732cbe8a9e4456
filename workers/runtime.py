"""One worker process: hears the bell, claims by turn, runs handlers, settles rows, leaves without a loss."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import psutil
import structlog

from app.db.pool import Pool, open_pool
from app.errors import AppError, Internal, Unavailable
from app.jobs.claims import Claims, Outcome, Timings
from app.jobs.errors import LeaseLost
from app.jobs.events import Events
from app.jobs.types import Job, JobKind
from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.messages import BadMessage, JobMessage
from app.queue.port import Presence
from app.storage.base import ObjectStore
from workers.bell import BellWorker
from workers.leases import LeaseKeeper, ask_to_leave, wait_until_idle
from workers.run import Run, WorkerLeaves

Handler: TypeAlias = Callable[[Run], Awaitable[Outcome]]
Handlers: TypeAlias = Mapping[JobKind, Handler]

_EXIT_PAUSE_S = 5.0
"""After the grace: how long a run may take to reach its next step and give the job back."""
_KILL_AFTER_S = 15.0
_RETRY_S = 1.0
_PRESENT_EVERY_S = 5.0

NO_CAP = 1_000_000

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    slots: int = 1
    """Jobs at once."""
    lease_s: float = 6.0
    """A killed worker's job is back in the queue after this and a sweep (1 s): p99 recovery below 10 s."""
    grace_s: float = 25.0
    """After SIGTERM, for jobs to end; Fly.io kills after 30 s where kill_timeout says so."""
    job_timeout_s: float = 300.0
    memory_limit_mb: int | None = None
    """Resident size at which the worker ends between two jobs, to be started anew."""
    user_cap: int = NO_CAP
    """Jobs of one user at once in this queue."""
    waited_s: float = 0.0
    """Leave jobs younger than this to other workers."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a worker's parts share."""

    pool: Pool
    store: ObjectStore
    doorbell: ArqDoorbell
    events: Events
    options: WorkerOptions

    @property
    def claims(self) -> Claims:
        return Claims(self.pool, self.doorbell, self.events)


Background: TypeAlias = Callable[[Context], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What makes one kind of worker different from another."""

    name: str
    queue: str
    handlers: Callable[[Context], Handlers]
    """Called once before the first job: opens the model."""
    background: Sequence[Background] = ()
    """Run beside the jobs until the worker ends."""
    options: WorkerOptions = field(default_factory=WorkerOptions)


class Runtime:
    def __init__(self, context: Context, queue: str, handlers: Handlers, keeper: LeaseKeeper) -> None:
        self._claims = context.claims
        self._context = context
        self._queue = queue
        self._handlers = handlers
        self._keeper = keeper
        self.worker = f"{socket.gethostname()}:{os.getpid()}"
        self._reports: set[asyncio.Task[None]] = set()
        self.leaving = asyncio.Event()

    async def heard(self, message: object) -> None:
        """A ring says that there is work, not which: the queue's order does. Works until nothing is left."""
        try:
            JobMessage.from_json(message)
        except BadMessage as error:
            _log.error("message refused", message=str(error))
            return
        while not self.leaving.is_set():
            job = await self._claim()
            if job is None:
                return
            await self._work(job)
            self._recycle()

    async def _claim(self) -> Job | None:
        options = self._context.options
        try:
            return await self._claims.claim(
                self._queue,
                self.worker,
                lease_s=options.lease_s,
                user_cap=options.user_cap,
                waited_s=options.waited_s,
            )
        except Unavailable:
            _log.warning("the database does not answer", queue=self._queue)
            return None  # the row is queued still; the reconciler rings again

    async def _work(self, job: Job) -> None:
        run = Run(job, self._context.store, self._report)
        self._keeper.add(run)
        with structlog.contextvars.bound_contextvars(job=str(job.id), request_id=job.request_id):
            try:
                await self._settle(run, await self._try(run))
            except LeaseLost:
                _log.warning("job lost: canceled, or with another worker", fence=job.fence)
                await self._drop(run)
            finally:
                self._keeper.remove(run)

    async def _try(self, run: Run) -> Outcome | AppError:
        """The handler's answer, errors as values. Raises LeaseLost."""
        try:
            return await self._handlers[run.job.kind](run)
        except LeaseLost:
            raise
        except AppError as error:
            return error
        except Exception:
            _log.exception("handler failed", kind=run.job.kind)
            return Internal("something went wrong on our side")

    async def _settle(self, run: Run, answer: Outcome | AppError) -> None:
        """Write the answer, waiting for the database if need be. Raises LeaseLost."""
        unsure = written = False
        while not written:
            try:
                await self._write(run.job, answer, run.timings)
            except Unavailable:
                unsure = True
                await asyncio.sleep(_RETRY_S)
                continue
            except LeaseLost:
                # the connection may have broken after our commit: then it was us who ended the job
                if not (unsure and await self._claims.stands(run.job)):
                    raise
            written = True
        await (run.files.keep() if isinstance(answer, Outcome) else self._drop(run))

    async def _write(self, job: Job, answer: Outcome | AppError, timings: Timings) -> None:
        match answer:
            case Outcome(queue=None):
                await self._claims.succeed(job, answer, timings)
                _log.info("job succeeded", kind=job.kind, seconds=round(sum(timings.values()), 3))
            case Outcome():
                await self._claims.pass_on(job, answer, timings)
            case WorkerLeaves():
                await self._claims.give_back(job)
                _log.info("job given back")
            case _:
                failed = await self._claims.fail(job, answer, timings)
                _log.warning("job failed", kind=job.kind, code=answer.code, status=failed.status)

    async def _drop(self, run: Run) -> None:
        try:
            await run.files.drop()
        except Unavailable:
            _log.warning("files of a void run remain until the image is purged")

    def _report(self, job: Job, share: float) -> None:
        async def write() -> None:
            try:
                await self._claims.progress(job, share)
            except Unavailable:
                _log.debug("progress not written")

        task = asyncio.create_task(write())
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    def _recycle(self) -> None:
        limit = self._context.options.memory_limit_mb
        if limit is not None and psutil.Process().memory_info().rss > limit * 1_000_000:
            _log.warning("memory limit reached, ending to be started anew", limit_mb=limit)
            self.leaving.set()


async def serve(settings: WorkerSettings, dsn: str, redis_url: str, store: ObjectStore) -> None:
    """Run until SIGTERM, SIGINT or the memory limit; every job ends or goes back to its queue."""
    options = settings.options
    redis = connect(redis_url)
    doorbell = ArqDoorbell(redis)
    context = Context(await _patiently(dsn, options.slots + 2), store, doorbell, Events(doorbell), options)
    keeper = LeaseKeeper(
        dsn,
        lambda pool: Claims(pool, doorbell, Events(None)),
        lease_s=options.lease_s,
        timeout_s=options.job_timeout_s,
        kill_after_s=_KILL_AFTER_S,
    )
    runtime = Runtime(context, settings.queue, settings.handlers(context), keeper)
    bell = BellWorker(redis, settings.queue, options.slots, runtime.heard)
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, runtime.leaving.set)
    keeper.start()
    background = [asyncio.ensure_future(bell.listen())]
    background += [asyncio.ensure_future(part(context)) for part in settings.background]
    background.append(asyncio.ensure_future(_be_present(doorbell, settings.queue, runtime.worker)))
    _log.info("worker ready", queue=settings.queue, slots=options.slots)
    await runtime.leaving.wait()
    bell.deaf()
    await _leave(keeper, options.grace_s)
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    with contextlib.suppress(Unavailable):
        await doorbell.gone(settings.queue, runtime.worker)
    keeper.stop()
    await context.pool.close()
    await doorbell.close()


async def _be_present(presence: Presence, queue: str, worker: str) -> None:
    """Until cancelled: say that we are alive."""
    while True:
        with contextlib.suppress(Unavailable):
            await presence.here(queue, worker)
        await asyncio.sleep(_PRESENT_EVERY_S)


async def _leave(keeper: LeaseKeeper, grace_s: float) -> None:
    if not await wait_until_idle(keeper, grace_s):
        ask_to_leave(keeper)
        if not await wait_until_idle(keeper, _EXIT_PAUSE_S):
            keeper.abandon()


async def _patiently(dsn: str, size: int) -> Pool:
    """A worker outlives its database: it waits for it, at the start too."""
    while True:
        try:
            return await open_pool(dsn, 1, size)
        except Unavailable:
            _log.warning("the database does not answer, trying again")
            await asyncio.sleep(_RETRY_S)
