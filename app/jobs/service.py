"""What the API and the command line do with jobs. Workers go through claims.py."""

import builtins
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import uuid_utils
from psycopg.types.json import Jsonb

from app.credits.service import CANNOT_PAY, Named, paid
from app.db.page import Page, after, cut
from app.db.pool import Connection, Pool, connection, transaction
from app.engines.names import EngineName
from app.flags.service import Flags
from app.flags.types import Reason
from app.images.errors import ImageNotFound
from app.jobs import repository
from app.jobs.admission import NO_LIMITS, Limits, admit
from app.jobs.announce import announce, answered
from app.jobs.errors import JobEnded, JobNotFound
from app.jobs.events import Events
from app.jobs.prices import DEFAULT_PRICES, Prices
from app.jobs.repository import Pulse
from app.jobs.types import Job, JobKind, JobStatus, NewJob
from app.queue.messages import LEGACY_QUEUE, MASK_QUEUE, embed_queue
from app.queue.port import Doorbell

DEADLINE_S = 24 * 3600.0
"""A job that no worker took for a day is worth nothing to the person who asked."""


class JobService:
    def __init__(
        self,
        pool: Pool,
        doorbell: Doorbell,
        events: Events | None = None,
        limits: Limits = NO_LIMITS,
        prices: Prices = DEFAULT_PRICES,
        *,
        flags: Flags | None = None,
    ) -> None:
        """`flags`: choose the engine of each `remove`; without them it is ours."""
        self._flags = flags
        self._pool = pool
        self._prices = prices
        self._limits = limits
        self._doorbell = doorbell
        self._events = events or Events(None)

    async def create(self, new: NewJob, key: Named | None = None) -> Job:
        """The row first, credits reserved and `key` named with it; then the bell, unless there is a result.

        Raises ImageNotFound, NoCredits, QueueFull, TooManyJobs, DatabaseUnavailable.
        """
        new = await self._routed(new)
        async with transaction(self._pool) as conn:
            new = await self._paid(conn, new)
            row = _row(new, self._prices.of(new))
            if new.result is None:
                await admit(conn, str(row["queue"]), new.user_id, self._limits)
            with paid(CANNOT_PAY):
                job = await repository.one(conn, "insert_job", row)
            if job is None:
                raise ImageNotFound("no such image")
            if key is not None:
                await key.name(conn, job.id)
            if new.result is not None:
                job = await repository.one(conn, "answer", {"id": job.id, "result": Jsonb(new.result)})
                assert job is not None
        if not job.status.ended:
            await announce(self._doorbell, job)
        await self._events.changed(job)
        return job

    async def insert(self, conn: Connection, new: NewJob) -> Job | None:
        """In the caller's transaction, past all limits; the reconciler rings. None: the image is gone."""
        return await repository.one(conn, "insert_job", _row(new, self._prices.of(new)))

    async def _routed(self, new: NewJob) -> NewJob:
        """With the engine that its user gets now; where there is no choice no reason is needed."""
        if self._flags is None or new.kind is not JobKind.REMOVE or new.reason is not None:
            return new
        decision = await self._flags.decide(new.user_id)
        reason = None if decision.reason is Reason.NO_LEGACY else decision.reason
        return replace(new, engine=decision.engine, reason=reason)

    async def _paid(self, conn: Connection, new: NewJob) -> NewJob:
        """What the day's budget does not pay for is done by our own engine."""
        if new.kind is not JobKind.REMOVE or not new.unasked:
            return new
        if self._flags is not None and await self._flags.spend(conn):
            return new
        return replace(new, engine=EngineName.SAM2, reason=Reason.BUDGET_SPENT)

    async def get(self, user_id: UUID, job_id: UUID) -> Job:
        """Raises JobNotFound."""
        async with connection(self._pool) as conn:
            job = await repository.one(conn, "job", {"id": job_id, "user_id": user_id})
        if job is None:
            raise JobNotFound("no such job")
        return job

    async def list(
        self,
        user_id: UUID,
        *,
        cursor: str | None = None,
        limit: int = 50,
        status: JobStatus | None = None,
        kind: JobKind | None = None,
        image_id: UUID | None = None,
    ) -> Page[Job]:
        """Newest first. Raises BadCursor."""
        values = {
            "user_id": user_id,
            "after": after(cursor),
            "limit": limit + 1,
            "status": status,
            "kind": kind,
            "image_id": image_id,
        }
        async with connection(self._pool) as conn:
            jobs = await repository.many(conn, "list_jobs", values)
        return cut(jobs, [job.id for job in jobs], limit)

    async def cancel(self, user_id: UUID, job_id: UUID) -> Job:
        """Ends the job at once; a worker that has it stops at its next step. Raises JobNotFound, JobEnded."""
        async with connection(self._pool) as conn:
            job = await repository.one(conn, "cancel", {"id": job_id, "user_id": user_id})
        if job is None:
            ended = await self.get(user_id, job_id)
            raise JobEnded(f"the job has already {ended.status}", job_status=ended.status)
        await self._events.changed(job)
        return job

    async def cancel_of_images(self, conn: Connection, image_ids: Sequence[UUID]) -> builtins.list[Job]:
        """In the transaction that deletes the images; announce_changes comes after it."""
        return await repository.cancel_of_images(conn, image_ids)

    async def cancel_of_batch(
        self, conn: Connection, batch_id: UUID, *, waiting_only: bool = False
    ) -> builtins.list[Job]:
        """Those that have not ended, or that no worker holds; announce_changes comes after it."""
        values = {"batch_id": batch_id, "waiting_only": waiting_only}
        return await repository.many(conn, "cancel_of_batch", values)

    async def cancel_of_user(self, user_id: UUID) -> None:
        """All that wait or run; and no announcement is left of these nor of any that were canceled before."""
        values = {"user_id": user_id}
        async with connection(self._pool) as conn:
            await self._events.changed(*await repository.many(conn, "cancel_of_user", values))
            canceled = await repository.many(conn, "canceled_of_user", values)
        for queue in {job.queue for job in canceled}:
            await answered(self._doorbell, queue, [job for job in canceled if job.queue == queue])

    async def announce_changes(self, jobs: Sequence[Job]) -> None:
        await self._events.changed(*jobs)

    async def pulse(self, queues: Sequence[str], window_s: float) -> Pulse:
        """How well the jobs of these queues fare."""
        async with connection(self._pool) as conn:
            return await repository.pulse(conn, queues, window_s)

    async def queue_position(self, job: Job) -> int | None:
        """1 = next; None when it does not wait."""
        if job.status is not JobStatus.QUEUED:
            return None
        async with connection(self._pool) as conn:
            return await repository.position(conn, job.id) or None


def _queue(new: NewJob) -> str:
    if new.engine is EngineName.CLIPPINGMAGIC:
        return LEGACY_QUEUE
    return MASK_QUEUE if new.kind is JobKind.APPLY_MASK else embed_queue(new.model)


def _row(new: NewJob, price: int) -> dict[str, object]:
    return {
        "id": UUID(bytes=uuid_utils.uuid7().bytes),
        "user_id": new.user_id,
        "batch_id": new.batch_id,
        "kind": new.kind,
        "engine": new.engine,
        "engine_reason": new.reason,
        "model": new.model,
        "image_id": new.image_id,
        "params": Jsonb(new.params.model_dump(mode="json")),
        "queue": _queue(new),
        "priority": new.priority,
        "deadline_s": DEADLINE_S,
        "webhook": Jsonb(new.webhook.model_dump(mode="json")) if new.webhook else None,
        "request_id": new.request_id,
        "reserved": price,
    }
