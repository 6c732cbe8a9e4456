"""Servers of chaos's own: they are stopped and emptied while others run."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from app.db.embedded import EmbeddedPostgres
from app.db.migrations import migrate
from app.db.pool import Pool, open_pool
from app.jobs.events import Events
from app.jobs.service import JobService
from app.jobs.types import EncodeParams, Job, JobKind, NewJob, RemoveParams
from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.embedded import EmbeddedRedis
from app.queue.messages import JobMessage
from app.storage.base import ObjectStore
from app.storage.local import LocalStore
from app.webhooks.types import JobWebhook
from tests.chaos.fleet import Fleet
from tests.chaos.worker import MODEL, TABLES, Plan
from tests.rows import a_user, an_image
from tests.services import FAST, fresh_database

HOOK = JobWebhook(url="https://example.com/hook")


@dataclass(frozen=True)
class LossyDoorbell:
    """Loses one announcement in `one_in`."""

    bell: ArqDoorbell
    one_in: int

    async def ring(self, queue: str, message: JobMessage) -> None:
        if random.randrange(self.one_in):
            await self.bell.ring(queue, message)

    async def forgotten(self, queue: str, keys: Collection[str]) -> set[str]:
        return await self.bell.forgotten(queue, keys)

    async def answered(self, queue: str, keys: Collection[str]) -> None:
        await self.bell.answered(queue, keys)


@dataclass
class World:
    """One database and one Redis, the store, and who makes jobs."""

    folder: Path
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    dsn: str
    redis_url: str
    pool: Pool
    bell: ArqDoorbell
    user: UUID

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.folder / "store")

    @property
    def plan(self) -> Plan:
        return Plan(self.dsn, self.redis_url, str(self.folder / "store"))

    def fleet(self, size: int, **plan: float | str) -> Fleet:
        return Fleet(replace(self.plan, **plan), size, self.folder / "workers.log")  # type: ignore[arg-type]

    def jobs(self, one_in: int = 1_000_000) -> JobService:
        return JobService(self.pool, LossyDoorbell(self.bell, one_in), Events(None))

    async def create(self, count: int, *, one_in: int = 1_000_000) -> list[Job]:
        """`remove` jobs, each on an image of its own, so that each is charged."""
        jobs = self.jobs(one_in)
        images = [an_image(self.dsn, self.user) for _ in range(count)]
        return [
            await jobs.create(NewJob(self.user, JobKind.REMOVE, MODEL, image, RemoveParams(), webhook=HOOK))
            for image in images
        ]

    async def poison(self) -> Job:
        image = an_image(self.dsn, self.user)
        return await self.jobs().create(NewJob(self.user, JobKind.ENCODE, MODEL, image, EncodeParams()))

    async def value(self, statement: str) -> int:
        async with self.pool.connection() as conn:
            row = await (await conn.execute(statement.encode())).fetchone()
        assert row is not None
        return int(next(iter(row.values())) or 0)

    async def until(self, statement: str, wanted: int, seconds: float) -> None:
        """Until the statement gives `wanted`; fails with the workers' log after `seconds`."""
        value = -1
        try:
            async with asyncio.timeout(seconds):
                while value != wanted:
                    await asyncio.sleep(0.1)
                    try:
                        value = await self.value(statement)
                    except psycopg.OperationalError:
                        continue
        except TimeoutError:
            log = (self.folder / "workers.log").read_text()[-5000:]
            raise AssertionError(f"{statement}: {value}, not {wanted}\n{log}") from None


async def each_effect_once(world: World, store: ObjectStore, made: list[str]) -> None:
    """Every job succeeded, with one result, one reservation, one payment and one delivery."""
    async with world.pool.connection() as conn:
        query = "select id, status, crashes, attempt, error from jobs where status <> 'succeeded'"
        assert await (await conn.execute(query)).fetchall() == []
        for statement in (
            "select job_id::text as id from effects",
            "select job_id::text as id from credit_entries where entry_kind = 'reserve'",
            "select job_id::text as id from credit_entries where entry_kind = 'settle' and spent = 500",
            "select job_id::text as id from webhook_deliveries",
        ):
            rows = await (await conn.execute(statement.encode())).fetchall()
            assert sorted(row["id"] for row in rows) == sorted(made), statement
        assert await world.value("select count(*) from credit_entries") == 2 * len(made)
        rows = await (await conn.execute("select result_key from jobs")).fetchall()
    assert await store.list("users/") == sorted(row["result_key"] for row in rows)


@pytest.fixture(scope="session")
def servers() -> Iterator[tuple[Path, EmbeddedPostgres, EmbeddedRedis]]:
    folder = Path(tempfile.mkdtemp(prefix="cutout-chaos-"))
    folder.chmod(0o755)
    # what a restart loses must not be excused by an unsafe server: only fsync to disk is left out
    postgres = EmbeddedPostgres(folder / "postgres", {**FAST, "synchronous_commit": "on"})
    redis = EmbeddedRedis(folder / "redis")
    postgres.start()
    redis.start()
    yield folder, postgres, redis
    redis.stop()
    postgres.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def world(
    servers: tuple[Path, EmbeddedPostgres, EmbeddedRedis], tmp_path: Path
) -> AsyncIterator[World]:
    _, postgres, redis = servers
    redis.stop()
    redis_url, dsn = redis.start(), fresh_database(postgres.start())
    migrate(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(TABLES)
    pool = await open_pool(dsn, 1, 8)
    bell = ArqDoorbell(connect(redis_url))
    yield World(tmp_path, postgres, redis, dsn, redis_url, pool, bell, a_user(dsn))
    await bell.close()
    await pool.close()
