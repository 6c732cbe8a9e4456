"""What one engine could not do and the other may: the job goes on at its price, the reason on its row."""

from uuid import UUID

import pytest

from app.db.pool import Pool, connection, open_pool
from app.engines.errors import LegacyImageRefused, LegacyUnavailable
from app.engines.names import EngineName
from app.errors import AppError, Internal
from app.flags.rescue import Rescuer
from app.flags.service import EnginePolicy, Flags
from app.flags.types import Reason
from app.imaging.errors import Damaged
from app.jobs.claims import Claims
from app.jobs.errors import JobTimeout
from app.jobs.events import Events
from app.jobs.service import JobService
from app.jobs.types import ApplyParams, Job, JobKind, JobStatus, NewJob, RemoveParams
from app.queue.arq_adapter import ArqDoorbell
from app.queue.messages import LEGACY_QUEUE, embed_queue
from tests.rows import a_user, an_image


@pytest.fixture
def flags(pool: Pool) -> Flags:
    return Flags(pool, EnginePolicy(legacy=True, daily_micros=125_000))


@pytest.fixture
def claims(pool: Pool, doorbell: ArqDoorbell, flags: Flags) -> Claims:
    return Claims(pool, doorbell, Events(None), Rescuer(flags))


@pytest.fixture
def jobs(pool: Pool, doorbell: ArqDoorbell, flags: Flags) -> JobService:
    return JobService(pool, doorbell, flags=flags)


@pytest.fixture
def user(dsn: str) -> UUID:
    return a_user(dsn)


async def failed(claims: Claims, job: Job, error: AppError) -> Job:
    """After its last attempt."""
    claimed = await claims.claim(job.queue, "somebody", lease_s=30)
    assert claimed is not None and claimed.id == job.id
    return await claims.fail(claimed, error)


def remove(dsn: str, user: UUID, reason: Reason = Reason.PERCENTAGE) -> NewJob:
    engine = EngineName.CLIPPINGMAGIC if reason is Reason.FALLBACK else EngineName.SAM2
    image = an_image(dsn, user)
    return NewJob(user, JobKind.REMOVE, "lite", image, RemoveParams(), engine=engine, reason=reason)


async def test_by_policy_our_fault_is_done_by_clippingmagic(
    dsn: str, user: UUID, jobs: JobService, claims: Claims, flags: Flags
) -> None:
    await flags.change(lambda _: {"rerun": True})
    job = await failed(claims, await jobs.create(remove(dsn, user)), Internal("it broke"))
    assert (job.status, job.queue) == (JobStatus.QUEUED, LEGACY_QUEUE)
    assert (job.engine, job.engine_reason, job.error) == ("clippingmagic", "rerun", None)
    # an image of the day's budget was all there was
    second = await failed(claims, await jobs.create(remove(dsn, user)), JobTimeout("too long"))
    assert (second.status, second.engine) == (JobStatus.FAILED, "sam2")
    # who is rescued is not rescued again
    again = await failed(claims, job, LegacyImageRefused("refused"))
    assert (again.status, again.error) == (
        JobStatus.FAILED,
        {"code": "legacy_image_refused", "message": "refused"},
    )


async def test_what_is_not_rescued(
    pool: Pool, dsn: str, user: UUID, jobs: JobService, claims: Claims, flags: Flags
) -> None:
    job = await failed(claims, await jobs.create(remove(dsn, user)), Internal("it broke"))
    assert job.status is JobStatus.FAILED  # no policy
    await flags.change(lambda _: {"rerun": True})
    job = await failed(claims, await jobs.create(remove(dsn, user)), Damaged("the user's file"))
    assert job.status is JobStatus.FAILED
    apply = NewJob(user, JobKind.APPLY_MASK, "lite", an_image(dsn, user), ApplyParams())
    job = await failed(claims, await jobs.create(apply), Internal("it broke"))
    assert job.status is JobStatus.FAILED
    async with connection(pool) as conn:
        assert await flags.spend(conn)  # nothing was spent


async def test_without_clippingmagic_nothing_is_spent_there(
    pool: Pool, dsn: str, user: UUID, doorbell: ArqDoorbell, jobs: JobService, flags: Flags
) -> None:
    await flags.change(lambda _: {"rerun": True})
    alone = Flags(pool, EnginePolicy(legacy=False, daily_micros=125_000))
    claims = Claims(pool, doorbell, Events(None), Rescuer(alone))
    job = await failed(claims, await jobs.create(remove(dsn, user)), Internal("it broke"))
    assert job.status is JobStatus.FAILED


async def test_a_rescue_needs_no_second_connection(
    dsn: str, user: UUID, doorbell: ArqDoorbell, jobs: JobService, flags: Flags
) -> None:
    await flags.change(lambda _: {"rerun": True})
    pool = await open_pool(dsn, 1, 1)
    claims = Claims(pool, doorbell, Events(None), Rescuer(Flags(pool, flags.policy)))
    job = await failed(claims, await jobs.create(remove(dsn, user)), Internal("it broke"))
    assert job.engine == "clippingmagic"
    await pool.close()


async def test_who_stands_in_and_fails_gives_the_job_back(
    dsn: str, user: UUID, jobs: JobService, claims: Claims, flags: Flags
) -> None:
    await flags.change(lambda _: {"rerun": True})
    job = await jobs.create(remove(dsn, user, Reason.FALLBACK))
    assert (job.queue, job.engine_reason) == (LEGACY_QUEUE, "fallback")
    for _ in range(2):
        await failed_once(claims, job)
    job = await failed(claims, job, LegacyUnavailable("away"))
    assert (job.status, job.queue, job.attempt) == (JobStatus.QUEUED, embed_queue("lite"), 0)
    assert (job.engine, job.engine_reason) == ("sam2", "legacy_failed")
    job = await failed(claims, job, Internal("it broke"))
    assert job.status is JobStatus.FAILED


async def failed_once(claims: Claims, job: Job) -> None:
    """A retry, whose pause is over at once."""
    claimed = await claims.claim(job.queue, "somebody", lease_s=30)
    assert claimed is not None
    await claims.fail(claimed, LegacyUnavailable("away"))
    async with claims._pool.connection() as conn:
        await conn.execute("update jobs set run_after = now() where id = %s", (job.id,))


async def test_where_the_budget_is_spent_the_job_is_ours(dsn: str, user: UUID, jobs: JobService) -> None:
    first, second = [await jobs.create(remove(dsn, user, Reason.FALLBACK)) for _ in range(2)]
    assert (first.engine, first.queue) == ("clippingmagic", LEGACY_QUEUE)
    assert (second.engine, second.engine_reason) == ("sam2", "budget_spent")
    assert second.queue == embed_queue("lite")
