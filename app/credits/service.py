"""What a user may still spend. Jobs reserve and settle by triggers (migrations/0004, 0008)."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from decimal import Decimal
from math import ceil
from typing import Protocol
from uuid import UUID

from psycopg.errors import CheckViolation

from app.accounts import audit
from app.accounts.errors import UserNotFound
from app.credits import repository
from app.credits.errors import NoCredits
from app.credits.types import Balance, Entry, Plan
from app.db.page import every
from app.db.pool import Connection, Pool, connection, transaction

CANNOT_PAY = "your credits do not pay for this"
_PAGE = 1000
"""Entries that are held at once while a statement is written."""


class Named(Protocol):
    """An Idempotency-Key, a batch's item: told what was made, in the transaction that makes it."""

    async def name(self, conn: Connection, resource_id: UUID) -> None: ...


class Credits:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def balance(self, user_id: UUID) -> Balance:
        """Raises UserNotFound."""
        async with connection(self._pool) as conn:
            found = await repository.balance(conn, user_id)
        if found is None:
            raise UserNotFound("no such user")
        return found

    async def check(self, user_id: UUID, price: int, image_id: UUID | None = None) -> None:
        """Whether a cutout could be paid now, before any work is done for it; reserving decides.

        `image_id`: one that is here and may have been paid. Raises NoCredits.
        """
        async with connection(self._pool) as conn:
            if not await repository.affords(conn, user_id, price, image_id):
                raise NoCredits(CANNOT_PAY)

    async def grant(
        self,
        user_id: UUID,
        amount: int,
        note: str | None = None,
        key: Named | None = None,
        *,
        actor: str = audit.COMMAND_LINE,
    ) -> Entry:
        """`amount` in milli-credits; below zero it is taken back. Raises UserNotFound, NoCredits."""
        async with transaction(self._pool) as conn:
            with paid("there is not so much left to take back"):
                entry = await repository.grant(conn, user_id, amount, note)
            if entry is None:
                raise UserNotFound("no such user")
            if key is not None:
                await key.name(conn, entry.id)
            details = {"milli_credits": amount, "note": note}
            await audit.record(conn, actor, "credits.granted", user_id, details)
        return entry

    async def entry(self, user_id: UUID, entry_id: UUID) -> Entry:
        """Raises UserNotFound where it is not the user's."""
        async with connection(self._pool) as conn:
            entry = await repository.entry(conn, user_id, entry_id)
        if entry is None:
            raise UserNotFound("no such entry of this user")
        return entry

    async def set_plan(self, user_id: UUID, plan: Plan) -> None:
        """Raises UserNotFound; NoCredits where more was spent than `prepaid` allows: grant the rest first."""
        async with transaction(self._pool) as conn:
            with paid("more was spent than granted: grant the rest before the plan can be prepaid"):
                found = await repository.set_plan(conn, user_id, plan)
            if not found:
                raise UserNotFound("no such user")
            await audit.record(conn, audit.COMMAND_LINE, "plan.set", user_id, {"plan": plan})

    async def statement(self, user_id: UUID) -> AsyncIterator[tuple[Entry, int]]:
        """Every entry in the order of time, each with what was available after it (milli-credits)."""

        async def read(conn: Connection, after: UUID | None, limit: int) -> list[Entry]:
            return await repository.entries(conn, user_id, after, limit)

        available = 0
        async for entry in every(self._pool, read, lambda entry: entry.id, _PAGE):
            available += entry.granted - entry.held - entry.spent
            yield entry, available


@contextmanager
def paid(refusal: str) -> Iterator[None]:
    """What reserves or grants credits in a transaction. Raises NoCredits when too little is left."""
    try:
        yield
    except CheckViolation as error:
        if error.diag.constraint_name != "credits_left":
            raise
        raise NoCredits(refusal) from None


def micros(dollars: Decimal) -> int:
    """Micro-dollars; what is finer is rounded up."""
    return ceil(dollars * 1_000_000)


def milli(credits: Decimal) -> int:
    """Milli-credits. Raises ValueError for what is finer."""
    amount = credits * 1000
    if amount != amount.to_integral_value():
        raise ValueError("credits have at most three decimals")
    return int(amount)
