"""What makes one kind of worker different from another, and what its parts share."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from app.db.pool import Pool
from app.flags.rescue import Rescuer
from app.flags.service import EnginePolicy, Flags
from app.jobs.claims import Claims, Outcome
from app.jobs.events import Events
from app.jobs.types import JobKind
from app.queue.arq_adapter import ArqDoorbell
from app.storage.base import ObjectStore
from workers.run import Run

Handler: TypeAlias = Callable[[Run], Awaitable[Outcome]]
Handlers: TypeAlias = Mapping[JobKind, Handler]


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    slots: int = 1
    """Jobs at once."""
    lease_s: float = 4.0
    """A killed worker's job is back in the queue after this and a sweep (1 s), and half of it more when
    Postgres was away: p99 recovery below 10 s (make chaos)."""
    grace_s: float = 25.0
    """After SIGTERM, for jobs to end; Fly.io kills after 30 s where kill_timeout says so."""
    job_timeout_s: float = 300.0
    kill_after_s: float = 15.0
    """A job that has not stopped so long after its time is ended with its process."""
    memory_limit_mb: int | None = None
    """Resident size at which the worker ends between two jobs, to be started anew."""
    user_cap: int | None = None
    """Jobs of one user at once in this queue."""
    batch_slots: int | None = None
    """Of the slots, those that jobs of batches may take: who waits finds the others free. None: all."""
    waited_s: float = 0.0
    """Leave jobs younger than this to other workers."""
    idle_s: float | None = None
    """The worker ends when it had nothing to do for so long."""
    usd_hour: float = 0.0
    """What an hour of this worker costs."""
    engines: EnginePolicy = field(default_factory=EnginePolicy)


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
        return Claims(self.pool, self.doorbell, self.events, Rescuer(Flags(self.pool, self.options.engines)))


Background: TypeAlias = Callable[[Context], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    name: str
    queue: str
    handlers: Callable[[Context], Handlers]
    """Called once before the first job."""
    background: Sequence[Background] = ()
    """Run beside the jobs until the worker ends."""
    options: WorkerOptions = field(default_factory=WorkerOptions)
