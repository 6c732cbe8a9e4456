"""The heartbeat: a thread with its own loop and connection, so that blocked work cannot lose a lease."""

import asyncio
import os
import threading
import time
from collections.abc import Callable

import structlog

from app.db.pool import Pool, open_pool
from app.errors import AppError, Unavailable
from app.jobs.claims import Claims
from app.jobs.errors import JobTimeout, LeaseLost
from workers.run import Run, WorkerLeaves

EXIT_STUCK = 70  # EX_SOFTWARE of sysexits.h
_log = structlog.get_logger()


class LeaseKeeper:
    """Renews this process's leases until `stop`, tells lost runs so, ends the process over a stuck one."""

    def __init__(
        self,
        dsn: str,
        claims: Callable[[Pool], Claims],
        *,
        lease_s: float,
        timeout_s: float,
        kill_after_s: float,
    ) -> None:
        """timeout_s: a run this old is asked to stop; kill_after_s later it is ended with the process."""
        self._dsn = dsn
        self._claims = claims
        self._lease_s = lease_s
        self._timeout_s = timeout_s
        self._kill_after_s = kill_after_s
        self._runs: dict[int, Run] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(self._lease_s)

    def add(self, run: Run) -> None:
        with self._lock:
            self._runs[id(run)] = run

    def remove(self, run: Run) -> None:
        with self._lock:
            self._runs.pop(id(run), None)

    def abandon(self) -> None:
        """The grace is over and a thread still works: give everything back and end without it."""
        self._abandoned.set()
        self._thread.join(self._lease_s)
        os._exit(EXIT_STUCK)

    @property
    def runs(self) -> list[Run]:
        with self._lock:
            return list(self._runs.values())

    def _keep(self) -> None:
        """A process that cannot keep its leases must not work on: others get its jobs."""
        try:
            asyncio.run(self._main())
        except Exception:
            _log.exception("ending the worker: its leases cannot be kept")
            os._exit(EXIT_STUCK)

    async def _main(self) -> None:
        pool = None
        while not self._ended.is_set():
            try:
                pool = pool or await open_pool(self._dsn, 1, 1)
                await self._beat(self._claims(pool))
            except Unavailable:
                _log.warning("leases not renewed: the database does not answer", runs=len(self.runs))
            await asyncio.to_thread(self._ended.wait, self._lease_s / 4)
        if pool is not None:
            await pool.close()

    async def _beat(self, claims: Claims) -> None:
        runs = self.runs
        if not runs:
            return
        ours = await claims.renew([(run.job.id, run.job.fence) for run in runs], self._lease_s)
        for run in runs:
            if run.job.id not in ours:
                run.stop(LeaseLost("the job was given to somebody else, or canceled"))
            elif run.seconds > self._timeout_s:
                run.stop(JobTimeout(f"the job ran longer than {self._timeout_s:.0f} s"))
        longest = max(run.seconds for run in runs)
        if self._abandoned.is_set() or longest > self._timeout_s + self._kill_after_s:
            await self._end_process(claims, runs)

    async def _end_process(self, claims: Claims, runs: list[Run]) -> None:
        """A thread cannot be killed, a process can: the stuck job fails, the others go back, we go."""
        for run in runs:
            stuck = run.seconds > self._timeout_s
            _log.error("ending the worker over a stuck job", job=str(run.job.id), stuck=stuck)
            try:
                if stuck:
                    await claims.fail(run.job, JobTimeout("a step of the job did not end"))
                else:
                    await claims.give_back(run.job)
            except AppError as error:
                _log.warning("job not settled", job=str(run.job.id), code=error.code)
        os._exit(EXIT_STUCK)


def ask_to_leave(keeper: LeaseKeeper) -> None:
    for run in keeper.runs:
        run.stop(WorkerLeaves("the worker ends"))


async def wait_until_idle(keeper: LeaseKeeper, timeout_s: float) -> bool:
    until = time.monotonic() + timeout_s
    while keeper.runs and time.monotonic() < until:  # noqa: ASYNC110 - shared with a thread
        await asyncio.sleep(0.05)
    return not keeper.runs
