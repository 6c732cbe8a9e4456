"""Rows of comparisons. Functions take the caller's connection."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from app.db.pool import Connection
from app.db.queries import load
from app.reviews.types import CategoryResult, Review

_SQL = load(Path(__file__).with_name("queries.sql"))


async def begin(conn: Connection, shadow_job: UUID, legacy_job: UUID) -> None:
    await conn.execute(_SQL["begin"], {"id": shadow_job, "legacy_job": legacy_job})


async def waiting(conn: Connection, limit: int) -> list[Review]:
    return [Review(**row) for row in await (await conn.execute(_SQL["waiting"], {"limit": limit})).fetchall()]


async def judge(conn: Connection, values: Mapping[str, object]) -> bool:
    """False: no such comparison, or it has not ended well."""
    return await (await conn.execute(_SQL["judge"], values)).fetchone() is not None


async def results(conn: Connection) -> list[CategoryResult]:
    return [CategoryResult(**row) for row in await (await conn.execute(_SQL["results"])).fetchall()]


async def picture(conn: Connection, review_id: UUID) -> tuple[str, dict[str, Any]] | None:
    """(storage key, what is known of the file)."""
    row = await (await conn.execute(_SQL["picture"], {"id": review_id})).fetchone()
    return (row["result_key"], row["result"]) if row else None
