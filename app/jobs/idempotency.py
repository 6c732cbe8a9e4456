"""Idempotency-Key (DESIGN §9): the same key and payload make one thing, however often they are sent.

The key's row is taken before the work and names what was made in the transaction that makes it.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from app.db.pool import Connection, Pool, connection
from app.db.queries import load
from app.jobs.errors import KeyInFlight, KeyReused

KEPT_S = 24 * 3600.0
ABANDONED_S = 90.0
"""A request that took a key and named nothing for so long died with its process: a request lasts ≤ 60 s."""
WAIT_S = 10.0
"""How long the second of two concurrent requests waits for the first."""
_POLL_S = 0.05

_SQL = load(Path(__file__).with_name("idempotency.sql"))


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key that is ours for the time of the request, or one that was answered before."""

    user_id: UUID
    key: str
    made: UUID | None
    """What an earlier request made: give that back. None: make it, and `name` it in the same transaction."""

    async def name(self, conn: Connection, resource_id: UUID) -> None:
        values = {"user_id": self.user_id, "key": self.key, "resource_id": resource_id}
        await conn.execute(_SQL["name_resource"], values)


class IdempotencyKeys:
    def __init__(self, pool: Pool, *, wait_s: float = WAIT_S) -> None:
        self._pool = pool
        self._wait_s = wait_s

    @asynccontextmanager
    async def hold(self, user_id: UUID, key: str, fingerprint: str) -> AsyncIterator[HeldKey]:
        """For the time of one request. `fingerprint`: sha256 of the call, its parameters and its files.

        Raises KeyReused (422) for another payload, KeyInFlight (409) when the first request takes too long.
        """
        held = await self._take(user_id, key, fingerprint)
        try:
            yield held
        finally:
            if held.made is None:
                await asyncio.shield(self._let_go(held))

    async def _take(self, user_id: UUID, key: str, fingerprint: str) -> HeldKey:
        values = {"user_id": user_id, "key": key, "fingerprint": fingerprint, "abandoned_s": ABANDONED_S}
        until = time.monotonic() + self._wait_s
        while True:
            async with connection(self._pool) as conn:
                taken = await (await conn.execute(_SQL["take"], values)).fetchone()
                if taken is not None:
                    return HeldKey(user_id, key, None)
                row = await (await conn.execute(_SQL["taken"], values)).fetchone()
            if row is not None and row["fingerprint"] != fingerprint:
                raise KeyReused("this Idempotency-Key was used with another payload")
            if row is not None and row["resource_id"] is not None:
                return HeldKey(user_id, key, row["resource_id"])
            if time.monotonic() > until:
                raise KeyInFlight("a request with this Idempotency-Key is still under way")
            await asyncio.sleep(_POLL_S)

    async def _let_go(self, held: HeldKey) -> None:
        """A request that failed leaves its key to the next try; one that made something leaves it named."""
        async with connection(self._pool) as conn:
            await conn.execute(_SQL["let_go"], {"user_id": held.user_id, "key": held.key})


async def forget_old(pool: Pool) -> None:
    async with connection(pool) as conn:
        await conn.execute(_SQL["forget_old"], {"kept_s": KEPT_S})
