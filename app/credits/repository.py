"""Rows of the ledger and its sums. Functions take the caller's connection."""

from pathlib import Path
from uuid import UUID

from app.credits.types import Balance, Entry, Plan
from app.db.pool import Connection
from app.db.queries import load

_SQL = load(Path(__file__).with_name("queries.sql"))


async def balance(conn: Connection, user_id: UUID) -> Balance | None:
    row = await (await conn.execute(_SQL["balance"], {"user_id": user_id})).fetchone()
    return Balance(**{**row, "plan": Plan(row["plan"])}) if row else None


async def affords(conn: Connection, user_id: UUID, price: int, image_id: UUID | None) -> bool:
    values = {"user_id": user_id, "price": price, "image_id": image_id}
    row = await (await conn.execute(_SQL["affords"], values)).fetchone()
    return row is not None and bool(row["affords"])


async def grant(conn: Connection, user_id: UUID, amount: int, note: str | None) -> Entry | None:
    """None: no such user."""
    values = {"user_id": user_id, "amount": amount, "note": note}
    row = await (await conn.execute(_SQL["grant"], values)).fetchone()
    return Entry(**row) if row else None


async def entry(conn: Connection, user_id: UUID, entry_id: UUID) -> Entry | None:
    row = await (await conn.execute(_SQL["entry"], {"id": entry_id, "user_id": user_id})).fetchone()
    return Entry(**row) if row else None


async def set_plan(conn: Connection, user_id: UUID, plan: Plan) -> bool:
    row = await (await conn.execute(_SQL["set_plan"], {"user_id": user_id, "plan": plan})).fetchone()
    return row is not None


async def entries(conn: Connection, user_id: UUID, after: UUID | None, limit: int) -> list[Entry]:
    """In the order of time."""
    values = {"user_id": user_id, "after": after, "limit": limit}
    return [Entry(**row) for row in await (await conn.execute(_SQL["entries"], values)).fetchall()]
