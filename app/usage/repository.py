"""Rows of usage. Functions take the caller's connection."""

from pathlib import Path
from uuid import UUID

from app.db.pool import Connection, Row
from app.db.queries import load
from app.usage.types import COLUMNS, SUMS, DayUsage, JobUsage, MonthUsage, Sums

_SQL = load(Path(__file__).with_name("queries.sql"))


async def days(conn: Connection, user_id: UUID | None, days: int) -> list[DayUsage]:
    """The oldest first; `user_id` None: everybody's."""
    rows = await (await conn.execute(_SQL["days"], {"user_id": user_id, "days": days})).fetchall()
    return [DayUsage(row["day"], _sums(row), row["took_p50_s"]) for row in rows]


async def months(conn: Connection, user_id: UUID) -> list[MonthUsage]:
    rows = await (await conn.execute(_SQL["months"], {"user_id": user_id})).fetchall()
    return [MonthUsage(row["month"], _sums(row)) for row in rows]


async def roll_up(conn: Connection) -> None:
    await conn.execute(_SQL["roll_up"])


async def served(conn: Connection, job_id: UUID, count: int) -> None:
    await conn.execute(_SQL["served"], {"job_id": job_id, "bytes": count})


async def rows(conn: Connection, days: int, after: UUID | None, limit: int) -> list[JobUsage]:
    values = {"days": days, "after": after, "limit": limit}
    found = await (await conn.execute(_SQL["rows"], values)).fetchall()
    return [JobUsage(**{name: row[name] for name in COLUMNS}) for row in found]


def _sums(row: Row) -> Sums:
    return Sums(**{name: row[name] for name in SUMS})
