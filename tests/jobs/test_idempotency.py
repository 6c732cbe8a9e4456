"""One key, one thing: repeated, concurrent, failing, abandoned."""

import asyncio
from uuid import UUID

import pytest

from app.db.pool import Pool
from app.jobs.errors import KeyInFlight, KeyReused
from app.jobs.idempotency import IdempotencyKeys, forget_old
from app.jobs.service import JobService
from app.jobs.types import NewJob
from tests.rows import a_user


@pytest.fixture
def keys(pool: Pool) -> IdempotencyKeys:
    return IdempotencyKeys(pool, wait_s=5)


async def post(keys: IdempotencyKeys, jobs: JobService, new: NewJob, payload: str = "same") -> UUID:
    """What the API does."""
    async with keys.hold(new.user_id, "key", payload) as held:
        return held.made or (await jobs.create(new, held)).id


async def count(pool: Pool) -> int:
    async with pool.connection() as conn:
        row = await (await conn.execute("select count(*) as jobs from jobs")).fetchone()
    assert row is not None
    return int(row["jobs"])


async def test_fifty_at_once_make_one_job(
    pool: Pool, keys: IdempotencyKeys, jobs: JobService, encode: NewJob
) -> None:
    made = await asyncio.gather(*(post(keys, jobs, encode) for _ in range(50)))
    assert len(set(made)) == 1
    assert await count(pool) == 1


async def test_another_payload_is_refused(keys: IdempotencyKeys, jobs: JobService, encode: NewJob) -> None:
    await post(keys, jobs, encode)
    with pytest.raises(KeyReused):
        await post(keys, jobs, encode, "other")


async def test_another_users_key_is_another_key(
    dsn: str, keys: IdempotencyKeys, jobs: JobService, encode: NewJob
) -> None:
    made = await post(keys, jobs, encode)
    async with keys.hold(a_user(dsn), "key", "same") as held:
        assert held.made is None
    assert await post(keys, jobs, encode) == made


async def test_a_failed_request_leaves_its_key_to_the_next(
    pool: Pool, keys: IdempotencyKeys, jobs: JobService, encode: NewJob
) -> None:
    with pytest.raises(RuntimeError):
        async with keys.hold(encode.user_id, "key", "same"):
            raise RuntimeError("before anything was made")
    await post(keys, jobs, encode, "corrected")
    assert await count(pool) == 1


async def test_who_waits_too_long_is_told(pool: Pool, encode: NewJob) -> None:
    keys = IdempotencyKeys(pool, wait_s=0.1)
    async with keys.hold(encode.user_id, "key", "same"):
        with pytest.raises(KeyInFlight):
            async with keys.hold(encode.user_id, "key", "same"):
                pass


async def test_a_key_whose_request_died_is_taken_over_and_an_old_one_forgotten(
    pool: Pool, keys: IdempotencyKeys, jobs: JobService, encode: NewJob
) -> None:
    async with pool.connection() as conn:
        await conn.execute(
            "insert into idempotency_keys (user_id, key, fingerprint, taken_at)"
            " values (%s, 'key', 'same', now() - interval '5 minutes')",
            (encode.user_id,),
        )
    first = await post(keys, jobs, encode)
    async with pool.connection() as conn:
        await conn.execute("update idempotency_keys set taken_at = now() - interval '25 hours'")
    await forget_old(pool)
    assert await post(keys, jobs, encode) != first
