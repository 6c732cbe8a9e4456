"""How much of a quota is used: the generic cell rate algorithm (ITU-T I.371), in Redis or in this process.

A bucket is one number, the time at which it will be full again. Taking moves it on by cost · window / quota,
unless that were more than a window ahead of now. Of several buckets all are taken from, or none.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.queue.errors import QueueUnavailable

_TIMEOUT_S = 0.25
"""A request waits no longer for its limit: Redis answers in 0.2 ms."""
_GRAIN_S = 1e-6
"""A wait below this is none: seconds since 1970 have steps of 0.24 µs, and a full bucket is a sum of some."""
_MAX_LOCAL = 20_000
"""Buckets kept in a process, 3 MB; then those that are full go."""

# one script: nobody comes between reading and writing, and the clock is Redis's, the same for all
_TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local full, wait, answer = {}, 0, {}
for i = 1, #KEYS do
    local quota, window, cost = tonumber(ARGV[3*i-2]), tonumber(ARGV[3*i-1]), tonumber(ARGV[3*i])
    local before = math.max(tonumber(redis.call('GET', KEYS[i]) or now), now)
    answer[i] = string.format('%.6f', before - now)
    full[i] = before + cost * window / quota
    wait = math.max(wait, full[i] - now - window)
end
if wait < 1e-6 then -- _GRAIN_S
    wait = 0
    for i = 1, #KEYS do
        answer[i] = string.format('%.6f', full[i] - now)
        local px = math.ceil((full[i] - now) * 1000) + 1
        redis.call('SET', KEYS[i], string.format('%.6f', full[i]), 'PX', px)
    end
end
return {string.format('%.6f', wait), unpack(answer)}
"""


@dataclass(frozen=True, slots=True)
class Take:
    """`cost` out of a bucket that holds `quota` and fills up within `window_s`."""

    key: str
    quota: float
    window_s: float
    cost: float


@dataclass(frozen=True, slots=True)
class Taken:
    wait_s: float
    """0: it was taken. Else nothing was; the same would be after so many seconds."""
    used_s: tuple[float, ...]
    """Of each bucket, seconds until it is full again."""

    def remaining(self, number: int, take: Take) -> int:
        """Whole units that are left in the bucket."""
        return max(math.floor(take.quota * (1 - self.used_s[number] / take.window_s) + 1e-6), 0)


class Buckets(Protocol):
    async def take(self, takes: Sequence[Take]) -> Taken:
        """Raises QueueUnavailable."""
        ...


class RedisBuckets:
    """Shared by all processes."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._script = redis.register_script(_TAKE)

    async def take(self, takes: Sequence[Take]) -> Taken:
        arguments = [number for take in takes for number in (take.quota, take.window_s, take.cost)]
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                wait, *used = await self._script([take.key for take in takes], arguments)
        except (RedisError, OSError, TimeoutError) as error:
            raise QueueUnavailable("the limits do not answer") from error
        return Taken(float(wait), tuple(map(float, used)))

    async def forget(self, keys: Sequence[str]) -> None:
        """Raises QueueUnavailable."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._redis.delete(*keys)
        except (RedisError, OSError, TimeoutError) as error:
            raise QueueUnavailable("the limits do not answer") from error


class LocalBuckets:
    """Of this process alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_at: dict[str, float] = {}

    async def take(self, takes: Sequence[Take]) -> Taken:
        now = self._clock()
        before = [max(self._full_at.get(take.key, now), now) for take in takes]
        costs = (take.cost * take.window_s / take.quota for take in takes)
        after = [full + cost for full, cost in zip(before, costs, strict=True)]
        ahead = (full - now - take.window_s for full, take in zip(after, takes, strict=True))
        wait = max(0.0, *ahead) if takes else 0.0
        if wait >= _GRAIN_S:
            return Taken(wait, tuple(full - now for full in before))
        if len(self._full_at) > _MAX_LOCAL:
            self._full_at = {key: full for key, full in self._full_at.items() if full > now}
        self._full_at.update(zip((take.key for take in takes), after, strict=True))
        return Taken(0.0, tuple(full - now for full in after))
