"""What an operator sees and does."""

from uuid import UUID

import pytest

from app.db.pool import Pool
from app.errors import Internal
from app.jobs.admin import JobAdmin
from app.jobs.claims import Claims, Outcome
from app.jobs.errors import JobEnded, JobNotFound
from app.jobs.events import Events
from app.jobs.service import JobService
from app.jobs.types import JobStatus, NewJob
from app.queue.arq_adapter import ArqDoorbell
from tests.rows import new_id

QUEUE = "embed:lite"


@pytest.fixture
def admin(pool: Pool, jobs: JobService, events: Events, doorbell: ArqDoorbell) -> JobAdmin:
    return JobAdmin(pool, jobs, events, doorbell)


async def end(claims: Claims, *, well: bool) -> UUID:
    job = await claims.claim(QUEUE, "one", lease_s=30)
    assert job is not None
    if well:
        await claims.succeed(job, Outcome({"a": 1}), {})
    else:
        await claims.fail(job, Internal("broken"))
    return job.id


async def test_everybodys_jobs_are_listed_and_shown(
    admin: JobAdmin, jobs: JobService, claims: Claims, encode: NewJob
) -> None:
    made = [await jobs.create(encode) for _ in range(3)]
    failed = await end(claims, well=False)
    assert [job.id for job in (await admin.page(status=JobStatus.FAILED)).items] == [failed]
    assert [job.id for job in (await admin.page(limit=2)).items] == [made[2].id, made[1].id]
    assert (await admin.show(made[1].id)).id == made[1].id
    with pytest.raises(JobNotFound):
        await admin.show(new_id())


async def test_a_failed_job_is_tried_again_as_a_new_one(
    admin: JobAdmin, jobs: JobService, claims: Claims, encode: NewJob
) -> None:
    await jobs.create(encode)
    failed = await end(claims, well=False)
    again = await admin.retry(failed)
    assert (again.status, again.kind, again.params) == (JobStatus.QUEUED, encode.kind, {"auto": True})
    assert again.id != failed
    with pytest.raises(JobEnded):
        await admin.retry(await end(claims, well=True))


async def test_cancel(admin: JobAdmin, jobs: JobService, encode: NewJob) -> None:
    job = await jobs.create(encode)
    assert (await admin.cancel(job.id)).status is JobStatus.CANCELED
    with pytest.raises(JobEnded):
        await admin.cancel(job.id)


async def test_queues_and_stats(
    admin: JobAdmin, jobs: JobService, claims: Claims, doorbell: ArqDoorbell, encode: NewJob
) -> None:
    for _ in range(4):
        await jobs.create(encode)
    await end(claims, well=True)
    await end(claims, well=False)
    assert await claims.claim(QUEUE, "one", lease_s=30) is not None
    for worker in ("one", "two"):
        await doorbell.here(QUEUE, worker)
    await doorbell.here("mask", "three")
    await doorbell.gone(QUEUE, "two")
    embed, mask = await admin.queues()
    assert (embed.stats.queue, embed.stats.waiting, embed.stats.processing, embed.workers) == (QUEUE, 1, 1, 1)
    assert embed.stats.ended == 2
    assert (mask.stats.queue, mask.stats.waiting, mask.workers) == ("mask", 0, 1)
    ended = {(row.status, row.code): row.jobs for row in await admin.stats()}
    assert ended == {(JobStatus.SUCCEEDED, None): 1, (JobStatus.FAILED, "internal"): 1}
