"""What an operator does with everybody's jobs: `cutout jobs …`, `cutout queue`."""

from dataclasses import dataclass
from uuid import UUID

from app.db.page import Page, after, cut
from app.db.pool import Pool, connection
from app.engines.names import EngineName
from app.flags.types import Reason
from app.jobs import repository
from app.jobs.errors import JobEnded, JobNotFound
from app.jobs.events import Events
from app.jobs.repository import KindStats, QueueStats
from app.jobs.service import JobService
from app.jobs.types import PARAMS, Job, JobStatus, NewJob
from app.queue.port import Presence


@dataclass(frozen=True, slots=True)
class QueueState:
    stats: QueueStats
    workers: int | None
    """Alive now; None where Redis does not say."""


class JobAdmin:
    def __init__(self, pool: Pool, jobs: JobService, events: Events, presence: Presence) -> None:
        self._pool = pool
        self._jobs = jobs
        self._events = events
        self._presence = presence

    async def page(
        self, *, cursor: str | None = None, limit: int = 50, status: JobStatus | None = None
    ) -> Page[Job]:
        """Newest first. Raises BadCursor."""
        values = {"after": after(cursor), "limit": limit + 1, "status": status}
        async with connection(self._pool) as conn:
            jobs = await repository.many(conn, "list_all", values)
        return cut(jobs, [job.id for job in jobs], limit)

    async def show(self, job_id: UUID) -> Job:
        """Raises JobNotFound."""
        async with connection(self._pool) as conn:
            job = await repository.one(conn, "any_job", {"id": job_id})
        if job is None:
            raise JobNotFound("no such job")
        return job

    async def retry(self, job_id: UUID) -> Job:
        """A new job with the same work: the old one is history, and its credits were given back.

        Raises JobNotFound, JobEnded unless it failed or was canceled, ImageNotFound, QueueFull.
        """
        old = await self.show(job_id)
        if old.status not in {JobStatus.FAILED, JobStatus.CANCELED}:
            raise JobEnded(f"only a failed or canceled job is tried again; this one is {old.status}")
        new = NewJob(
            user_id=old.user_id,
            kind=old.kind,
            model=old.model,
            image_id=old.image_id,
            params=PARAMS[old.kind].model_validate(old.params),
            priority=old.priority,
            webhook=old.webhook,
            engine=EngineName(old.engine),
            reason=Reason(old.engine_reason) if old.engine_reason else None,
        )
        return await self._jobs.create(new)

    async def cancel(self, job_id: UUID) -> Job:
        """Raises JobNotFound, JobEnded."""
        async with connection(self._pool) as conn:
            job = await repository.one(conn, "cancel_any", {"id": job_id})
        if job is None:
            raise JobEnded(f"the job has already {(await self.show(job_id)).status}")
        await self._events.changed(job)
        return job

    async def stats(self, window_s: float = 86_400.0) -> list[KindStats]:
        """Of jobs that ended within the window, by kind, status and error code."""
        async with connection(self._pool) as conn:
            return await repository.stats(conn, window_s)

    async def queues(self) -> list[QueueState]:
        """Every queue with work now or within the last minute, or with a worker."""
        async with connection(self._pool) as conn:
            stats = {row.queue: row for row in await repository.queues(conn)}
        workers = await self._presence.alive()
        names = sorted(stats.keys() | (workers or {}).keys())
        return [
            QueueState(stats.get(name, QueueStats(name)), None if workers is None else workers.get(name, 0))
            for name in names
        ]
