from pathlib import Path
from uuid import UUID

import pytest

from app.db.pool import Pool
from app.images.service import ImageService
from app.jobs.events import Events
from app.jobs.service import JobService
from app.queue.arq_adapter import ArqDoorbell
from app.storage.local import LocalStore
from tests.rows import a_user


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def jobs(pool: Pool, doorbell: ArqDoorbell) -> JobService:
    return JobService(pool, doorbell, Events(doorbell))


@pytest.fixture
def images(pool: Pool, store: LocalStore, jobs: JobService) -> ImageService:
    return ImageService(pool, store, jobs)


@pytest.fixture
def owner(dsn: str) -> UUID:
    return a_user(dsn)
