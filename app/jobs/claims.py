"""The worker's side of a job's life (DESIGN §8): claim, renew, finish by compare-and-set on the fence."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias
from uuid import UUID

from psycopg.types.json import Jsonb

from app.db.pool import Connection, Pool, connection, transaction
from app.engines.names import EngineName
from app.errors import AppError
from app.flags.types import Reason
from app.jobs import repository
from app.jobs.announce import announce, answered
from app.jobs.errors import LeaseLost
from app.jobs.events import Events
from app.jobs.types import BATCH, Job
from app.queue.port import Doorbell

MAX_ATTEMPTS = 3
"""Coded retryable errors until the job fails with the last one (DESIGN §8)."""
BACKOFF_S = (2.0, 10.0)
"""Before the second and the third attempt."""

OUR_FAULT = 500
"""An error with this status or above is none of the user's."""

_LOST = "the job was given to somebody else, or canceled"

Effect: TypeAlias = Callable[[Connection], Awaitable[None]]
"""What a result writes beside the job's row, in the same transaction."""


Timings: TypeAlias = Mapping[str, float]
"""Seconds by step."""
NOTHING: Timings = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a handler gives back for a job that worked."""

    result: Mapping[str, Any] = field(default_factory=dict)
    """DESIGN §9, without what only the API knows (URLs)."""
    result_key: str | None = None
    result_ttl_s: float | None = None
    """None: as long as the image."""
    effects: Sequence[Effect] = ()
    queue: str | None = None
    """Another kind of worker does the rest of the job: its queue."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Who claims what."""

    queue: str
    worker: str
    lease_s: float
    user_cap: int | None = None
    """Jobs of one user that run at once in this queue."""
    waited_s: float = 0
    """Younger jobs are left to others."""

    def at_once(self, slots: int) -> int:
        """How many to claim for so many free slots: under a cap each is counted before the next."""
        return slots if self.user_cap is None else min(slots, 1)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one run has cost us."""

    worker: str | None = None
    """The kind of worker: `embed`, `mask`, `legacy`."""
    seconds: float = 0.0
    """Of the worker; jobs that run side by side share them."""
    micros: int = 0
    """Micro-dollars."""

    def as_values(self) -> dict[str, object]:
        return {"by": self.worker, "seconds": self.seconds, "cost": self.micros}


UNPAID = Spent()


@dataclass(frozen=True, slots=True)
class Success:
    job: Job
    outcome: Outcome
    timings: Timings = field(default_factory=dict)
    spent: Spent = UNPAID


@dataclass(frozen=True, slots=True)
class Detour:
    """The other engine does a job that was about to fail."""

    engine: EngineName
    reason: Reason
    queue: str


Rescue: TypeAlias = Callable[[Connection, Job, AppError], Awaitable[Detour | None]]
"""Whether a job that ends with this error goes on elsewhere; in the transaction that decides it."""


async def no_rescue(_conn: Connection, _job: Job, _error: AppError) -> Detour | None:
    return None


class Claims:
    def __init__(self, pool: Pool, doorbell: Doorbell, events: Events, rescue: Rescue = no_rescue) -> None:
        self._rescue = rescue
        self._pool = pool
        self._doorbell = doorbell
        self._events = events

    async def claim(
        self, queue: str, worker: str, *, lease_s: float, user_cap: int | None = None, waited_s: float = 0
    ) -> Job | None:
        """The job whose turn it is, now ours; None when none may run. See claim_many."""
        turn = Turn(queue, worker, lease_s, user_cap, waited_s)
        jobs = await self.claim_many(turn, 1)
        return jobs[0] if jobs else None

    async def claim_many(self, turn: Turn, count: int, lowest: int = BATCH) -> list[Job]:
        """At most `turn.at_once(count)` jobs of this priority or above in their order, now ours."""
        values = {
            "queue": turn.queue,
            "worker": turn.worker,
            "lease_s": turn.lease_s,
            "count": turn.at_once(count),
            "lowest": lowest,
            "user_cap": turn.user_cap,
            "waited_s": turn.waited_s,
        }
        async with connection(self._pool) as conn:
            jobs = await repository.claim(conn, values)
        # both at once: a Redis that is silent costs a claim one timeout, of the lease's four seconds
        await asyncio.gather(self._events.changed(*jobs), answered(self._doorbell, turn.queue, jobs))
        return jobs

    async def renew(self, held: Sequence[tuple[UUID, int]], lease_s: float) -> set[UUID]:
        """The ids of (id, fence) that are still ours."""
        async with connection(self._pool) as conn:
            return await repository.renew(conn, held, lease_s)

    async def progress(self, job: Job, value: float) -> bool:
        """False: the job is not ours any more, stop."""
        async with connection(self._pool) as conn:
            changed = await repository.one(conn, "progress", _held(job, progress=value))
        if changed is not None:
            await self._events.changed(changed)
        return changed is not None

    async def succeed(self, job: Job, outcome: Outcome, timings: Timings = NOTHING) -> Job:
        """Result, effects and status in one transaction. Raises LeaseLost, with nothing written."""
        (ended,) = await self.succeed_all([Success(job, outcome, timings)])
        if ended is None:
            raise LeaseLost(_LOST)
        return ended

    async def succeed_all(self, done: Sequence[Success]) -> list[Job | None]:
        """All of them in one transaction; None for each that is not ours any more, nothing written for it.

        An effect that raises takes all of them back.
        """
        effects = any(success.outcome.effects for success in done)
        async with (transaction if effects else connection)(self._pool) as conn:
            ended = {job.id: job for job in await repository.many(conn, "succeed", _columns(done))}
            for success in done:
                for effect in success.outcome.effects if success.job.id in ended else ():
                    await effect(conn)
        await self._events.changed(*ended.values())
        return [ended.get(success.job.id) for success in done]

    async def pass_on(self, job: Job, outcome: Outcome, timings: Timings, spent: Spent = UNPAID) -> Job:
        """Another kind of worker does the rest, in `outcome.queue`. Raises LeaseLost."""
        values = {"queue": outcome.queue, "timings": Jsonb(dict(timings)), **spent.as_values()}
        passed = await self._change(job, "pass_on", values, outcome.effects)
        await announce(self._doorbell, passed)
        return passed

    async def stands(self, job: Job) -> bool:
        """Whether the job was ended, or passed on, by the run that holds `job.fence`."""
        async with connection(self._pool) as conn:
            return await repository.stands(conn, job)

    async def fail(self, job: Job, error: AppError, timings: Timings = NOTHING, spent: Spent = UNPAID) -> Job:
        """Queued again after a pause where the error may pass, or at the other engine's where there is a
        rescue; else the end. Raises LeaseLost."""
        if error.retryable and job.attempt + 1 < MAX_ATTEMPTS:
            pause = {"delay_s": BACKOFF_S[job.attempt], **spent.as_values()}
            return await self._change(job, "retry", pause)
        ended = {"timings": Jsonb(dict(timings)), **spent.as_values()}
        if (rescued := await self._rescued(job, error, ended)) is not None:
            return rescued
        values = {
            "error": repository.error_json(error),
            "attempts": int(error.retryable),
            "our_fault": error.status >= OUR_FAULT,
            **ended,
        }
        return await self._change(job, "fail", values)

    async def _rescued(self, job: Job, error: AppError, ended: Mapping[str, object]) -> Job | None:
        async with transaction(self._pool) as conn:
            detour = await self._rescue(conn, job, error)
            if detour is None:
                return None
            values = {"engine": detour.engine, "engine_reason": detour.reason, "queue": detour.queue}
            changed = await repository.one(conn, "reroute", _held(job, **values, **ended))
            if changed is None:
                raise LeaseLost(_LOST)
        await self._events.changed(changed)
        await announce(self._doorbell, changed)
        return changed

    async def give_back(self, job: Job, spent: Spent = UNPAID) -> Job:
        """A worker that leaves; counts neither as attempt nor as crash. Raises LeaseLost."""
        returned = await self._change(job, "give_back", spent.as_values())
        await announce(self._doorbell, returned)
        return returned

    async def _change(
        self, job: Job, query: str, values: Mapping[str, object], effects: Sequence[Effect] = ()
    ) -> Job:
        async with (transaction if effects else connection)(self._pool) as conn:
            changed = await repository.one(conn, query, _held(job, **values))
            if changed is None:
                raise LeaseLost(_LOST)
            for effect in effects:
                await effect(conn)
        await self._events.changed(changed)
        return changed


def _columns(done: Sequence[Success]) -> dict[str, object]:
    return {
        "ids": [success.job.id for success in done],
        "fences": [success.job.fence for success in done],
        "results": [Jsonb(dict(success.outcome.result)) for success in done],
        "result_keys": [success.outcome.result_key for success in done],
        "result_ttls": [success.outcome.result_ttl_s for success in done],
        "timings": [Jsonb(dict(success.timings)) for success in done],
        "costs": [success.spent.micros for success in done],
        "workers": [success.spent.worker for success in done],
        "seconds": [success.spent.seconds for success in done],
    }


def _held(job: Job, **values: object) -> dict[str, object]:
    return {"id": job.id, "fence": job.fence, **values}
