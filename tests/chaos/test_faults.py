"""One fault at a time."""

import asyncio
import os
import signal
import time
from contextlib import AsyncExitStack, ExitStack
from uuid import uuid4

import httpx
import psutil
import pytest

from app.jobs.errors import JobTimeout, Quarantined
from app.jobs.types import Job, JobStatus
from app.queue.arq_adapter import connect
from app.queue.messages import JobMessage
from app.settings import EmbeddedSettings
from tests.chaos.conftest import World
from tests.chaos.worker import QUEUE
from tests.stack import local_user, serving
from workers.leases import EXIT_STUCK
from workers.sweep import tidy

PROCESSING = "select count(*) from jobs where status = 'processing'"
SUCCEEDED = "select count(*) from jobs where status = 'succeeded'"
PATIENCE_S = 60


async def effects(world: World) -> list[int]:
    """Fences of the runs whose result stands."""
    async with world.pool.connection() as conn:
        rows = await (await conn.execute("select fence from effects order by fence")).fetchall()
    return [row["fence"] for row in rows]


async def row(world: World, job: Job) -> Job:
    return await world.jobs().get(job.user_id, job.id)


async def starts(world: World) -> int:
    return await world.value("select count(*) from begun")


async def test_a_zombie_changes_nothing(world: World) -> None:
    """A worker is stopped past its lease, another does the job, then the first one wakes up."""
    zombie, successor = world.fleet(1, work_s=1.0), world.fleet(1)
    async with zombie.running():
        (job,) = await world.create(1)
        await world.until(PROCESSING, 1, PATIENCE_S)
        zombie.signal(signal.SIGSTOP)
        async with successor.running():
            await world.until(SUCCEEDED, 1, PATIENCE_S)
            before = await row(world, job)
            zombie.signal(signal.SIGCONT)
            # it is back at work when it takes another job
            (after,) = await world.create(1)
            successor.signal(signal.SIGSTOP)
            await world.until(SUCCEEDED, 2, PATIENCE_S)
            successor.signal(signal.SIGCONT)
    assert await row(world, job) == before
    assert before.fence == 2
    assert await effects(world) == [1, 2]
    await tidy(world.pool, world.store)
    kept = [before.result_key, (await row(world, after)).result_key]
    assert await world.store.list("users/") == sorted(str(key) for key in kept)


@pytest.mark.parametrize(
    ("block_s", "lease_s"), [(5.0, 2.0), pytest.param(15.0, 4.0, marks=pytest.mark.slow)]
)
async def test_a_blocked_loop_runs_once(world: World, block_s: float, lease_s: float) -> None:
    """The loop stands still for more than two leases; a second worker stands by."""
    async with world.fleet(2, block_s=block_s, lease_s=lease_s).running():
        await world.create(1)
        await world.until(SUCCEEDED, 1, PATIENCE_S)
    assert await starts(world) == 1
    assert await world.value("select sum(crashes) from jobs") == 0


async def test_rings_and_locks_of_the_dead_do_not_stop_the_living(world: World) -> None:
    """What killed workers of arq leave at the head of a queue: messages of nobody, each with its lock."""
    redis = connect(world.redis_url)
    for _ in range(150):
        message = JobMessage(uuid4(), 0)
        await world.bell.ring(QUEUE, message)
        await redis.psetex(f"arq:in-progress:{message.key}", 100_000, b"1")
    (job,) = await world.create(1)
    async with world.fleet(1).running():
        await world.until(SUCCEEDED, 1, PATIENCE_S)
    assert (await row(world, job)).fence == 1
    await redis.aclose(close_connection_pool=True)


@pytest.mark.parametrize("work_s", [0.2, 30.0], ids=["ends within the grace", "is given back"])
async def test_sigterm_under_load_loses_nothing(world: World, work_s: float) -> None:
    leaving = world.fleet(2, work_s=work_s, slots=2, grace_s=1.0)
    async with leaving.running():
        await world.create(40)
        await world.until("select count(distinct worker) from begun", 2, PATIENCE_S)
        assert await leaving.dismiss() == [0, 0]
    assert await world.value(PROCESSING) == 0
    async with world.fleet(2).running():
        await world.until(SUCCEEDED, 40, PATIENCE_S)
    assert await world.value("select sum(crashes) + sum(attempt) from jobs") == 0
    assert len(await effects(world)) == 40


@pytest.mark.parametrize("crashes", [4, pytest.param(0, marks=pytest.mark.slow)])
async def test_a_poison_job_is_ended_and_the_others_untouched(world: World, crashes: int) -> None:
    poison = await world.poison()
    async with world.pool.connection() as conn:
        await conn.execute("update jobs set crashes = %s", (crashes,))
    async with world.fleet(2, lease_s=1.0).running():
        await world.create(10)
        await world.until("select count(*) from jobs where finished_at is not null", 11, 2 * PATIENCE_S)
    ended = await row(world, poison)
    assert (ended.status, ended.crashes) == (JobStatus.FAILED, 6)
    assert ended.error is not None
    assert ended.error["code"] == Quarantined.code
    assert await world.value(SUCCEEDED) == 10


