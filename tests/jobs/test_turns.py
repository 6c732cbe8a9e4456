"""Who is next: interactive before batch, users in turn, caps, deadlines."""

import asyncio
from uuid import UUID

import pytest

from app.db.pool import Pool
from app.jobs.claims import Claims, Outcome
from app.jobs.service import JobService
from app.jobs.types import BATCH, EncodeParams, Job, JobKind, NewJob
from tests.rows import a_user, an_image

QUEUE = "embed:lite"


async def put(dsn: str, jobs: JobService, user: UUID, count: int, priority: int = 0) -> list[Job]:
    image = an_image(dsn, user)
    new = NewJob(user, JobKind.ENCODE, "lite", image, EncodeParams(), priority)
    return [await jobs.create(new) for _ in range(count)]


async def drain(claims: Claims, **options: float) -> list[Job]:
    """Jobs in the order in which they are claimed, each ended before the next."""
    order = []
    while job := await claims.claim(QUEUE, "one", lease_s=30, **options):  # type: ignore[arg-type]
        order.append(job)
        await claims.succeed(job, Outcome({"a": 1}), {})
    return order


async def test_first_come_first_served(dsn: str, jobs: JobService, claims: Claims, owner: UUID) -> None:
    made = await put(dsn, jobs, owner, 4)
    assert [job.id for job in await drain(claims)] == [job.id for job in made]


async def test_interactive_goes_before_batch(dsn: str, jobs: JobService, claims: Claims, owner: UUID) -> None:
    batch = await put(dsn, jobs, owner, 2, BATCH)
    interactive = await put(dsn, jobs, owner, 2)
    assert [job.id for job in await drain(claims)] == [job.id for job in (*interactive, *batch)]


async def test_a_newcomer_waits_for_one_job_of_a_crowd(
    dsn: str, jobs: JobService, claims: Claims, owner: UUID
) -> None:
    await put(dsn, jobs, owner, 30)
    for _ in range(10):
        job = await claims.claim(QUEUE, "one", lease_s=30)
        assert job is not None
        await claims.succeed(job, Outcome({"a": 1}), {})
    newcomer = a_user(dsn)
    await put(dsn, jobs, newcomer, 5)
    order = [job.user_id for job in await drain(claims)]
    assert [order.index(newcomer), order[:10].count(newcomer)] == [1, 5]


async def test_queue_position_is_the_order_of_claims(
    dsn: str, jobs: JobService, claims: Claims, owner: UUID
) -> None:
    made = await put(dsn, jobs, owner, 3) + await put(dsn, jobs, a_user(dsn), 2)
    positions = {job.id: await jobs.queue_position(job) for job in made}
    assert [positions[job.id] for job in await drain(claims)] == [1, 2, 3, 4, 5]
    assert await jobs.queue_position(await jobs.get(owner, made[0].id)) is None


async def test_a_users_cap_holds_for_any_number_of_workers(
    dsn: str, jobs: JobService, claims: Claims, owner: UUID
) -> None:
    await put(dsn, jobs, owner, 12)
    other = a_user(dsn)
    await put(dsn, jobs, other, 1)
    taken = await asyncio.gather(*(claims.claim(QUEUE, f"{n}", lease_s=30, user_cap=3) for n in range(10)))
    users = [job.user_id for job in taken if job]
    assert (users.count(owner), users.count(other)) == (3, 1)


async def test_young_jobs_are_left_to_others(
    dsn: str, pool: Pool, jobs: JobService, claims: Claims, owner: UUID
) -> None:
    old, _ = await put(dsn, jobs, owner, 2)
    async with pool.connection() as conn:
        await conn.execute(
            "update jobs set created_at = now() - interval '1 minute' where id = %s", (old.id,)
        )
    assert [job.id for job in await drain(claims, waited_s=30)] == [old.id]


async def test_a_job_past_its_deadline_is_not_begun(
    dsn: str, pool: Pool, jobs: JobService, claims: Claims, owner: UUID
) -> None:
    await put(dsn, jobs, owner, 1)
    async with pool.connection() as conn:
        await conn.execute("update jobs set deadline = now()")
    assert await drain(claims) == []


@pytest.mark.parametrize("backlog", [4000])
async def test_a_claim_reads_the_index_not_the_backlog(
    dsn: str, pool: Pool, jobs: JobService, owner: UUID, backlog: int
) -> None:
    (job,) = await put(dsn, jobs, owner, 1)
    async with pool.connection() as conn:
        await conn.execute(
            "insert into jobs (id, user_id, kind, model, image_id, params, queue, turn, deadline)"
            " select gen_random_uuid(), user_id, kind, model, image_id, params, queue, n, deadline"
            " from jobs, generate_series(1, %s) n where id = %s",
            (backlog, job.id),
        )
        await conn.execute("analyze jobs")
        cursor = await conn.execute(
            "explain (analyze, format json) select id from jobs where status = 'queued' and queue = %s"
            " and run_after <= now() order by priority desc, turn, id limit 1",
            (QUEUE,),
        )
        row = await cursor.fetchone()
    assert row is not None
    plan = row["QUERY PLAN"][0]["Plan"]["Plans"][0]
    assert (plan["Index Name"], plan["Actual Rows"]) == ("jobs_ready", 1)
