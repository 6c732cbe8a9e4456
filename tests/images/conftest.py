from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from app.db.pool import Pool
from app.images.service import ImageService
from app.jobs.events import Events
from app.jobs.service import JobService
from app.queue.arq_adapter import ArqDoorbell
from app.storage.base import StoredObject
from app.storage.errors import StorageUnavailable
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


@pytest.fixture
def lose_answers(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on the store keeps what it is given, and says that it could not."""
    put = store.put

    async def lost(key: str, source: Path, content_type: str) -> StoredObject:
        await put(key, source, content_type)
        raise StorageUnavailable("away")

    return lambda: monkeypatch.setattr(store, "put", lost)
