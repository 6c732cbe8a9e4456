"""The life of a job (DESIGN §8): every change is a compare-and-set on the fence."""

from uuid import UUID

import pytest

from app.db.pool import Connection, Pool
from app.errors import Internal
from app.images.errors import ImageNotFound
from app.jobs.claims import MAX_ATTEMPTS, Claims, Outcome
from app.jobs.errors import JobEnded, JobNotFound, LeaseLost
from app.jobs.service import JobService
from app.jobs.types import Job, JobKind, JobStatus, NewJob
from app.queue.errors import QueueUnavailable
from app.storage.errors import StorageUnavailable
from tests.rows import a_user, new_id

QUEUE = "embed:lite"


async def take(claims: Claims, worker: str = "one", lease_s: float = 30.0) -> Job:
    job = await claims.claim(QUEUE, worker, lease_s=lease_s)
    assert job is not None
    return job


async def elapse(pool: Pool, statement: str) -> None:
    """Time passes for every row of the table."""
    async with pool.connection() as conn:
        await conn.execute(statement.encode())


async def test_created_claimed_succeeded(jobs: JobService, claims: Claims, encode: NewJob) -> None:
    created = await jobs.create(encode)
    assert (created.status, created.fence, created.queue) == (JobStatus.QUEUED, 0, QUEUE)
    job = await take(claims)
    assert (job.id, job.status, job.fence, job.worker) == (created.id, JobStatus.PROCESSING, 1, "one")
    ended = await claims.succeed(job, Outcome({"embedding": {}}, result_key="k"), {"encode": 1.5})
    assert (ended.status, ended.result, ended.timings) == (
        JobStatus.SUCCEEDED,
        {"embedding": {}},
        {"encode": 1.5},
    )
    assert (ended.progress, ended.lease_until, ended.error) == (1, None, None)
    assert ended.version > job.version > created.version


async def test_nobody_gets_a_job_twice(jobs: JobService, claims: Claims, encode: NewJob) -> None:
    await jobs.create(encode)
    assert (await take(claims)).fence == 1
    assert await claims.claim(QUEUE, "two", lease_s=30) is None
    assert await claims.claim("mask", "two", lease_s=30) is None


async def test_only_for_an_image_that_is_there_and_ones_own(
    dsn: str, jobs: JobService, encode: NewJob, image: UUID
) -> None:
    stranger = a_user(dsn)
    for user, picture in ((stranger, image), (encode.user_id, new_id())):
        with pytest.raises(ImageNotFound):
            await jobs.create(NewJob(user, JobKind.ENCODE, "lite", picture, encode.params))


async def test_jobs_of_others_do_not_exist(dsn: str, jobs: JobService, encode: NewJob) -> None:
    job = await jobs.create(encode)
    stranger = a_user(dsn)
    with pytest.raises(JobNotFound):
        await jobs.get(stranger, job.id)
    with pytest.raises(JobNotFound):
        await jobs.cancel(stranger, job.id)
    assert (await jobs.list(stranger)).items == ()
    assert (await jobs.list(encode.user_id)).items == (job,)


async def test_a_late_finisher_loses_and_its_effects_with_it(
    pool: Pool, jobs: JobService, claims: Claims, encode: NewJob
) -> None:
    async def rename(conn: Connection) -> None:
        await conn.execute("update images set filename = 'changed'")

    created = await jobs.create(encode)
    first = await take(claims)
    await claims.give_back(first)
    second = await take(claims, "two")
    assert second.fence == 2
    late = Outcome({"from": "first"}, effects=[rename])
    with pytest.raises(LeaseLost):
        await claims.succeed(first, late, {})
    with pytest.raises(LeaseLost):
        await claims.fail(first, Internal("late"))
    with pytest.raises(LeaseLost):
        await claims.give_back(first)
    assert not await claims.progress(first, 0.5)
    assert await claims.renew([(first.id, first.fence), (second.id, 7)], 30) == set()
    await claims.succeed(second, Outcome({"from": "second"}), {})
    assert (await jobs.get(encode.user_id, created.id)).result == {"from": "second"}
    async with pool.connection() as conn:
        row = await (await conn.execute("select filename from images")).fetchone()
    assert row == {"filename": None}


async def test_effects_and_result_are_one_transaction(
    jobs: JobService, claims: Claims, encode: NewJob
) -> None:
    async def broken(conn: Connection) -> None:
        raise RuntimeError("in the middle")

    await jobs.create(encode)
    job = await take(claims)
    with pytest.raises(RuntimeError):
        await claims.succeed(job, Outcome({"a": 1}, effects=[broken]), {})
    assert (await jobs.get(job.user_id, job.id)).status is JobStatus.PROCESSING


