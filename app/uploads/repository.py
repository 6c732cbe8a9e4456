"""Rows of direct uploads."""

from pathlib import Path
from uuid import UUID

from app.db.pool import Connection
from app.db.queries import load
from app.uploads.types import UploadRow

_SQL = load(Path(__file__).with_name("queries.sql"))


async def insert(conn: Connection, values: dict[str, object]) -> bool:
    """False: the user has `most` of them already."""
    return await (await conn.execute(_SQL["insert_upload"], values)).fetchone() is not None


async def find(
    conn: Connection, upload_id: UUID, *, user_id: UUID | None = None, token_sha256: bytes | None = None
) -> UploadRow | None:
    """For its owner, or for who holds its token."""
    values = {"id": upload_id, "user_id": user_id, "token_sha256": token_sha256}
    row = await (await conn.execute(_SQL["upload"], values)).fetchone()
    return UploadRow(**row) if row else None


async def use(conn: Connection, upload_id: UUID, image_id: UUID) -> None:
    await conn.execute(_SQL["use_upload"], {"id": upload_id, "image_id": image_id})


async def forget(conn: Connection, upload_id: UUID) -> None:
    await conn.execute(_SQL["forget_upload"], {"id": upload_id})


async def expired(conn: Connection, grace_s: float, limit: int) -> list[UploadRow]:
    rows = await (
        await conn.execute(_SQL["expired_uploads"], {"grace_s": grace_s, "limit": limit})
    ).fetchall()
    return [UploadRow(**row) for row in rows]