async def test_a_stuck_job_ends_with_its_worker(world: World) -> None:
    """A thread cannot be killed, a process can."""
    async with world.fleet(1, stuck_s=60.0, job_timeout_s=2.0).running() as fleet:
        (stuck,) = await world.create(1)
        worker = fleet.workers[0]
        await world.until("select count(*) from jobs where finished_at is not null", 1, PATIENCE_S)
        assert await asyncio.to_thread(worker.wait, PATIENCE_S) == EXIT_STUCK
    ended = await row(world, stuck)
    assert (ended.status, ended.crashes) == (JobStatus.FAILED, 0)
    assert ended.error is not None
    assert ended.error["code"] == JobTimeout.code


async def test_postgres_away_means_waiting(world: World) -> None:
    async with world.fleet(1, work_s=0.5).running() as fleet:
        (first,) = await world.create(1)
        await world.until(PROCESSING, 1, PATIENCE_S)
        await asyncio.to_thread(world.postgres.stop)
        await asyncio.sleep(3)
        await asyncio.to_thread(world.postgres.start)
        await world.until(SUCCEEDED, 1, PATIENCE_S)
        await world.create(1)
        await world.until(SUCCEEDED, 2, PATIENCE_S)
        assert fleet.workers[0].poll() is None
    assert (await row(world, first)).status is JobStatus.SUCCEEDED
    assert len(await effects(world)) == 2


@pytest.mark.parametrize("away_s", [2, pytest.param(10, marks=pytest.mark.slow)])
async def test_postgres_away_is_503_and_everybody_goes_on(world: World, away_s: float) -> None:
    settings = EmbeddedSettings.load(
        database_url=world.dsn, redis_url=world.redis_url, data_dir=world.folder, port=0, model="lite"
    )
    await local_user(settings)
    async with AsyncExitStack() as running:
        stack = ExitStack()
        url = await asyncio.to_thread(stack.enter_context, serving(settings))
        running.push_async_callback(asyncio.to_thread, stack.close)
        fleet = await running.enter_async_context(world.fleet(1).running())
        client = await running.enter_async_context(httpx.AsyncClient(base_url=url, timeout=PATIENCE_S))
        assert (await client.get("/api/jobs")).status_code == 200
        await asyncio.to_thread(world.postgres.stop)
        until = time.monotonic() + away_s
        while time.monotonic() < until:
            refused = await client.get("/api/jobs")
            assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
            assert int(refused.headers["retry-after"]) > 0
        await asyncio.to_thread(world.postgres.start)
        async with asyncio.timeout(PATIENCE_S):
            while (await client.get("/api/jobs")).status_code != 200:  # noqa: ASYNC110 - there is no event
                await asyncio.sleep(0.1)
        await world.create(3)
        await world.until(SUCCEEDED, 3, PATIENCE_S)
        assert fleet.workers[0].poll() is None


async def test_a_silent_redis_delays_and_loses_nothing(world: World) -> None:
    """Connected, but not answering: jobs are created all the same, and done when it speaks again."""
    async with world.fleet(1).running() as fleet:
        await world.create(1)
        await world.until(SUCCEEDED, 1, PATIENCE_S)
        redis = int((world.redis.data_dir / "redis.pid").read_text())
        os.kill(redis, signal.SIGSTOP)
        try:
            await world.create(3)
            await asyncio.sleep(6)
        finally:
            os.kill(redis, signal.SIGCONT)
        await world.until(SUCCEEDED, 4, PATIENCE_S)
        assert fleet.workers[0].poll() is None
    assert len(await effects(world)) == 4


async def test_canceled_while_running_leaves_nothing(world: World) -> None:
    async with world.fleet(1, work_s=20.0).running():
        (job,) = await world.create(1)
        await world.until(PROCESSING, 1, PATIENCE_S)
        await world.jobs().cancel(job.user_id, job.id)
        begun = time.monotonic()
        (another,) = await world.create(1)
        await world.until(PROCESSING, 1, 15)
        assert time.monotonic() - begun < 20, "the worker stopped before its work was done"
        await world.jobs().cancel(another.user_id, another.id)
    await tidy(world.pool, world.store)
    assert await world.store.list("users/") == []
    assert await world.value("select count(*) from credit_entries where entry_kind = 'release'") == 2


def test_no_process_is_left_behind(servers: object) -> None:
    ours = [p for p in psutil.Process().children(recursive=True) if "tests.chaos.worker" in p.cmdline()]
    assert ours == []
