"""Rows of users and keys. Functions take the caller's connection."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from app.accounts.types import ApiKey, Caller, Defaults, Role, Scope, User
from app.db.pool import Connection, Row
from app.db.queries import load

SQL = load(Path(__file__).with_name("queries.sql"))


def user_sha256(user_id: UUID) -> bytes:
    """What remains of a closed account."""
    return hashlib.sha256(user_id.bytes).digest()


async def ensure_user(conn: Connection, user_id: UUID, email: str | None) -> None:
    values = {"id": user_id, "email": email, "sha256": user_sha256(user_id)}
    await conn.execute(SQL["ensure_user"], values)


async def unmeter(conn: Connection, user_id: UUID) -> None:
    await conn.execute(SQL["unmeter"], {"id": user_id})


async def user(conn: Connection, user_id: UUID) -> User | None:
    row = await (await conn.execute(SQL["user"], {"id": user_id})).fetchone()
    return _user(row) if row else None


async def users_by_email(conn: Connection, email: str) -> list[User]:
    rows = await (await conn.execute(SQL["users_by_email"], {"email": email})).fetchall()
    return [_user(row) for row in rows]


async def users(conn: Connection, after: UUID | None, limit: int) -> list[User]:
    rows = await (await conn.execute(SQL["list_users"], {"after": after, "limit": limit})).fetchall()
    return [_user(row) for row in rows]


async def set_role(conn: Connection, user_id: UUID, role: Role) -> User | None:
    row = await (await conn.execute(SQL["set_role"], {"id": user_id, "role": role})).fetchone()
    return _user(row) if row else None


async def key_shown(conn: Connection, sha256: bytes) -> tuple[Caller, bool] | None:
    """Whose good key it is, and whether its use is to be noted."""
    row = await (await conn.execute(SQL["key_shown"], {"sha256": sha256}, prepare=True)).fetchone()
    if row is None:
        return None
    caller = Caller(row["user_id"], _scopes(row), Role(row["role"]), row["id"])
    return caller, row["noted_long_ago"]


async def note_use(conn: Connection, key_id: UUID) -> None:
    await conn.execute(SQL["note_use"], {"id": key_id})


async def insert_key(conn: Connection, values: Mapping[str, object]) -> ApiKey | None:
    """None: the user has as many as allowed. Needs a transaction."""
    await conn.execute(SQL["lock_user"], values)
    row = await (await conn.execute(SQL["insert_key"], values)).fetchone()
    return _key(row) if row else None


async def list_keys(conn: Connection, user_id: UUID, after: UUID | None, limit: int) -> list[ApiKey]:
    values = {"user_id": user_id, "after": after, "limit": limit}
    return [_key(row) for row in await (await conn.execute(SQL["list_keys"], values)).fetchall()]


async def revoke_key(conn: Connection, user_id: UUID | None, key_id: UUID) -> ApiKey | None:
    """`user_id` None: whoever's it is."""
    row = await (await conn.execute(SQL["revoke_key"], {"id": key_id, "user_id": user_id})).fetchone()
    return _key(row) if row else None


async def key_ids(conn: Connection, user_id: UUID) -> list[UUID]:
    rows = await (await conn.execute(SQL["key_ids"], {"user_id": user_id})).fetchall()
    return [row["id"] for row in rows]


async def erase_user(conn: Connection, user_id: UUID) -> dict[str, int] | None:
    """How many rows of each kind went; None: no such user."""
    row = await (await conn.execute(SQL["erase_user"], {"id": user_id})).fetchone()
    report: dict[str, int] | None = row["report"] if row else None
    return report


async def known_users(conn: Connection, ids: list[UUID]) -> set[UUID]:
    rows = await (await conn.execute(SQL["known_users"], {"ids": ids})).fetchall()
    return {row["id"] for row in rows}


async def forget_closed(conn: Connection) -> None:
    await conn.execute(SQL["forget_closed"])


async def set_retention(conn: Connection, user_id: UUID, days: int | None) -> User | None:
    row = await (await conn.execute(SQL["set_retention"], {"id": user_id, "days": days})).fetchone()
    return _user(row) if row else None


async def defaults(conn: Connection, user_id: UUID) -> Defaults | None:
    row = await (await conn.execute(SQL["defaults"], {"id": user_id})).fetchone()
    return _defaults(row) if row else None


async def set_defaults(conn: Connection, user_id: UUID, settings: Mapping[str, object]) -> Defaults | None:
    values = {"id": user_id, "settings": Jsonb(settings)}
    row = await (await conn.execute(SQL["set_defaults"], values)).fetchone()
    return _defaults(row) if row else None


def _defaults(row: Row) -> Defaults:
    return Defaults(**row["settings"], changed_at=row["settings_changed_at"])


def _user(row: Row) -> User:
    return User(row["id"], row["email"], Role(row["role"]), row["retention_days"], row["created_at"])


def _key(row: Row) -> ApiKey:
    times: dict[str, Any] = {
        name: row[name] for name in ("created_at", "expires_at", "last_used_at", "revoked_at")
    }
    return ApiKey(row["id"], row["user_id"], row["name"], row["prefix"], _scopes(row), **times)


def _scopes(row: Row) -> frozenset[Scope]:
    return frozenset(Scope(scope) for scope in row["scopes"])
