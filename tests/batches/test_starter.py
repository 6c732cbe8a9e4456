"""Items become jobs: real rows, files and probes; no worker takes the jobs, so they stay where they are."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
import uuid_utils

from app.aio import end
from app.batches import starter as module
from app.batches.repository import begin, forget_sources, has_image, has_job
from app.batches.service import BatchService
from app.batches.starter import Starter
from app.batches.types import Batch, FileSource, NewBatch, NewItem
from app.credits.service import Credits
from app.db.pool import Pool, connection, transaction
from app.images.service import ImageService
from app.jobs.service import JobService
from app.jobs.types import JobKind, JobStatus, NewJob, RemoveParams
from app.net.client import GuardedClient
from app.queue.arq_adapter import ArqDoorbell
from app.storage import keys
from app.storage.local import LocalStore
from tests.data.photos import CAT
from tests.rows import a_user, an_image, new_id

PATIENCE_S = 60
WAITS = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
"""Somebody, for somebody else's transaction."""


class World:
    def __init__(self, dsn: str, pool: Pool, doorbell: ArqDoorbell, folder: Path) -> None:
        self.dsn, self.pool, self.store = dsn, pool, LocalStore(folder / "store")
        self.jobs = JobService(pool, doorbell)
        self.batches = BatchService(pool, self.jobs)

    @asynccontextmanager
    async def starting(self) -> AsyncIterator[None]:
        images = ImageService(self.pool, self.store, self.jobs)
        running = asyncio.create_task(
            Starter(self.pool, self.store, GuardedClient(), images, self.jobs).run()
        )
        yield
        await end([running])

    async def batch(self, user: UUID, *contents: bytes, close: bool = True) -> Batch:
        new = NewBatch(UUID(bytes=uuid_utils.uuid7().bytes), user, "lite")
        items = []
        for number, content in enumerate(contents):
            key = keys.batch_source(user, new.id, UUID(bytes=uuid_utils.uuid7().bytes), "bin")
            file = self.store.root.parent / "file"
            file.write_bytes(content)
            await self.store.put(key, file, "image/jpeg")
            items.append(NewItem(f"{number}.jpg", FileSource(key=key)))
        return await self.batches.create(new, items, close=close)

    async def until(self, batch: Batch, done: Callable[[Batch], bool]) -> Batch:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await self.batches.get(batch.user_id, batch.id)
                if done(found):
                    return found
                await asyncio.sleep(0.05)

    async def until_jobs(self, user: UUID, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len((await self.jobs.list(user)).items) < count:  # noqa: ASYNC110 - a row
                await asyncio.sleep(0.05)

    def do(self, statement: str, *values: object) -> int:
        """The rows that it touched."""
        with psycopg.connect(self.dsn) as conn:
            return conn.execute(statement.encode(), values).rowcount


@pytest.fixture
def world(dsn: str, pool: Pool, doorbell: ArqDoorbell, tmp_path: Path) -> World:
    return World(dsn, pool, doorbell, tmp_path)


CATS = CAT.path.read_bytes()
PROCESSING, FAILED, QUEUED = JobStatus.PROCESSING, JobStatus.FAILED, JobStatus.QUEUED


async def test_an_empty_balance_fails_the_rest_and_a_full_one_mends_it(world: World, pool: Pool) -> None:
    user = a_user(world.dsn, "prepaid")
    await Credits(pool).grant(user, 1000)
    batch = await world.batch(user, CATS, CATS, CATS)
    async with world.starting():
        found = await world.until(batch, lambda b: b.counts[FAILED] == 1 and b.counts[PROCESSING] == 2)
        assert found.finished_at is None
        (poor,) = (await world.batches.items(user, batch.id, state=FAILED)).items
        assert poor.error is not None
        assert poor.error["code"] == "no_credits"
        await Credits(pool).grant(user, 500)
        await world.batches.retry(user, batch.id)
        await world.until(batch, lambda b: b.counts[PROCESSING] == 3)
    assert await world.store.list(keys.batch_prefix(user, batch.id)) == []


async def test_the_window_is_kept_and_a_pause_takes_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WINDOW", 2)
    user = a_user(world.dsn)
    batch = await world.batch(user, *[CATS] * 4)
    async with world.starting():
        await world.until_jobs(user, 2)
        paused = await world.batches.pause(user, batch.id)
        assert (paused.counts[QUEUED], paused.counts[PROCESSING]) == (4, 0)
        page = await world.jobs.list(user)
        assert {(job.status, job.priority) for job in page.items} == {(JobStatus.CANCELED, -10)}
        await world.batches.resume(user, batch.id)
        await world.until_jobs(user, 4)
    images = world.do("select from images where user_id = %s", user)
    assert images == 2, "an item that was taken back keeps its image"


async def test_who_began_it_died(world: World) -> None:
    user = a_user(world.dsn)
    batch = await world.batch(user, CATS, CATS)
    async with connection(world.pool) as conn:
        values = {"window": 9, "count": 9, "lease_s": 0}
        assert len(await begin(conn, values)) == 2
    first = (await world.batches.items(user, batch.id)).items[0]
    world.do("update batch_items set starts = 60, crashes = case id when %s then 5 else 0 end", first.id)
    async with world.starting():
        found = await world.until(batch, lambda b: b.counts[FAILED] == 1 and b.counts[PROCESSING] == 1)
        (poison,) = (await world.batches.items(user, batch.id, state=FAILED)).items
    assert poison.error is not None
    assert (poison.id, poison.error["code"]) == (first.id, "item_quarantined")
    assert found.finished_at is None


async def test_a_late_beginner_changes_nothing(world: World) -> None:
    """It was canceled meanwhile: no job, no image, no file."""
    user = a_user(world.dsn)
    batch = await world.batch(user, CATS)
    images = ImageService(world.pool, world.store, world.jobs)
    late = Starter(world.pool, world.store, GuardedClient(), images, world.jobs)
    (item,) = await late._begin(1)
    await world.batches.cancel(user, batch.id)
    await late._start(item)
    assert (await world.jobs.list(user)).items == ()
    assert [key for key in await world.store.list("users/") if "/images/" in key] == []


async def test_whoever_began_it_before_a_retry_holds_nothing(world: World) -> None:
    user = a_user(world.dsn)
    batch = await world.batch(user, CATS)
    images = ImageService(world.pool, world.store, world.jobs)
    late, prompt = (Starter(world.pool, world.store, GuardedClient(), images, world.jobs) for _ in range(2))
    (before,) = await late._begin(1)
    await world.batches.cancel(user, batch.id)
    await world.batches.retry(user, batch.id)
    (after,) = await prompt._begin(1)
    async with connection(world.pool) as conn:
        assert not await has_image(conn, before, new_id())
    await prompt._start(after)
    assert len((await world.jobs.list(user)).items) == 1


async def test_a_job_that_is_being_made_is_canceled_with_its_batch(world: World) -> None:
    user = a_user(world.dsn)
    batch = await world.batch(user, CATS)
    async with connection(world.pool) as conn:
        (item,) = await begin(conn, {"window": 9, "count": 9, "lease_s": 60})
    new = NewJob(user, JobKind.REMOVE, "lite", an_image(world.dsn, user), RemoveParams(), batch_id=batch.id)
    async with transaction(world.pool) as making:
        job = await world.jobs.insert(making, new)
        assert job is not None
        assert await has_job(making, item, job.id)
        canceling = asyncio.create_task(world.batches.cancel(user, batch.id))
        async with asyncio.timeout(PATIENCE_S):
            while not world.do(WAITS):  # noqa: ASYNC110 - a row
                await asyncio.sleep(0.02)
    canceled = await canceling
    assert canceled.counts[JobStatus.CANCELED] == 1
    assert (await world.jobs.get(user, job.id)).status is JobStatus.CANCELED


async def test_files_are_kept_for_a_retry_that_came_meanwhile(world: World, pool: Pool) -> None:
    user = a_user(world.dsn)
    batch = await world.batch(user, CATS)
    async with connection(pool) as conn:
        assert not await forget_sources(conn, batch.id)
        (item,) = await begin(conn, {"window": 9, "count": 9, "lease_s": 60})
    assert item.source is not None


async def test_files_that_are_none_end_with_their_code_and_the_batch_with_them(world: World) -> None:
    user = a_user(world.dsn)
    batch = await world.batch(user, b"", b"hello")
    async with world.starting():
        await world.until(batch, lambda b: b.finished_at is not None)
    found = (await world.batches.items(user, batch.id)).items
    assert [item.error and item.error["code"] for item in found] == [
        "empty_file",
        "not_an_image",
    ]


async def test_an_open_batch_that_nobody_feeds_is_closed(world: World) -> None:
    user = a_user(world.dsn)
    batch = await world.batch(user, close=False)
    world.do("update batches set added_at = now() - interval '25 hours'")
    async with world.starting():
        await world.until(batch, lambda b: b.finished_at is not None)
