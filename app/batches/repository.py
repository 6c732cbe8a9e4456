"""Rows of batches and their items. Functions take the caller's connection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from app.batches.types import SOURCE, Batch, Begun, Item, NewBatch, NewItem
from app.db.pool import Connection, Row
from app.db.queries import load
from app.errors import AppError
from app.jobs.types import JobStatus
from app.webhooks.types import JobWebhook

_SQL = load(Path(__file__).with_name("queries.sql"))
_BATCH = tuple(field.name for field in fields(Batch))
_ITEM = tuple(field.name for field in fields(Item))


@dataclass(frozen=True, slots=True)
class Needless:
    """A batch that has ended, whose files no item needs, or which are old."""

    id: UUID
    user_id: UUID


async def insert(conn: Connection, new: NewBatch) -> None:
    values = {
        "id": new.id,
        "user_id": new.user_id,
        "name": new.name,
        "model": new.model,
        "options": Jsonb(new.options.model_dump(mode="json", exclude_defaults=True)),
        "webhook": Jsonb(new.webhook.model_dump(mode="json")) if new.webhook else None,
        "request_id": new.request_id,
    }
    await conn.execute(_SQL["insert_batch"], values)


async def insert_items(
    conn: Connection, batch_id: UUID, ids: Sequence[UUID], items: Sequence[NewItem]
) -> None:
    values = {
        "batch_id": batch_id,
        "ids": list(ids),
        "names": [item.name for item in items],
        "sources": [Jsonb(item.source.model_dump()) if item.source else None for item in items],
        "errors": [Jsonb(item.error) if item.error else None for item in items],
    }
    await conn.execute(_SQL["insert_items"], values)
    await conn.execute(_SQL["added"], {"id": batch_id})


async def locked(conn: Connection, user_id: UUID, batch_id: UUID) -> Batch | None:
    """With its row locked to the end of the transaction. None: no such batch of this user."""
    values = {"id": batch_id, "user_id": user_id}
    if await (await conn.execute(_SQL["lock_batch"], values)).fetchone() is None:
        return None
    return await batch(conn, user_id, batch_id)


async def batch(conn: Connection, user_id: UUID, batch_id: UUID) -> Batch | None:
    row = await (await conn.execute(_SQL["batch"], {"id": batch_id, "user_id": user_id})).fetchone()
    return _batch(row) if row else None


async def batches(conn: Connection, user_id: UUID, after: UUID | None, limit: int) -> list[Batch]:
    values = {"user_id": user_id, "after": after, "limit": limit}
    return [_batch(row) for row in await (await conn.execute(_SQL["list_batches"], values)).fetchall()]


async def items(conn: Connection, values: Mapping[str, object]) -> list[Item]:
    return [_item(row) for row in await (await conn.execute(_SQL["items"], values)).fetchall()]


async def change(conn: Connection, query: str, batch_id: UUID) -> None:
    """`close`, `pause`, `take_back`, `resume`, `cancel`, `cancel_items`, `reopen`."""
    await conn.execute(_SQL[query], {"id": batch_id})


async def requeue_items(conn: Connection, jobs: Sequence[UUID]) -> None:
    await conn.execute(_SQL["requeue_items"], {"jobs": list(jobs)})


async def retry(conn: Connection, batch_id: UUID) -> int:
    """How many items are tried again."""
    return len(await (await conn.execute(_SQL["retry"], {"id": batch_id})).fetchall())


async def accept(conn: Connection, item_id: UUID, job_id: UUID | None) -> bool:
    """False: the item has not ended, or was canceled."""
    values = {"id": item_id, "job_id": job_id}
    return await (await conn.execute(_SQL["accept"], values)).fetchone() is not None


async def begin(conn: Connection, values: Mapping[str, object]) -> list[Begun]:
    rows = await (await conn.execute(_SQL["begin"], values)).fetchall()
    ids = list({row["batch_id"] for row in rows})
    found = await (await conn.execute(_SQL["batches_by_id"], {"ids": ids})).fetchall()
    batches = {row["id"]: _batch(row) for row in found}
    return [
        Begun(
            id=row["id"],
            batch=batches[row["batch_id"]],
            name=row["name"],
            source=SOURCE.validate_python(row["source"]) if row["source"] else None,
            image_id=row["image_id"],
            starts=row["starts"],
            attempt=row["attempt"],
        )
        for row in rows
    ]


async def renew(conn: Connection, held: Mapping[UUID, int], lease_s: float) -> None:
    """`held`: the fence of each item by its id."""
    values = {"ids": list(held), "starts": list(held.values()), "lease_s": lease_s}
    await conn.execute(_SQL["renew"], values)


async def has_image(conn: Connection, item: Begun, image_id: UUID) -> bool:
    """False: the item is not ours any more."""
    return await _held(conn, "has_image", item, image_id=image_id)


async def has_job(conn: Connection, item: Begun, job_id: UUID) -> bool:
    """False: the item is not ours any more."""
    return await _held(conn, "has_job", item, job_id=job_id)


async def put_back(conn: Connection, item: Begun, delay_s: float, *, counts: bool) -> None:
    values = {"delay_s": delay_s, "attempts": int(counts)}
    await conn.execute(_SQL["put_back"], {"id": item.id, "starts": item.starts, **values})


async def fail(conn: Connection, item: Begun, error: AppError, *, keep_source: bool) -> None:
    values = {"error": error_json(error), "keep_source": keep_source}
    await conn.execute(_SQL["fail"], {"id": item.id, "starts": item.starts, **values})


async def mend(conn: Connection, quarantine: int, error: AppError) -> None:
    """Items whose beginner died."""
    values = {"quarantine": quarantine, "error": error_json(error)}
    await conn.execute(_SQL["requeue_lost"], values)
    await conn.execute(_SQL["quarantine"], values)


async def finish(conn: Connection) -> list[UUID]:
    """Batches that have ended by now. Needs a transaction."""
    rows = await (await conn.execute(_SQL["finishable"])).fetchall()
    if not rows:
        return []
    ended = await conn.execute(_SQL["finish"], {"ids": [row["id"] for row in rows]})
    return [row["id"] for row in await ended.fetchall()]


async def close_forgotten(conn: Connection, after_s: float) -> None:
    await conn.execute(_SQL["close_forgotten"], {"after_s": after_s})


async def needless_sources(conn: Connection, keep_s: float, limit: int) -> list[Needless]:
    rows = await (await conn.execute(_SQL["needless_sources"], {"keep_s": keep_s, "limit": limit})).fetchall()
    return [Needless(row["id"], row["user_id"]) for row in rows]


async def forget_sources(conn: Connection, batch_id: UUID) -> bool:
    """False: they are needed again."""
    return await (await conn.execute(_SQL["forget_sources"], {"id": batch_id})).fetchone() is not None


def error_json(error: AppError) -> Jsonb:
    """As the items' column holds it."""
    return Jsonb({"code": error.code, "message": error.message})


async def _held(conn: Connection, query: str, item: Begun, **values: object) -> bool:
    cursor = await conn.execute(_SQL[query], {"id": item.id, "starts": item.starts, **values})
    return await cursor.fetchone() is not None


def _batch(row: Row) -> Batch:
    counts = {state: row["counts"].get(state, 0) for state in JobStatus}
    webhook = JobWebhook.model_validate(row["webhook"]) if row["webhook"] else None
    values: dict[str, Any] = {name: row[name] for name in _BATCH}
    return Batch(**{**values, "counts": counts, "webhook": webhook})


def _item(row: Row) -> Item:
    size = None if row["image_width"] is None else (row["image_width"], row["image_height"])
    values: dict[str, Any] = {**row, "image_size": size, "state": JobStatus(row["state"])}
    return Item(**{name: values[name] for name in _ITEM})
