"""One run of a job: what a handler is given."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from app.errors import AppError
from app.jobs.types import Job
from app.storage import keys
from app.storage.base import ObjectStore, StoredObject

P = ParamSpec("P")
T = TypeVar("T")

PROGRESS_EVERY_S = 0.25
"""A listener sees four steps a second; a write of the row costs 2 ms."""


class WorkerLeaves(AppError):
    """The process is asked to end: the job goes back to its queue. Never shown to anybody."""

    code = "worker_leaves"


class WorkerBroken(WorkerLeaves):
    """The process cannot go on, its GPU is lost: all its jobs go back, and it ends with an error."""

    code = "worker_broken"
    exit_code = 70  # EX_SOFTWARE of sysexits.h


class RunFiles:
    """Files of one run: all of them go when it does not stand, the unneeded ones when it does."""

    def __init__(self, store: ObjectStore, job: Job) -> None:
        self._store = store
        self._job = job
        self._written: list[str] = []
        self._needless: list[str] = []

    @property
    def name(self) -> str:
        return keys.run(self._job.id, self._job.fence)

    async def put(self, key: str, source: Path, content_type: str) -> StoredObject:
        self._written.append(key)
        return await self._store.put(key, source, content_type)

    def needless(self, key: str) -> None:
        """Another job's file stands in its place."""
        self._needless.append(key)

    async def keep(self) -> None:
        """The result stands."""
        if self._needless:
            await self._store.delete(self._needless)

    async def drop(self) -> None:
        if self._written:
            await self._store.delete(self._written)


class Run:
    """Thread-safe where a handler's threads reach it: `progress`, `check`, `step`."""

    def __init__(self, job: Job, store: ObjectStore, report: Callable[[Job, float], None]) -> None:
        """`report` is called on the loop that made the run, at most every PROGRESS_EVERY_S."""
        self.job = job
        self.files = RunFiles(store, job)
        self.timings: dict[str, float] = {}
        self.micros = 0
        """Micro-dollars that others will ask of us for it."""
        self.worked_s = 0.0
        """Its share of the worker's time, once it has ended."""
        self.started = time.monotonic()
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._reported = self.started
        self._stopped: AppError | None = None
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def stop(self, reason: AppError) -> None:
        """The next `progress` or `check` raises the first reason that was given."""
        with self._lock:
            self._stopped = self._stopped or reason

    def check(self) -> None:
        with self._lock:
            if self._stopped is not None:
                raise self._stopped

    def progress(self, share: float) -> None:
        """Between two steps: `share` 0..1 of this run is done. Raises why the run has to stop."""
        self.check()
        now = time.monotonic()
        if now - self._reported >= PROGRESS_EVERY_S:
            self._reported = now
            self._loop.call_soon_threadsafe(self._report, self.job, min(max(share, 0.0), 1.0))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Adds the block's seconds to `timings[name]`."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.timings[name] = self.timings.get(name, 0.0) + time.perf_counter() - begun

    async def watched(self, work: Callable[..., T], *args: object, **kwargs: object) -> T:
        """`work(*args, progress=…, **kwargs)` in a thread; its steps are timed, between them it may stop."""
        steps = Steps(self)
        try:
            return await asyncio.to_thread(work, *args, progress=steps, **kwargs)
        finally:
            steps.close()

    async def thread(self, step: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """CPU work beside the loop, timed as one step."""
        self.check()
        with self.step(step):
            return await asyncio.to_thread(work, *args, **kwargs)


class Steps:
    """A pipeline's progress callback: each step lasts until the next one is named."""

    FIRST, LAST = "decode", "encode"
    """What an engine does before its first step and after its last."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._name = self.FIRST
        self._since = time.perf_counter()

    def __call__(self, share: float, step: str) -> None:
        self.close()
        self._name = self.LAST if step == "done" else step
        self._run.progress(share)

    def close(self) -> None:
        now = time.perf_counter()
        timings = self._run.timings
        timings[self._name] = timings.get(self._name, 0.0) + now - self._since
        self._since = now
