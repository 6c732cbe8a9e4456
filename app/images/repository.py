"""Rows of images and embeddings. Methods take the caller's connection: a job's result is one transaction."""

from dataclasses import fields
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from app.db.pool import Connection, Row
from app.db.queries import load
from app.images.types import EmbeddingRow, Image, ProposalRow
from app.imaging.types import SourceFormat

_SQL = load(Path(__file__).with_name("queries.sql"))


def image_from(row: Row) -> Image:
    values: dict[str, Any] = {field.name: row[field.name] for field in fields(Image)}
    box = tuple(row["box"]) if row["box"] else None
    return Image(**{**values, "format": SourceFormat(row["format"]), "box": box})


def embedding_from(row: Row) -> EmbeddingRow:
    values: dict[str, Any] = {field.name: row[field.name] for field in fields(EmbeddingRow)}
    proposal = ProposalRow.from_json(row["proposal"]) if row["proposal"] else None
    return EmbeddingRow(**{**values, "proposal": proposal})


async def insert(conn: Connection, values: dict[str, object]) -> Image:
    row = await (await conn.execute(_SQL["insert_image"], values)).fetchone()
    assert row is not None
    return image_from(row)


async def find(conn: Connection, user_id: UUID, image_id: UUID) -> Image | None:
    row = await (await conn.execute(_SQL["image"], {"id": image_id, "user_id": user_id})).fetchone()
    return image_from(row) if row else None


async def page(conn: Connection, user_id: UUID, after: UUID | None, limit: int) -> list[Image]:
    cursor = await conn.execute(_SQL["list_images"], {"user_id": user_id, "after": after, "limit": limit})
    return [image_from(row) for row in await cursor.fetchall()]


async def crops(conn: Connection, image_id: UUID) -> list[Image]:
    cursor = await conn.execute(_SQL["crops"], {"image_id": image_id})
    return [image_from(row) for row in await cursor.fetchall()]


async def lock_image(conn: Connection, image_id: UUID) -> bool:
    """Until the transaction ends nobody else adds a crop or deletes the image. False: it is gone."""
    return await (await conn.execute(_SQL["lock_image"], {"id": image_id})).fetchone() is not None


async def insert_crop(conn: Connection, values: dict[str, object]) -> Image:
    row = await (await conn.execute(_SQL["insert_crop"], values)).fetchone()
    assert row is not None
    return image_from(row)


async def bury(conn: Connection, user_id: UUID, image_id: UUID) -> list[UUID]:
    """Make the image and its crops invisible at once; their files go when the transaction stands.

    Returns whom: the image and its crops, nobody where there is no such image.
    """
    if await (await conn.execute(_SQL["bury"], {"id": image_id, "user_id": user_id})).fetchone() is None:
        return []
    rows = await (await conn.execute(_SQL["bury_crops"], {"image_id": image_id})).fetchall()
    buried = [image_id, *(row["id"] for row in rows)]
    await conn.execute(_SQL["forget_embeddings"], {"ids": buried})
    return buried


async def embedding(conn: Connection, user_id: UUID, image_id: UUID, model: str) -> EmbeddingRow | None:
    values = {"user_id": user_id, "image_id": image_id, "model": model}
    row = await (await conn.execute(_SQL["embedding"], values)).fetchone()
    return embedding_from(row) if row else None


async def same_bytes(
    conn: Connection, image: Image, model: str, revision: str, *, auto: bool
) -> tuple[EmbeddingRow, str | None] | None:
    """The embedding of an image of the user with the same content, and that image's working key."""
    values = {
        "user_id": image.user_id,
        "image_id": image.id,
        "sha256": image.sha256,
        "model": model,
        "revision": revision,
        "auto": auto,
    }
    row = await (await conn.execute(_SQL["same_bytes"], values)).fetchone()
    return (embedding_from(row), row["working_key"]) if row else None


async def keep_image(conn: Connection, image_id: UUID) -> bool:
    """Until the transaction ends nobody deletes the image. False: somebody has."""
    return await (await conn.execute(_SQL["keep_image"], {"id": image_id})).fetchone() is not None


async def save_embedding(conn: Connection, new: EmbeddingRow) -> EmbeddingRow:
    """Returns the row that stands: another job's, where that was first."""
    values = {field.name: getattr(new, field.name) for field in fields(EmbeddingRow)}
    values["proposal"] = Jsonb(new.proposal.to_json()) if new.proposal else None
    row = await (await conn.execute(_SQL["save_embedding"], values)).fetchone()
    assert row is not None
    return embedding_from(row)


async def save_working(conn: Connection, image_id: UUID, key: str) -> str | None:
    """Returns the key that stands. None: the image is deleted."""
    row = await (await conn.execute(_SQL["save_working"], {"id": image_id, "key": key})).fetchone()
    return str(row["working_key"]) if row else None


async def bury_expired(conn: Connection, limit: int) -> list[UUID]:
    """Make images whose time is over invisible, as `bury` does; which."""
    rows = await (await conn.execute(_SQL["bury_expired"], {"limit": limit})).fetchall()
    return [row["id"] for row in rows]


async def to_purge(conn: Connection, limit: int) -> list[tuple[UUID, UUID]]:
    """(user, image) of those buried whose files are to be removed."""
    rows = await (await conn.execute(_SQL["to_purge"], {"limit": limit})).fetchall()
    return [(row["user_id"], row["id"]) for row in rows]


async def purged(conn: Connection, image_id: UUID) -> None:
    await conn.execute(_SQL["forget_embeddings"], {"ids": [image_id]})
    await conn.execute(_SQL["purged"], {"id": image_id})
