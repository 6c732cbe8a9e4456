"""How much a user, and each key of theirs, may ask for: requests, and megapixels of images."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from app.accounts.errors import TooMuch
from app.accounts.types import Caller, Left
from app.queue.buckets import Buckets, LocalBuckets, Take, Taken
from app.queue.errors import QueueUnavailable

REQUESTS, MEGAPIXELS = "requests", "megapixels"
REST_S = 1.0
"""After Redis did not answer it is not asked for so long: each request would wait for it in vain."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """One thing that is limited: how much of it within a window, for a user and for a single key."""

    name: str
    user_quota: float
    key_quota: float
    window_s: float

    def takes(self, caller: Caller, cost: float) -> list[Take]:
        takes = [Take(_key(self.name, "user", caller.user_id), self.user_quota, self.window_s, cost)]
        if caller.key_id is not None:
            takes.append(Take(_key(self.name, "key", caller.key_id), self.key_quota, self.window_s, cost))
        return takes


class RateLimits:
    """Shared through Redis; by this process alone while Redis is away: nobody is refused for that."""

    def __init__(
        self,
        shared: Buckets,
        requests: Policy,
        megapixels: Policy,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._local = LocalBuckets(clock)
        self._clock = clock
        self._resting_until = -math.inf
        self._requests = requests
        self._megapixels = megapixels

    async def request(self, caller: Caller) -> Left:
        """One more request. Raises TooMuch."""
        return await self._spend(self._requests, caller, 1)

    async def image(self, caller: Caller, pixels: int) -> Left:
        """One more image. Raises TooMuch."""
        return await self._spend(self._megapixels, caller, pixels / 1e6)

    async def _spend(self, policy: Policy, caller: Caller, cost: float) -> Left:
        takes = policy.takes(caller, cost)
        taken = await self._take(takes)
        left = _tightest(policy, takes, taken)
        if taken.wait_s > 0:
            raise TooMuch(
                f"too many {policy.name}: {left.quota:,} within {left.window_s} s are allowed",
                left=left,
                retry_after=math.ceil(taken.wait_s),
            )
        return left

    async def _take(self, takes: Sequence[Take]) -> Taken:
        if self._clock() >= self._resting_until:
            try:
                return await self._shared.take(takes)
            except QueueUnavailable:
                _log.warning("limits are this process's own", for_s=REST_S)
                self._resting_until = self._clock() + REST_S
        return await self._local.take(takes)


def bucket_keys(user_id: UUID, key_ids: Sequence[UUID]) -> list[str]:
    """Every bucket of a user."""
    owners = [("user", user_id), *(("key", key_id) for key_id in key_ids)]
    return [_key(name, kind, owner) for name in (REQUESTS, MEGAPIXELS) for kind, owner in owners]


def _key(policy: str, kind: str, owner: UUID) -> str:
    return f"limit:{policy}:{kind}:{owner}"


def _tightest(policy: Policy, takes: Sequence[Take], taken: Taken) -> Left:
    number = min(range(len(takes)), key=lambda n: taken.remaining(n, takes[n]))
    take = takes[number]
    return Left(
        policy.name,
        int(take.quota),
        int(policy.window_s),
        taken.remaining(number, take),
        math.ceil(taken.used_s[number]),
    )
