"""Listeners hear the end of every job: whatever Redis does, whoever commits first, whenever they come."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from app.db.pool import Pool, connection, transaction
from app.jobs import attendance, listeners
from app.jobs import hub as hub_module
from app.jobs.claims import Claims, Outcome
from app.jobs.errors import JobNotFound, ListenerTooSlow
from app.jobs.events import Events
from app.jobs.hub import Hub, Update
from app.jobs.service import JobService
from app.jobs.types import Job, JobStatus
from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.embedded import EmbeddedRedis
from app.queue.pubsub import RedisSubscriber
from tests.rows import a_job, a_user, an_image

PATIENCE_S = 30
"""A listener that is told nothing fails the test instead of holding it."""


@pytest.fixture
async def hub(pool: Pool, redis_url: str) -> AsyncIterator[Hub]:
    redis = connect(redis_url)
    async with Hub.running(pool, RedisSubscriber(redis), ArqDoorbell(redis)) as running:
        yield running
    await redis.aclose(close_connection_pool=True)


@pytest.fixture
def claims(pool: Pool, doorbell: ArqDoorbell) -> Claims:
    return Claims(pool, doorbell, Events(doorbell))


@pytest.fixture
def mute(pool: Pool, doorbell: ArqDoorbell) -> Claims:
    """Changes rows and rings nobody: as if Redis had lost every ring."""
    return Claims(pool, doorbell, Events(None))


@pytest.fixture
def jobs(pool: Pool, doorbell: ArqDoorbell) -> JobService:
    return JobService(pool, doorbell, Events(doorbell))


@pytest.fixture
def user(dsn: str) -> UUID:
    return a_user(dsn)


@pytest.fixture
def image(dsn: str, user: UUID) -> UUID:
    return an_image(dsn, user)


async def claimed(claims: Claims) -> Job:
    job = await claims.claim("embed:lite", "worker", lease_s=60)
    assert job is not None
    return job


async def ends(claims: Claims, job: Job | None = None) -> None:
    await claims.succeed(job or await claimed(claims), Outcome({"done": True}), {})


async def states(updates: AsyncGenerator[Update, None]) -> list[tuple[JobStatus, float, int]]:
    """Until the stream ends."""
    async with asyncio.timeout(PATIENCE_S), aclosing(updates):
        seen = [each.view.job async for each in updates if each.view is not None]
    return [(job.status, job.progress, job.version) for job in seen]


async def next_view(updates: AsyncGenerator[Update, None]) -> Job:
    async with asyncio.timeout(PATIENCE_S):
        async for update in updates:
            if update.view is not None:
                return update.view.job
    raise AssertionError("the stream has ended")


async def test_first_the_present_state_then_each_change_until_the_end(
    hub: Hub, claims: Claims, dsn: str, user: UUID, image: UUID
) -> None:
    job_id = a_job(dsn, image, user)
    updates = hub.job(user, job_id)
    assert (await next_view(updates)).status is JobStatus.QUEUED
    job = await claimed(claims)
    assert (await next_view(updates)).status is JobStatus.PROCESSING
    await claims.progress(job, 0.5)
    assert (await next_view(updates)).progress == 0.5
    await ends(claims, job)
    last = await next_view(updates)
    assert (last.status, last.result) == (JobStatus.SUCCEEDED, {"done": True})
    assert [each async for each in updates] == []


@pytest.mark.parametrize("rings", [True, False])
async def test_nothing_is_missed_between_snapshot_and_stream(
    rings: bool, hub: Hub, claims: Claims, mute: Claims, dsn: str, user: UUID, image: UUID
) -> None:
    """Listeners come at any moment of a job's life; each hears its end, and nothing older after it."""
    job_id = a_job(dsn, image, user)
    worker = claims if rings else mute
    chance = random.Random(7)

    async def comes_late() -> list[tuple[JobStatus, float, int]]:
        await asyncio.sleep(chance.random() * 0.4)
        return await states(hub.job(user, job_id))

    coming = [asyncio.create_task(comes_late()) for _ in range(60)]
    job = await claimed(worker)
    for step in range(1, 40):
        await worker.progress(job, step / 40)
        await asyncio.sleep(0.01)
    await ends(worker, job)
    for heard in await asyncio.gather(*coming):
        versions = [version for _, _, version in heard]
        assert heard[-1][0] is JobStatus.SUCCEEDED
        assert versions == sorted(set(versions))


async def test_several_web_processes_all_tell(
    hub: Hub, pool: Pool, redis_url: str, claims: Claims, dsn: str, user: UUID, image: UUID
) -> None:
    job_id = a_job(dsn, image, user)
    redis = connect(redis_url)
    async with Hub.running(pool, RedisSubscriber(redis)) as other:
        heard = [asyncio.create_task(states(each.job(user, job_id))) for each in (hub, other)]
        await ends(claims)
        for each in await asyncio.gather(*heard):
            assert each[-1][0] is JobStatus.SUCCEEDED
    await redis.aclose(close_connection_pool=True)


