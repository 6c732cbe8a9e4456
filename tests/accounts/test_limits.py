"""Limits per user and per key, and what holds while Redis is away."""

from collections.abc import Sequence
from uuid import uuid4

import pytest

from app.accounts.errors import TooMuch
from app.accounts.limits import REST_S, Policy, RateLimits
from app.accounts.types import EVERY_SCOPE, Caller, Role
from app.queue.buckets import LocalBuckets, Take, Taken
from app.queue.errors import QueueUnavailable

REQUESTS = Policy("requests", 6, 4, 60)
MEGAPIXELS = Policy("megapixels", 200, 100, 3600)


class Away:
    """A Redis that does not answer, or does again."""

    def __init__(self) -> None:
        self.asked = 0
        self.back: LocalBuckets | None = None

    async def take(self, takes: Sequence[Take]) -> Taken:
        self.asked += 1
        if self.back is None:
            raise QueueUnavailable("away")
        return await self.back.take(takes)


def caller(user: object = None, *, key: bool = False) -> Caller:
    return Caller(uuid4(), EVERY_SCOPE, Role.USER, uuid4() if key else None)


@pytest.fixture
def limits() -> RateLimits:
    return RateLimits(LocalBuckets(), REQUESTS, MEGAPIXELS)


async def test_a_key_has_less_than_its_user(limits: RateLimits) -> None:
    first = caller(key=True)
    second = Caller(first.user_id, first.scopes, first.role, uuid4())
    assert [(await limits.request(first)).remaining for _ in range(4)] == [3, 2, 1, 0]
    with pytest.raises(TooMuch) as refused:
        await limits.request(first)
    assert refused.value.status == 429
    assert 1 <= int(str(refused.value.extra["retry_after"])) <= 15
    assert [(await limits.request(second)).remaining for _ in range(2)] == [1, 0]
    with pytest.raises(TooMuch):
        await limits.request(second)
    with pytest.raises(TooMuch):
        await limits.request(Caller(first.user_id, first.scopes, first.role))
    await limits.request(caller())


async def test_megapixels_are_counted_apart(limits: RateLimits) -> None:
    user = caller()
    for left in (140, 80, 20):
        assert (await limits.image(user, 60_000_000)).remaining == left
    with pytest.raises(TooMuch, match="megapixels"):
        await limits.image(user, 60_000_000)
    assert (await limits.image(user, 20_000_000)).remaining == 0
    await limits.request(user)


async def test_without_redis_the_process_limits_and_asks_again_after_a_rest() -> None:
    now, away = [0.0], Away()
    limits = RateLimits(away, REQUESTS, MEGAPIXELS, lambda: now[0])
    user = caller()
    for _ in range(6):
        await limits.request(user)
    assert away.asked == 1
    with pytest.raises(TooMuch):
        await limits.request(user)
    away.back, now[0] = LocalBuckets(), REST_S
    assert (await limits.request(user)).remaining == 5
    assert away.asked == 2