async def test_a_retryable_error_is_tried_again_after_a_pause_and_then_final(
    pool: Pool, jobs: JobService, claims: Claims, encode: NewJob
) -> None:
    await jobs.create(encode)
    for attempt in range(1, MAX_ATTEMPTS):
        job = await claims.fail(await take(claims), StorageUnavailable("away"))
        assert (job.status, job.attempt, job.crashes) == (JobStatus.QUEUED, attempt, 0)
        assert await claims.claim(QUEUE, "one", lease_s=30) is None, "the pause is kept"
        await elapse(pool, "update jobs set run_after = now()")
    job = await claims.fail(await take(claims), StorageUnavailable("away"))
    assert (job.status, job.attempt) == (JobStatus.FAILED, MAX_ATTEMPTS)
    assert job.error == {"code": "storage_unavailable", "message": "away"}


async def test_other_errors_are_final(jobs: JobService, claims: Claims, encode: NewJob) -> None:
    await jobs.create(encode)
    job = await claims.fail(await take(claims), ImageNotFound("no such image", hint="gone"), {"read": 0.1})
    assert (job.status, job.attempt) == (JobStatus.FAILED, 0)
    assert job.error == {"code": "image_not_found", "message": "no such image", "hint": "gone"}
    assert job.timings == {"read": 0.1}


async def test_given_back_counts_as_nothing(jobs: JobService, claims: Claims, encode: NewJob) -> None:
    await jobs.create(encode)
    job = await claims.give_back(await take(claims))
    assert (job.status, job.attempt, job.crashes, job.worker) == (JobStatus.QUEUED, 0, 0, None)
    assert (await take(claims)).fence == 2


async def test_passed_on_to_another_kind_of_worker(jobs: JobService, claims: Claims, encode: NewJob) -> None:
    await jobs.create(encode)
    first = await take(claims)
    await claims.pass_on(first, Outcome(queue="mask"), {"encode": 2.0})
    assert await claims.stands(first)
    assert await claims.claim(QUEUE, "embed", lease_s=30) is None
    second = await claims.claim("mask", "mask", lease_s=30)
    assert second is not None
    ended = await claims.succeed(second, Outcome({"url": ""}), {"upsample": 0.5})
    assert ended.timings == {"encode": 2.0, "upsample": 0.5}
    assert ended.started_at == first.started_at


@pytest.mark.parametrize("running", [False, True])
async def test_cancel_ends_at_once(jobs: JobService, claims: Claims, encode: NewJob, running: bool) -> None:
    created = await jobs.create(encode)
    job = await take(claims) if running else created
    canceled = await jobs.cancel(job.user_id, job.id)
    assert canceled.status is JobStatus.CANCELED
    assert await claims.renew([(job.id, job.fence)], 30) == set()
    with pytest.raises(LeaseLost):
        await claims.succeed(job, Outcome({"too": "late"}), {})
    with pytest.raises(JobEnded):
        await jobs.cancel(job.user_id, job.id)


async def test_progress_only_rises(jobs: JobService, claims: Claims, encode: NewJob) -> None:
    await jobs.create(encode)
    job = await take(claims)
    assert await claims.progress(job, 0.6)
    assert await claims.progress(job, 0.2)
    assert (await jobs.get(job.user_id, job.id)).progress == pytest.approx(0.6)


async def test_a_job_is_created_while_redis_is_away(pool: Pool, claims: Claims, encode: NewJob) -> None:
    class Away:
        async def ring(self, queue: str, message: object) -> None:
            raise QueueUnavailable("away")

        async def forgotten(self, queue: str, keys: object) -> set[str]:
            raise QueueUnavailable("away")

        async def answered(self, queue: str, keys: object) -> None:
            raise QueueUnavailable("away")

    job = await JobService(pool, Away()).create(encode)
    assert (await take(claims)).id == job.id


async def test_lists_are_paged_and_filtered(jobs: JobService, claims: Claims, encode: NewJob) -> None:
    made = [await jobs.create(encode) for _ in range(5)]
    newest_first = [job.id for job in reversed(made)]
    page = await jobs.list(encode.user_id, limit=2)
    rest = await jobs.list(encode.user_id, limit=5, cursor=page.next_cursor)
    assert [job.id for job in (*page.items, *rest.items)] == newest_first
    assert rest.next_cursor is None
    await claims.succeed(await take(claims), Outcome({"a": 1}), {})
    ended = await jobs.list(encode.user_id, status=JobStatus.SUCCEEDED)
    assert [job.id for job in ended.items] == [made[0].id]
    assert (await jobs.list(encode.user_id, kind=JobKind.REMOVE)).items == ()
    assert (await jobs.list(encode.user_id, image_id=new_id())).items == ()
