"""A worker's jobs: claims by turn when the bell rings, runs handlers, settles rows."""

import asyncio
import os
import socket
from collections.abc import Coroutine

import psutil
import structlog

from app.errors import AppError, Internal, Unavailable
from app.jobs.claims import Outcome, Turn
from app.jobs.errors import LeaseLost
from app.jobs.types import Job
from app.queue.messages import BadMessage, JobMessage
from workers.leases import LeaseKeeper
from workers.options import Context, Handlers
from workers.run import Run, WorkerBroken
from workers.settle import Settler, drop

_log = structlog.get_logger()


class Runtime:
    def __init__(self, context: Context, queue: str, handlers: Handlers, keeper: LeaseKeeper) -> None:
        options = context.options
        self.worker = f"{socket.gethostname()}:{os.getpid()}"
        self.leaving = asyncio.Event()
        self.broken: WorkerBroken | None = None
        """Why this process cannot go on."""
        self._context = context
        self._claims = context.claims
        self._settler = Settler(self._claims)
        self._turn = Turn(queue, self.worker, options.lease_s, options.user_cap, options.waited_s)
        self._handlers = handlers
        self._keeper = keeper
        self._slots = options.slots
        self._working: set[Run] = set()
        self._settling: set[Run] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking = asyncio.Lock()
        self._next_look: asyncio.Task[None] | None = None

    @property
    def busy(self) -> int:
        """Slots that are taken. A run that is only being written down takes none, while those are few."""
        return len(self._working) + max(0, len(self._settling) - self._slots)

    async def heard(self, message: object) -> None:
        """A ring says that there is work, not which: the queue's order does. Returns when somebody looked."""
        try:
            JobMessage.from_json(message)
        except BadMessage as error:
            _log.error("message refused", message=str(error))
            return
        await self._look()

    async def look(self) -> None:
        """Takes what may be taken now, without a ring."""
        await self._look()

    async def idle(self) -> None:
        """Until every job that was begun has ended, and those that were begun in its stead."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _look(self) -> asyncio.Task[None]:
        """Who asks before the next look has begun shares it: twenty jobs that end together are one claim."""
        if self._next_look is None:
            self._next_look = self._spawn(self._fill())
        return self._next_look

    async def _fill(self) -> None:
        async with self._looking:
            self._next_look = None
            while not self.leaving.is_set() and (free := self._slots - self.busy) > 0:
                jobs = await self._claim(free)
                for job in jobs:
                    run = Run(job, self._context.store, self._report)
                    self._working.add(run)
                    self._spawn(self._work(run))
                if not jobs:
                    return

    async def _claim(self, count: int) -> list[Job]:
        try:
            return await self._claims.claim_many(self._turn, count)
        except Unavailable:
            _log.warning("the database does not answer", queue=self._turn.queue)
            return []  # the rows are queued still; the reconciler rings again

    async def _work(self, run: Run) -> None:
        job = run.job
        self._keeper.add(run)
        with structlog.contextvars.bound_contextvars(job=str(job.id), request_id=job.request_id):
            try:
                answer = await self._try(run)
                if isinstance(answer, WorkerBroken):
                    self.broken = answer
                    self.leaving.set()
                self._settling.add(run)
                self._working.discard(run)
                self._look()
                await self._settler.settle(run, answer)
            except LeaseLost:
                _log.warning("job lost: canceled, or with another worker", fence=job.fence)
                await drop(run)
            finally:
                self._keeper.remove(run)
                self._working.discard(run)
                self._settling.discard(run)
                self._recycle()
                self._look()

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

    def _report(self, job: Job, share: float) -> None:
        async def write() -> None:
            try:
                await self._claims.progress(job, share)
            except Unavailable:
                _log.debug("progress not written")

        self._spawn(write())

    def _recycle(self) -> None:
        limit = self._context.options.memory_limit_mb
        if limit is not None and psutil.Process().memory_info().rss > limit * 1_000_000:
            _log.warning("memory limit reached, ending to be started anew", limit_mb=limit)
            self.leaving.set()
