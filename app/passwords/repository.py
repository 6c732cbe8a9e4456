"""Rows of passwords and sign-ins. Functions take the caller's connection."""

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from app.db.pool import Connection, Row
from app.db.queries import load

_SQL = load(Path(__file__).with_name("queries.sql"))


async def by_email(conn: Connection, email: str) -> Row | None:
    """`user_id`, `email`, `hash`."""
    return await (await conn.execute(_SQL["by_email"], {"email": email})).fetchone()


async def set_password(conn: Connection, user_id: UUID, email: str, stored: str) -> None:
    """Raises psycopg.errors.UniqueViolation where the address is another user's."""
    await conn.execute(_SQL["set_password"], {"user_id": user_id, "email": email, "hash": stored})


async def begin(conn: Connection, values: Mapping[str, object]) -> None:
    await conn.execute(_SQL["forget"], values)
    await conn.execute(_SQL["begin"], values)


async def renew(conn: Connection, values: Mapping[str, object]) -> Row | None:
    """`id`, `user_id`, `email`; None: no sign-in has the token."""
    return await (await conn.execute(_SQL["renew"], values)).fetchone()


async def end_reused(conn: Connection, sha256: bytes) -> bool:
    """Whether a sign-in had the token before."""
    return await (await conn.execute(_SQL["end_reused"], {"sha256": sha256})).fetchone() is not None


async def end(conn: Connection, user_id: UUID, sign_in_id: UUID | None) -> None:
    """`sign_in_id` None: all of the user's."""
    values = {"user_id": user_id, "id": sign_in_id}
    await conn.execute(_SQL["end_all" if sign_in_id is None else "end"], values)
