"""Whether one more job may wait: a queue that nobody will reach the end of is an error, not a promise."""

from dataclasses import dataclass
from math import ceil
from uuid import UUID

from app.db.pool import Connection
from app.jobs import repository
from app.jobs.errors import QueueFull, TooManyJobs

WINDOW_S = 60.0
"""Throughput is what ended within this."""
_GUESS_S = 2.0
"""Per job, where nothing ended lately: an encode or a cutout on 2 cores."""
_LONGEST_S = 3600


@dataclass(frozen=True, slots=True)
class Limits:
    queue: int = 10_000
    """Jobs that may wait in one queue."""
    user: int = 5_000
    """Jobs of one user that may wait in one queue."""


NO_LIMITS = Limits(queue=10**9, user=10**9)


@dataclass(frozen=True, slots=True)
class Load:
    """Of one queue, as one user meets it."""

    waiting: int
    mine: int
    ended: int
    """Within WINDOW_S."""

    def wait_s(self, jobs: int) -> int:
        """Seconds until `jobs` of the queue are done, from what was done lately."""
        pace = WINDOW_S / self.ended if self.ended else _GUESS_S
        return min(max(ceil(jobs * pace), 1), _LONGEST_S)


async def admit(conn: Connection, queue: str, user_id: UUID, limits: Limits) -> None:
    """Raises QueueFull, TooManyJobs; both carry `retry_after`, the estimated seconds until there is room."""
    load = Load(**await repository.queue_load(conn, queue, user_id, limits.queue, WINDOW_S))
    if load.mine >= limits.user:
        wait = load.wait_s(load.mine - limits.user + 1)
        raise TooManyJobs(f"{load.mine} of your jobs are waiting already", retry_after=wait)
    if load.waiting >= limits.queue:
        wait = load.wait_s(load.waiting - limits.queue + 1)
        raise QueueFull(f"{load.waiting} jobs are waiting already", retry_after=wait, queue=load.waiting)
