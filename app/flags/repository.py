"""Rows of flags. Functions take the caller's connection."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from app.db.pool import Connection, Row
from app.db.queries import load
from app.engines.names import EngineName
from app.flags.health import Health
from app.flags.types import FLAG, Subject, Switch

SQL = load(Path(__file__).with_name("queries.sql"))
KEPT_VERSIONS = 20
"""Versions that are looked at for one that can be read."""


@dataclass(frozen=True, slots=True)
class Version:
    """As written: the rules may be anything."""

    version: int
    rules: Any
    changed_by: str
    changed_at: Any


@dataclass(frozen=True, slots=True)
class Present:
    version: int
    """The newest; 0: there is none."""
    fallback: bool
    spent: int
    """Micro-dollars of today."""


async def present(conn: Connection) -> Present:
    row = await (await conn.execute(SQL["present"], {"name": FLAG})).fetchone()
    assert row is not None
    return Present(**row)


async def versions(conn: Connection, limit: int = KEPT_VERSIONS) -> list[Version]:
    """Newest first."""
    rows = await (await conn.execute(SQL["versions"], {"name": FLAG, "limit": limit})).fetchall()
    return [_version(row) for row in rows]


async def subject(conn: Connection, user_id: UUID) -> Subject:
    row = await (await conn.execute(SQL["subject"], {"name": FLAG, "user_id": user_id})).fetchone()
    if row is None:
        return Subject(user_id)
    return Subject(user_id, row["email"], EngineName(row["override"]) if row["override"] else None)


async def change(conn: Connection, rules: Mapping[str, Any]) -> Version:
    """In the transaction of `lock`."""
    values = {"name": FLAG, "rules": Jsonb(dict(rules))}
    row = await (await conn.execute(SQL["set"], values)).fetchone()
    assert row is not None
    return _version(row)


async def lock(conn: Connection, actor: str) -> None:
    await conn.execute(SQL["lock"], {"name": FLAG, "actor": actor})


async def override(conn: Connection, user_id: UUID, engine: EngineName | None) -> None:
    values = {"name": FLAG, "user_id": user_id, "engine": engine}
    await conn.execute(SQL["override" if engine else "no_override"], values)


async def overrides(conn: Connection) -> dict[UUID, EngineName]:
    rows = await (await conn.execute(SQL["overrides"], {"name": FLAG})).fetchall()
    return {row["user_id"]: EngineName(row["engine"]) for row in rows}


async def spend(conn: Connection, micros: int, limit: int) -> date | None:
    """The day that pays; None: its budget does not allow it."""
    row = await (await conn.execute(SQL["spend"], {"micros": micros, "limit": limit})).fetchone()
    return row["day"] if row else None


async def unspend(conn: Connection, micros: int, day: date) -> None:
    await conn.execute(SQL["unspend"], {"micros": micros, "day": day})


def _version(row: Row) -> Version:
    return Version(row["version"], row["rules"], row["changed_by"], row["changed_at"])


async def turn_to_look(conn: Connection, every_s: float) -> bool:
    """False: another process has just looked, or looks."""
    turn = await conn.execute(SQL["turn_to_look"], {"name": FLAG, "every_s": every_s})
    return await turn.fetchone() is not None


async def health(conn: Connection) -> tuple[Health, datetime]:
    """The state and the database's time, locked."""
    row = await (await conn.execute(SQL["health"], {"name": FLAG})).fetchone()
    assert row is not None
    return Health(row["fallback"], row["calm_since"]), row["now"]


async def set_health(conn: Connection, health: Health) -> None:
    values = {"name": FLAG, "fallback": health.fallback, "calm_since": health.calm_since}
    await conn.execute(SQL["set_health"], values)


async def switched(conn: Connection, fallback: bool, reason: str, details: Mapping[str, Any]) -> None:
    values = {"fallback": fallback, "reason": reason, "details": Jsonb(dict(details))}
    await conn.execute(SQL["switched"], values)


async def switches(conn: Connection, days: int, limit: int) -> list[Switch]:
    """Newest first."""
    rows = await (await conn.execute(SQL["switches"], {"days": days, "limit": limit})).fetchall()
    return [Switch(**row) for row in rows]
