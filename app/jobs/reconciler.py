"""What no worker does any more: leases of the dead, deadlines, and rows that Redis forgot."""

import time
from collections import defaultdict
from collections.abc import Callable

import structlog

from app.db.pool import Pool, connection, transaction
from app.errors import AppError
from app.jobs import repository
from app.jobs.claims import BACKOFF_S
from app.jobs.errors import DeadlinePassed, Quarantined
from app.jobs.events import Events
from app.jobs.repository import Waiting, error_json
from app.jobs.types import Job
from app.queue.errors import QueueUnavailable
from app.queue.messages import JobMessage, announcement
from app.queue.port import Doorbell
from app.telemetry.metrics import LEASES

QUARANTINE = 6
"""Workers that a job may end (DESIGN §8)."""
GRACE_S = 1.0
"""An announcement is looked for in Redis when it is this old; before, it may be on its way."""
GAP_S = 2.0
"""Between two rounds, which are a second apart: Postgres was away, or this process stood still."""
AT_ONCE = 100
"""Rows of a queue that are looked up in Redis per sweep, the next ones first. One ring wakes every idle
worker, and who is awake takes whatever waits."""

_log = structlog.get_logger()


class Reconciler:
    """Any number may run; a transaction-level lock lets one through at a time."""

    def __init__(
        self,
        pool: Pool,
        doorbell: Doorbell,
        events: Events,
        *,
        lease_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._doorbell = doorbell
        self._events = events
        self._lease_s = lease_s
        self._clock = clock
        self._last = clock()
        self._patient_until = 0.0

    async def sweep(self) -> list[Job]:
        """One round; the jobs that it changed. Raises DatabaseUnavailable."""
        judging = self._may_judge_leases()
        changed = await self._sweep(judging=judging)
        self._last = self._clock()
        return changed

    async def _sweep(self, *, judging: bool) -> list[Job]:
        async with transaction(self._pool) as conn:
            if not await repository.only_sweeper(conn):
                return []
            changed = await repository.many(
                conn, "give_up", _ended_by(DeadlinePassed("no worker was free in time"))
            )
            if judging:
                values = _ended_by(Quarantined("the job ended every worker that took it"))
                changed += await repository.many(conn, "quarantine", {**values, "quarantine": QUARANTINE})
                changed += await repository.many(conn, "requeue_lost", {"quarantine": QUARANTINE})
            waiting = await repository.waiting(conn, GRACE_S, AT_ONCE)
        await self._events.changed(*changed)
        self._report(changed)
        await self._announce(waiting)
        return changed

    async def mend_clock(self) -> list[Job]:
        """Jobs whose times lie ahead since the database's clock went back. Raises DatabaseUnavailable."""
        values = {"lease_s": self._lease_s, "pause_s": max(BACKOFF_S)}
        async with connection(self._pool) as conn:
            mended = await repository.many(conn, "mend_clock", values)
        if mended:
            _log.warning("the clock went back", jobs=len(mended))
        return mended

    def _may_judge_leases(self) -> bool:
        """Not right after a gap: while Postgres was away the living could not renew either."""
        now = self._clock()
        if now - self._last > max(self._lease_s / 2, GAP_S):
            self._patient_until = now + self._lease_s / 2  # two heartbeats
        return now >= self._patient_until

    async def _announce(self, waiting: list[Waiting]) -> None:
        queues: dict[str, dict[str, Waiting]] = defaultdict(dict)
        for row in waiting:
            queues[row.queue][announcement(row.id, row.fence)] = row
        try:
            for queue, rows in queues.items():
                forgotten = await self._doorbell.forgotten(queue, rows.keys())
                await self._ring(queue, [rows[key] for key in forgotten])
        except QueueUnavailable:
            _log.warning("the queue does not answer", waiting=len(waiting))

    async def _ring(self, queue: str, rows: list[Waiting]) -> None:
        """Raises QueueUnavailable: then they are looked up again when the grace is over."""
        if not rows:
            return
        # before the rings: the claim that a ring brings passes over rows that are being written
        async with connection(self._pool) as conn:
            await repository.announced(conn, rows)
        for row in rows:
            await self._doorbell.ring(queue, JobMessage(row.id, row.fence, row.request_id))
        _log.info("announced again", queue=queue, jobs=len(rows))

    def _report(self, changed: list[Job]) -> None:
        for job in changed:
            if job.error is None or job.error["code"] == Quarantined.code:
                LEASES.inc()
            _log.warning("job swept", job=str(job.id), status=job.status, crashes=job.crashes)


def _ended_by(error: AppError) -> dict[str, object]:
    return {"error": error_json(error)}
