"""One suite for both kinds of buckets: Redis's and a process's own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from app.queue import buckets as module
from app.queue.arq_adapter import connect
from app.queue.buckets import Buckets, LocalBuckets, RedisBuckets, Take
from app.queue.errors import QueueUnavailable

HOUR = 3600.0


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose(close_connection_pool=True)


@pytest.fixture(params=["redis", "local"])
def buckets(request: pytest.FixtureRequest, redis: Redis) -> Buckets:
    return RedisBuckets(redis) if request.param == "redis" else LocalBuckets()


async def test_a_quota_and_no_more(buckets: Buckets) -> None:
    take = Take("a", 5, HOUR, 1)
    for left in (4, 3, 2, 1, 0):
        taken = await buckets.take([take])
        assert (taken.wait_s, taken.remaining(0, take)) == (0, left)
    refused = await buckets.take([take])
    assert HOUR / 5 - 30 < refused.wait_s <= HOUR / 5
    assert refused.remaining(0, take) == 0
    assert (await buckets.take([Take("b", 5, HOUR, 1)])).wait_s == 0


async def test_the_whole_of_a_full_bucket_can_be_taken_whatever_the_time(buckets: Buckets) -> None:
    """now + window - now is a little more than window for every other `now`."""
    for number in range(100):
        take = Take(f"whole {number}", 1, HOUR, 1)
        assert (await buckets.take([take])).wait_s == 0
        assert (await buckets.take([take])).wait_s > HOUR - 60


async def test_of_several_all_or_none(buckets: Buckets) -> None:
    user, key = Take("user", 3, HOUR, 1), Take("key", 1, HOUR, 1)
    assert (await buckets.take([user, key])).wait_s == 0
    for _ in range(5):
        refused = await buckets.take([user, key])
        assert refused.wait_s > 0
        assert refused.remaining(0, user) == 2
    assert (await buckets.take([user])).wait_s == 0


async def test_it_fills_up_again(buckets: Buckets) -> None:
    take = Take("quick", 10, 0.5, 10)
    assert (await buckets.take([take])).wait_s == 0
    refused = await buckets.take([take])
    assert refused.wait_s > 0
    await asyncio.sleep(refused.wait_s + 0.01)
    assert (await buckets.take([take])).wait_s == 0


async def test_a_cost_is_no_whole_number(buckets: Buckets) -> None:
    take = Take("megapixels", 100, HOUR, 12.5)
    costs = [(await buckets.take([take])).wait_s for _ in range(9)]
    assert costs[:8] == [0] * 8 and costs[8] > 0


async def test_many_at_once_get_the_quota(buckets: Buckets) -> None:
    taken = await asyncio.gather(*(buckets.take([Take("crowd", 50, HOUR, 1)]) for _ in range(200)))
    assert sum(each.wait_s == 0 for each in taken) == 50


async def test_two_processes_share_redis(redis: Redis) -> None:
    one, other = RedisBuckets(redis), RedisBuckets(redis)
    take = Take("shared", 2, HOUR, 1)
    waits = [(await each.take([take])).wait_s for each in (one, other, one)]
    assert waits[:2] == [0, 0] and waits[2] > 0


async def test_full_buckets_leave_nothing_in_redis(redis: Redis) -> None:
    await RedisBuckets(redis).take([Take("gone", 10, 0.05, 1)])
    await asyncio.sleep(0.1)
    assert await redis.exists("gone") == 0


async def test_full_buckets_leave_nothing_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_LOCAL", 100)
    now = [0.0]
    local = LocalBuckets(lambda: now[0])
    for number in range(1000):
        now[0] = number
        await local.take([Take(f"user-{number}", 10, 10, 1)])
    kept: dict[str, Any] = local._full_at
    assert len(kept) <= 102


async def test_redis_away_is_said(tmp_path: Path) -> None:
    client = connect(f"unix://{tmp_path}/none.sock")
    with pytest.raises(QueueUnavailable):
        await RedisBuckets(client).take([Take("a", 1, HOUR, 1)])
    await client.aclose(close_connection_pool=True)
