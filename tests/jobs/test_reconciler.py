"""What no worker does any more: leases of the dead, deadlines, and rows that Redis forgot."""

from app.db.pool import Pool
from app.jobs.claims import Claims, Outcome
from app.jobs.events import Events
from app.jobs.reconciler import QUARANTINE, Reconciler
from app.jobs.service import JobService
from app.jobs.types import Job, JobStatus, NewJob
from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.messages import announcement

QUEUE = "embed:lite"


async def run(pool: Pool, statement: str) -> None:
    async with pool.connection() as conn:
        await conn.execute(statement.encode())


async def lose_lease(pool: Pool, claims: Claims) -> Job:
    """A worker takes the job and is never heard of again."""
    job = await claims.claim(QUEUE, "doomed", lease_s=30)
    assert job is not None
    await run(pool, "update jobs set lease_until = now() - interval '1 second' where status = 'processing'")
    return job


async def known(doorbell: ArqDoorbell, job: Job) -> bool:
    return not await doorbell.forgotten(job.queue, [announcement(job.id, job.fence)])


async def test_a_lost_lease_goes_back_to_the_queue_and_is_announced(
    pool: Pool,
    jobs: JobService,
    claims: Claims,
    reconciler: Reconciler,
    doorbell: ArqDoorbell,
    encode: NewJob,
) -> None:
    await jobs.create(encode)
    lost = await lose_lease(pool, claims)
    assert not await known(doorbell, lost)
    (job,) = await reconciler.sweep()
    assert (job.status, job.crashes, job.attempt, job.fence) == (JobStatus.QUEUED, 1, 0, 1)
    assert await known(doorbell, job)


async def test_a_lease_that_is_renewed_is_left_alone(
    jobs: JobService, claims: Claims, reconciler: Reconciler, encode: NewJob
) -> None:
    await jobs.create(encode)
    job = await claims.claim(QUEUE, "alive", lease_s=0.01)
    assert job is not None
    assert await claims.renew([(job.id, job.fence)], 30) == {job.id}
    assert await reconciler.sweep() == []


async def test_a_poison_job_is_quarantined_with_the_reason(
    pool: Pool, jobs: JobService, claims: Claims, reconciler: Reconciler, encode: NewJob
) -> None:
    await jobs.create(encode)
    for crashes in range(1, QUARANTINE):
        await lose_lease(pool, claims)
        (job,) = await reconciler.sweep()
        assert (job.status, job.crashes) == (JobStatus.QUEUED, crashes)
    await lose_lease(pool, claims)
    (job,) = await reconciler.sweep()
    assert (job.status, job.crashes) == (JobStatus.FAILED, QUARANTINE)
    assert job.error is not None
    assert job.error["code"] == "quarantined"


async def test_a_deadline_ends_what_waits_and_spares_what_runs(
    pool: Pool, jobs: JobService, claims: Claims, reconciler: Reconciler, encode: NewJob
) -> None:
    await jobs.create(encode)
    running = await claims.claim(QUEUE, "one", lease_s=30)
    waiting = await jobs.create(encode)
    await run(pool, "update jobs set deadline = now() - interval '1 second'")
    assert running is not None
    (ended,) = await reconciler.sweep()
    assert (ended.id, ended.status) == (waiting.id, JobStatus.FAILED)
    assert ended.error is not None
    assert ended.error["code"] == "deadline_passed"
    await claims.succeed(running, Outcome({"a": 1}), {})


async def test_rows_that_redis_forgot_are_announced_again(
    pool: Pool,
    jobs: JobService,
    reconciler: Reconciler,
    doorbell: ArqDoorbell,
    redis_url: str,
    encode: NewJob,
) -> None:
    made = [await jobs.create(encode) for _ in range(5)]
    redis = connect(redis_url)
    await redis.flushdb()
    await redis.aclose(close_connection_pool=True)
    await reconciler.sweep()
    assert not await known(doorbell, made[0]), "an announcement may be on its way"
    await run(pool, "update jobs set announced_at = now() - interval '5 seconds'")
    await reconciler.sweep()
    assert [await known(doorbell, job) for job in made] == [True] * 5


async def test_one_sweeper_at_a_time(
    pool: Pool, jobs: JobService, claims: Claims, reconciler: Reconciler, encode: NewJob
) -> None:
    await jobs.create(encode)
    await lose_lease(pool, claims)
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("select pg_advisory_xact_lock(hashtextextended('sweep', 0))")
        assert await reconciler.sweep() == []
    assert len(await reconciler.sweep()) == 1


async def test_after_a_gap_the_living_get_time_to_renew(
    pool: Pool, jobs: JobService, claims: Claims, doorbell: ArqDoorbell, encode: NewJob
) -> None:
    """While Postgres was away nobody could renew: an expired lease proves nothing then."""
    now = 1000.0
    reconciler = Reconciler(pool, doorbell, Events(None), lease_s=6, clock=lambda: now)
    await jobs.create(encode)
    await lose_lease(pool, claims)
    swept = []
    for second in (10, 11, 12, 12.9, 13):
        now = 1000.0 + second
        swept.append(len(await reconciler.sweep()))
    assert swept == [0, 0, 0, 0, 1]


async def test_a_short_lease_is_judged_by_rounds_a_second_apart(
    pool: Pool, jobs: JobService, claims: Claims, doorbell: ArqDoorbell, encode: NewJob
) -> None:
    now = 1000.0
    reconciler = Reconciler(pool, doorbell, Events(None), lease_s=1, clock=lambda: now)
    await jobs.create(encode)
    await lose_lease(pool, claims)
    now += 1.1
    assert len(await reconciler.sweep()) == 1


async def test_a_clock_that_went_back_holds_nothing_up(
    pool: Pool, jobs: JobService, claims: Claims, reconciler: Reconciler, encode: NewJob
) -> None:
    """By an hour: then leases, pauses and announcements lie an hour ahead."""
    running, paused = await jobs.create(encode), await jobs.create(encode)
    assert await claims.claim(QUEUE, "doomed", lease_s=30) is not None
    assert await reconciler.mend_clock() == []
    await run(
        pool,
        "update jobs set lease_until = lease_until + interval '1 hour',"
        " run_after = run_after + interval '1 hour', announced_at = now() + interval '1 hour'",
    )
    mended = {job.id: job for job in await reconciler.mend_clock()}
    assert mended.keys() == {running.id, paused.id}
    async with pool.connection() as conn:
        query = (
            "select max(lease_until) <= now() + interval '30 s' as lost,"
            " max(run_after) <= now() + interval '10 s' as taken, max(announced_at) as announced from jobs"
        )
        row = await (await conn.execute(query)).fetchone()
    assert row == {"lost": True, "taken": True, "announced": None}
    assert await reconciler.mend_clock() == []
