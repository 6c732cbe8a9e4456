"""Rows of images that are edited at ClippingMagic. Functions take the caller's connection."""

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from app.db.pool import Connection
from app.db.queries import load
from app.legacy.types import LegacyImage

_SQL = load(Path(__file__).with_name("queries.sql"))


async def insert(conn: Connection, values: Mapping[str, object]) -> LegacyImage | None:
    """None: the image is gone."""
    row = await (await conn.execute(_SQL["insert"], values)).fetchone()
    return LegacyImage(**row) if row else None


async def fetched(conn: Connection, legacy_id: int) -> bool:
    """Its result was. False: not for the first time."""
    return await (await conn.execute(_SQL["fetched"], {"id": legacy_id})).fetchone() is not None


async def find(conn: Connection, user_id: UUID, legacy_id: int) -> LegacyImage | None:
    row = await (await conn.execute(_SQL["find"], {"id": legacy_id, "user_id": user_id})).fetchone()
    return LegacyImage(**row) if row else None
