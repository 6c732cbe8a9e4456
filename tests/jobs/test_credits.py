"""The ledger: reserved at creation, settled at success, released otherwise; each once."""

import asyncio
from uuid import UUID

import psycopg
import pytest

from app.db.pool import Pool
from app.errors import Internal
from app.jobs.claims import Claims, Outcome
from app.jobs.prices import SAM2
from app.jobs.reconciler import Reconciler
from app.jobs.service import JobService
from app.jobs.types import ApplyParams, EncodeParams, Job, JobKind, JobParams, NewJob

Entries = list[tuple[str, int, int]]


def apply(owner: UUID, image: UUID, *, preview: bool = False) -> NewJob:
    return NewJob(owner, JobKind.APPLY_MASK, "lite", image, ApplyParams(preview=preview))


async def take(claims: Claims) -> Job:
    job = await claims.claim("mask", "one", lease_s=30)
    assert job is not None
    return job


async def entries(pool: Pool, job: Job) -> Entries:
    """(kind, held, spent) of the job, in order."""
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select entry_kind, held, spent from credit_entries where job_id = %s order by id", (job.id,)
        )
        return [(row["entry_kind"], row["held"], row["spent"]) for row in await cursor.fetchall()]


async def test_success_is_charged_once_an_image(
    pool: Pool, jobs: JobService, claims: Claims, owner: UUID, image: UUID
) -> None:
    await jobs.create(apply(owner, image))
    first = await claims.succeed(await take(claims), Outcome({"a": 1}), {})
    assert await entries(pool, first) == [("reserve", SAM2, 0), ("settle", -SAM2, SAM2)]
    assert first.credits == SAM2
    await jobs.create(apply(owner, image))
    again = await claims.succeed(await take(claims), Outcome({"a": 1}), {})
    assert await entries(pool, again) == []
    assert again.credits == 0


async def test_of_two_at_once_on_an_image_one_is_charged(
    pool: Pool, jobs: JobService, claims: Claims, owner: UUID, image: UUID
) -> None:
    for _ in range(2):
        await jobs.create(apply(owner, image))
    held = [await take(claims), await take(claims)]
    ended = await asyncio.gather(*(claims.succeed(job, Outcome({"a": 1}), {}) for job in held))
    assert sorted(job.credits for job in ended) == [0, SAM2]
    settled = [(await entries(pool, job))[-1] for job in ended]
    assert sorted(settled) == [("settle", -SAM2, 0), ("settle", -SAM2, SAM2)]


async def test_failure_cancel_and_deadline_release(
    pool: Pool, jobs: JobService, claims: Claims, reconciler: Reconciler, owner: UUID, image: UUID
) -> None:
    released = [("reserve", SAM2, 0), ("release", -SAM2, 0)]
    await jobs.create(apply(owner, image))
    failed = await claims.fail(await take(claims), Internal("broken"))
    canceled = await jobs.cancel(owner, (await jobs.create(apply(owner, image))).id)
    late = await jobs.create(apply(owner, image))
    async with pool.connection() as conn:
        await conn.execute("update jobs set deadline = now() where id = %s", (late.id,))
    await reconciler.sweep()
    for job in (failed, canceled, late):
        assert await entries(pool, job) == released
        assert (await jobs.get(owner, job.id)).credits == 0


@pytest.mark.parametrize(
    ("kind", "params"),
    [(JobKind.ENCODE, EncodeParams()), (JobKind.APPLY_MASK, ApplyParams(preview=True))],
)
async def test_encode_and_previews_are_free(
    pool: Pool, jobs: JobService, owner: UUID, image: UUID, kind: JobKind, params: JobParams
) -> None:
    job = await jobs.create(NewJob(owner, kind, "lite", image, params))
    assert await entries(pool, job) == []


async def test_a_job_that_runs_twice_is_settled_once(
    pool: Pool, jobs: JobService, claims: Claims, owner: UUID, image: UUID
) -> None:
    await jobs.create(apply(owner, image))
    await claims.give_back(await take(claims))
    ended = await claims.succeed(await take(claims), Outcome({"a": 1}), {})
    assert await entries(pool, ended) == [("reserve", SAM2, 0), ("settle", -SAM2, SAM2)]


async def test_the_ledger_is_append_only(dsn: str, jobs: JobService, owner: UUID, image: UUID) -> None:
    await jobs.create(apply(owner, image))
    with psycopg.connect(dsn, autocommit=True) as connection:
        for change in ("update credit_entries set spent = 0", "delete from credit_entries"):
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
                connection.execute(change)
