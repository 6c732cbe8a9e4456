"""A worker's jobs: claims by turn when the bell rings, runs handlers, settles rows."""

import asyncio
import os
import socket
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import psutil
import structlog

from app.errors import AppError, Internal, Unavailable
from app.jobs.claims import Outcome, Turn
from app.jobs.errors import LeaseLost
from app.jobs.types import INTERACTIVE, Job
from app.storage.errors import NO_ROOM, StorageUnavailable
from workers.leases import LeaseKeeper
from workers.options import Context, Handlers
from workers.run import Run, WorkerBroken
from workers.settle import Settler, drop
from workers.shared_time import SharedTime

T = TypeVar("T")

_OUR_FAULT = "something went wrong on our side"
_log = structlog.get_logger()


class Runtime:
    def __init__(self, context: Context, queue: str, handlers: Handlers, keeper: LeaseKeeper) -> None:
        options = context.options
        self.worker = f"{socket.gethostname()}:{os.getpid()}"
        self.leaving = asyncio.Event()
        self.broken: WorkerBroken | None = None
        """Why this process cannot go on."""
        self.worked_at = time.monotonic()
        """When the last run ended."""
        self._context = context
        self._claims = context.claims
        # embed:lite is a queue of embed workers
        self._settler = Settler(self._claims, queue.partition(":")[0], options.usd_hour)
        self._time = SharedTime()
        self._turn = Turn(queue, self.worker, options.lease_s, options.user_cap, options.waited_s)
        self._handlers = handlers
        self._keeper = keeper
        self._slots = options.slots
        self._batch_slots = options.batch_slots or options.slots
        self._working: set[Run] = set()
        self._settling: set[Run] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._looking = asyncio.Lock()
        self._next_look: asyncio.Task[bool] | None = None

    @property
    def busy(self) -> int:
        """Slots that are taken. A run that is only being written down takes none, while those are few."""
        return len(self._working) + max(0, len(self._settling) - self._slots)

    async def look(self) -> bool:
        """Take what may be taken now, in the queue's order. True: that was all there was."""
        # a claim that is cancelled half-way would leave a job that nobody works on
        return await asyncio.shield(self._look())

    async def looked(self) -> None:
        """After `leaving` is set: no look is under way, and none will take anything."""
        async with self._looking:
            pass

    def breaks(self, reason: WorkerBroken) -> None:
        """Leave, and end with an error."""
        self.broken = self.broken or reason
        self.leaving.set()

    async def idle(self) -> None:
        """Until every job that was begun has ended, and those that were begun in its stead."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _look(self) -> asyncio.Task[bool]:
        """Who asks before the next look has begun shares it: twenty jobs that end together are one claim."""
        if self._next_look is None:
            self._next_look = self._spawn(self._fill())
        return self._next_look

    async def _fill(self) -> bool:
        async with self._looking:
            self._next_look = None
            while not self.leaving.is_set() and (free := self._turn.at_once(self._slots - self.busy)) > 0:
                try:
                    jobs = await self._claim(free)
                except Unavailable:
                    _log.warning("the database does not answer", queue=self._turn.queue)
                    return False
                for job in jobs:
                    run = Run(job, self._context.store, self._report)
                    self._working.add(run)
                    self._spawn(self._work(run))
                if len(jobs) < free:
                    return True
        return False

    async def _claim(self, free: int) -> list[Job]:
        """Jobs of batches leave slots to those that somebody waits for: an encoder is not interrupted, and
        two images of a batch before one's own tripled the wait. Raises DatabaseUnavailable."""
        batches = sum(run.job.priority < INTERACTIVE for run in self._working)
        room = self._batch_slots - batches
        if room >= free:
            return await self._claims.claim_many(self._turn, free)
        jobs = await self._claims.claim_many(self._turn, free, INTERACTIVE)
        if (left := min(free - len(jobs), room)) > 0:
            jobs += await self._claims.claim_many(self._turn, left)
        return jobs

    async def _work(self, run: Run) -> None:
        job = run.job
        self._keeper.add(run)
        with structlog.contextvars.bound_contextvars(job=str(job.id), request_id=job.request_id):
            try:
                with self._time.share() as share:
                    answer = await self._try(run)
                run.worked_s = share.seconds
                if isinstance(answer, WorkerBroken):
                    self.breaks(answer)
                self._settling.add(run)
                self._working.discard(run)
                self._look()
                await self._settle(run, answer)
            except LeaseLost:
                _log.warning("job lost: canceled, or with another worker", fence=job.fence)
                await drop(run)
            finally:
                self._keeper.remove(run)
                was = self.busy
                self._working.discard(run)
                self._settling.discard(run)
                self.worked_at = time.monotonic()
                self._recycle()
                if self.busy < was:
                    self._look()

    async def _settle(self, run: Run, answer: Outcome | AppError) -> None:
        """Raises LeaseLost."""
        try:
            await self._settler.settle(run, answer)
        except LeaseLost:
            raise
        except Exception:
            # a result that cannot be written, as one with a NUL in its text, will not be the next time either
            _log.exception("answer not written", kind=run.job.kind)
            await self._settler.settle(run, Internal(_OUR_FAULT))

    async def _try(self, run: Run) -> Outcome | AppError:
        """The handler's answer, errors as values. Raises LeaseLost."""
        try:
            return await self._handlers[run.job.kind](run)
        except LeaseLost:
            raise
        except AppError as error:
            return error
        except Exception as error:
            if isinstance(error, OSError) and error.errno in NO_ROOM:
                return StorageUnavailable("the worker's disk is full")
            _log.exception("handler failed", kind=run.job.kind)
            return Internal(_OUR_FAULT)

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
