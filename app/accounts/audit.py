"""What was done to accounts by those who may: written in the transaction that does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from app.accounts import repository
from app.db.page import Page, after, cut
from app.db.pool import Connection, Pool, connection

COMMAND_LINE = "command line"
"""Who has the database's password needs no account."""


@dataclass(frozen=True, slots=True)
class Deed:
    id: UUID
    actor: str
    """A user's id, COMMAND_LINE, or `an erased user`."""
    action: str
    subject: UUID | None
    """The user it was done to; None once that one is erased."""
    details: dict[str, Any]
    created_at: datetime


async def record(
    conn: Connection, actor: str, action: str, subject: UUID | None, details: Mapping[str, object]
) -> None:
    values = {"actor": actor, "action": action, "subject": subject, "details": Jsonb(dict(details))}
    await conn.execute(repository.SQL["record"], values)


async def deeds(pool: Pool, cursor: str | None = None, limit: int = 50) -> Page[Deed]:
    """Newest first. Raises BadCursor."""
    async with connection(pool) as conn:
        values = {"after": after(cursor), "limit": limit + 1}
        rows = await (await conn.execute(repository.SQL["deeds"], values)).fetchall()
    found = [Deed(**row) for row in rows]
    return cut(found, [deed.id for deed in found], limit)