async def test_redis_may_be_restarted_empty(
    pool: Pool, dsn: str, user: UUID, image: UUID, services_dir: Path
) -> None:
    """Before, while it is away, and after: every job's end is heard."""
    server = EmbeddedRedis(services_dir / "restarted")
    redis = connect(server.start())
    bell = ArqDoorbell(redis, timeout_s=0.5)
    worker = Claims(pool, bell, Events(bell))
    try:
        async with Hub.running(pool, RedisSubscriber(redis)) as hub:
            for change in (lambda: None, server.stop, server.start):
                change()
                heard = asyncio.create_task(states(hub.job(user, a_job(dsn, image, user))))
                await ends(worker)
                assert (await heard)[-1][0] is JobStatus.SUCCEEDED
    finally:
        await redis.aclose(close_connection_pool=True)
        server.stop()


async def test_a_late_commit_of_an_early_transaction_is_told(
    hub: Hub, pool: Pool, mute: Claims, dsn: str, user: UUID, image: UUID
) -> None:
    """What began first and is committed last lies below what a clock or a sequence would have passed."""
    slow, quick = a_job(dsn, image, user), a_job(dsn, image, user)
    heard = [asyncio.create_task(states(hub.job(user, each))) for each in (slow, quick)]
    async with transaction(pool) as early:
        await early.execute("update jobs set status = 'canceled', finished_at = now() where id = %s", (slow,))
        async with connection(pool) as late:
            await late.execute(
                "update jobs set status = 'canceled', finished_at = now() where id = %s", (quick,)
            )
        assert (await heard[1])[-1][0] is JobStatus.CANCELED
        await asyncio.sleep(2.5 * hub_module.POLL_S)
    assert (await heard[0])[-1][0] is JobStatus.CANCELED


async def test_connections_to_postgres_may_break(
    hub: Hub, mute: Claims, dsn: str, postgres: str, user: UUID, image: UUID
) -> None:
    job_id = a_job(dsn, image, user)
    heard = asyncio.create_task(states(hub.job(user, job_id)))
    await asyncio.sleep(0.2)
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname like 'test_%'"
        )
    await ends(mute)
    assert (await heard)[-1][0] is JobStatus.SUCCEEDED


async def test_who_has_seen_the_end_is_told_nothing(
    hub: Hub, claims: Claims, dsn: str, user: UUID, image: UUID
) -> None:
    job_id = a_job(dsn, image, user)
    await ends(claims)
    (last,) = await states(hub.job(user, job_id))
    assert last[0] is JobStatus.SUCCEEDED
    assert await states(hub.job(user, job_id, seen=last[2])) == []
    assert await states(hub.job(user, job_id, seen=last[2] - 1)) == [last]


async def test_who_comes_back_hears_only_what_is_new(
    hub: Hub, claims: Claims, dsn: str, user: UUID, image: UUID
) -> None:
    job_id = a_job(dsn, image, user)
    updates = hub.job(user, job_id)
    first = await next_view(updates)
    await updates.aclose()
    again = asyncio.create_task(states(hub.job(user, job_id, seen=first.version)))
    await ends(claims)
    assert all(version > first.version for _, _, version in await again)


async def test_anothers_job_is_not_found(hub: Hub, dsn: str, user: UUID, image: UUID) -> None:
    job_id = a_job(dsn, image, user)
    for who, which in ((a_user(dsn), job_id), (user, uuid4())):
        with pytest.raises(JobNotFound):
            await anext(hub.job(who, which))
        with pytest.raises(JobNotFound):
            await hub.wait(who, which, 1)
    assert len(hub._listeners) == 0


async def test_all_of_mine_and_nothing_of_others(
    hub: Hub, claims: Claims, jobs: JobService, dsn: str, user: UUID, image: UUID
) -> None:
    stranger = a_user(dsn)
    theirs = a_job(dsn, an_image(dsn, stranger), stranger)
    first, second = a_job(dsn, image, user), a_job(dsn, image, user)
    updates = hub.all_jobs(user)
    assert [(await next_view(updates)).id for _ in range(2)] == [first, second]
    caught_up = await anext(updates)
    assert (caught_up.view, caught_up.resume is not None) == (None, True)
    await jobs.cancel(stranger, theirs)
    await jobs.cancel(user, second)
    await jobs.cancel(user, first)
    heard = [await next_view(updates) for _ in range(2)]
    assert {job.id for job in heard} == {first, second}
    assert {job.status for job in heard} == {JobStatus.CANCELED}
    await updates.aclose()


