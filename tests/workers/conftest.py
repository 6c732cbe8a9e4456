"""A worker's parts over real services, without its process."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.db.pool import Pool
from app.jobs.claims import Claims
from app.jobs.events import Events
from app.jobs.service import JobService
from app.queue.arq_adapter import ArqDoorbell
from app.storage.local import LocalStore
from workers.leases import LeaseKeeper
from workers.options import Context, Handlers, WorkerOptions
from workers.runtime import Runtime

OPTIONS = WorkerOptions(lease_s=2.0, job_timeout_s=60)

MakeRuntime = Callable[[str, Handlers], Runtime]


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def jobs(pool: Pool, doorbell: ArqDoorbell) -> JobService:
    return JobService(pool, doorbell, Events(doorbell))


@pytest.fixture
def context(pool: Pool, store: LocalStore, doorbell: ArqDoorbell) -> Context:
    return Context(pool, store, doorbell, Events(doorbell), OPTIONS)


@pytest.fixture
async def keeper(dsn: str, doorbell: ArqDoorbell) -> AsyncIterator[LeaseKeeper]:
    keeper = LeaseKeeper(
        dsn,
        lambda pool: Claims(pool, doorbell, Events(None)),
        lease_s=OPTIONS.lease_s,
        timeout_s=OPTIONS.job_timeout_s,
        kill_after_s=60,
    )
    keeper.start()
    yield keeper
    keeper.stop()


@pytest.fixture
def runtime(context: Context, keeper: LeaseKeeper) -> MakeRuntime:
    return lambda queue, handlers: Runtime(context, queue, handlers, keeper)