async def test_all_of_mine_goes_on_where_it_broke_off(
    hub: Hub, jobs: JobService, dsn: str, user: UUID, image: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut after every so many updates, also in the middle of a batch: the ends of all jobs are heard."""
    monkeypatch.setattr(hub_module, "BEAT_S", 0.05)
    ids = [a_job(dsn, image, user) for _ in range(30)]
    chance = random.Random(3)
    ended: set[UUID] = set()
    resume: int | None = None

    async def listen(updates: int) -> None:
        nonlocal resume
        async with asyncio.timeout(PATIENCE_S), aclosing(hub.all_jobs(user, resume)) as stream:
            async for update in stream:
                resume = update.resume or resume
                if update.view and update.view.job.status.ended:
                    ended.add(update.view.job.id)
                updates -= 1
                if updates <= 0 and resume is not None:
                    return

    await listen(1)
    canceling = asyncio.gather(*(jobs.cancel(user, each) for each in ids))
    while len(ended) < len(ids):
        await listen(chance.randint(1, 40))
    await canceling
    assert ended == set(ids)


async def test_a_slow_listener_is_dropped_and_may_come_back(
    hub: Hub, jobs: JobService, dsn: str, user: UUID, image: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "MAILBOX", 3)
    updates = hub.all_jobs(user)
    start = (await anext(updates)).resume
    ids = {a_job(dsn, image, user) for _ in range(5)}
    for each in ids:
        await jobs.cancel(user, each)
    await asyncio.sleep(2 * hub_module.POLL_S)  # the listener takes nothing meanwhile
    with pytest.raises(ListenerTooSlow):
        await anext(updates)
    again = hub.all_jobs(user, start)
    monkeypatch.setattr(listeners, "MAILBOX", 1000)
    assert {(await next_view(again)).id for _ in range(5)} == ids
    await again.aclose()


async def test_places_in_the_queue_are_told(
    hub: Hub, claims: Claims, dsn: str, user: UUID, image: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "POSITIONS_S", 0.0)
    *_, last = [a_job(dsn, image, user) for _ in range(3)]
    updates = hub.job(user, last)

    async def place() -> int | None:
        update = await anext(updates)
        assert update.view is not None
        return update.view.queue_position

    assert await place() == 3
    await ends(claims)
    assert await place() == 2
    await ends(claims)
    assert await place() == 1
    await updates.aclose()


async def test_who_waits_hears_whether_a_worker_has_to_start(
    hub: Hub, doorbell: ArqDoorbell, dsn: str, user: UUID, image: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "POSITIONS_S", 0.0)
    monkeypatch.setattr(attendance, "FRESH_S", 0.0)
    job_id = a_job(dsn, image, user)
    assert (await hub.wait(user, job_id, 0)).starting is True
    async with aclosing(hub.job(user, job_id)) as updates, asyncio.timeout(PATIENCE_S):
        assert (await anext(updates)).view is not None
        await doorbell.here("embed:lite", "the first")
        async for update in updates:
            if update.view is not None and not update.view.starting:
                break
    await doorbell.gone("embed:lite", "the first")


async def test_silence_has_a_pulse(
    hub: Hub, dsn: str, user: UUID, image: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "BEAT_S", 0.01)
    one, everything = hub.job(user, a_job(dsn, image, user)), hub.all_jobs(user)
    for updates in (one, everything):
        await next_view(updates)
        assert (await anext(updates)).view is None
        assert (await anext(updates)).view is None
        await updates.aclose()


async def test_a_wait_ends_with_the_job_or_with_its_time(
    hub: Hub, claims: Claims, dsn: str, user: UUID, image: UUID
) -> None:
    job_id = a_job(dsn, image, user)
    for timeout_s in (0, 0.05):
        assert (await hub.wait(user, job_id, timeout_s)).job.status is JobStatus.QUEUED
    waiting = asyncio.create_task(hub.wait(user, job_id, PATIENCE_S))
    await ends(claims)
    assert (await waiting).job.status is JobStatus.SUCCEEDED
    assert (await hub.wait(user, job_id, PATIENCE_S)).job.status is JobStatus.SUCCEEDED
    assert len(hub._listeners) == 0


async def test_a_message_that_is_none_of_ours_stops_nothing(
    hub: Hub, doorbell: ArqDoorbell, claims: Claims, dsn: str, user: UUID, image: UUID
) -> None:
    job_id = a_job(dsn, image, user)
    heard = asyncio.create_task(states(hub.job(user, job_id)))
    for channel, payload in (
        ("jobs:nobody", b"{}"),
        (f"jobs:{user}", b"\xff not json"),
        (f"jobs:{user}", b"{}"),
    ):
        await doorbell.publish((channel, payload))
    await ends(claims)
    assert (await heard)[-1][0] is JobStatus.SUCCEEDED


async def test_streams_and_long_polls_end_when_the_process_leaves(
    hub: Hub, dsn: str, user: UUID, image: UUID
) -> None:
    """With the present state, also for who comes while it leaves: nobody is told that the job has ended."""
    job_id = a_job(dsn, image, user)
    updates, every = hub.job(user, job_id), hub.all_jobs(user)
    await next_view(updates)
    await next_view(every)
    waiting = asyncio.create_task(hub.wait(user, job_id, 3600))
    await asyncio.sleep(0.2)
    hub.end()
    assert await states(updates) == []
    assert await states(every) == []
    async with asyncio.timeout(PATIENCE_S):
        assert (await waiting).job.status is JobStatus.QUEUED
    assert [status for status, _, _ in await states(hub.job(user, job_id))] == [JobStatus.QUEUED]
    seen = (await hub.wait(user, job_id, 0)).job.version
    async with aclosing(hub.job(user, job_id, seen=seen)) as late:
        assert [each.view async for each in late] == [None]
