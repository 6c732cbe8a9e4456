"""All that is known of a user, as a ZIP that is made while it is sent: no copy on disk, a chunk in memory."""

import json
from collections.abc import AsyncIterator
from uuid import UUID

from app.accounts import repository
from app.archive import StreamedZip
from app.credits.service import Credits
from app.credits.statement import statement_csv
from app.db.page import every
from app.db.pool import Connection, Pool, Row
from app.storage import keys
from app.storage.base import ObjectStore

_PAGE = 500
"""Rows that are held at once: a job's is 2 kB."""
_KINDS = ("account", "keys", "images", "jobs", "batches", "batch_items", "webhooks", "deliveries")
"""Each a file of JSON lines, by the query `export_…`; no hashes, no secrets, no storage keys."""


async def export(pool: Pool, store: ObjectStore, user_id: UUID) -> AsyncIterator[bytes]:
    """`account.jsonl`, `images.jsonl` …, `credits.csv`, and every file below `files/`.

    Raises DatabaseUnavailable, StorageUnavailable.
    """
    archive = StreamedZip()
    for kind in _KINDS:
        async for chunk in archive.entry(f"{kind}.jsonl", _lines(pool, kind, user_id)):
            yield chunk
    statement = _encoded(statement_csv(Credits(pool).statement(user_id)))
    async for chunk in archive.entry("credits.csv", statement):
        yield chunk
    prefix = keys.user_prefix(user_id)
    for key in await store.list(prefix):
        async for chunk in archive.entry(f"files/{key.removeprefix(prefix)}", store.read(key)):
            yield chunk
    yield archive.end()


async def _lines(pool: Pool, kind: str, user_id: UUID) -> AsyncIterator[bytes]:
    async def read(conn: Connection, after: UUID | None, limit: int) -> list[Row]:
        values = {"user_id": user_id, "after": after, "limit": limit}
        return await (await conn.execute(repository.SQL[f"export_{kind}"], values)).fetchall()

    async for row in every(pool, read, lambda row: row["id"], _PAGE):
        yield json.dumps(row["document"], ensure_ascii=False).encode() + b"\n"


async def _encoded(lines: AsyncIterator[str]) -> AsyncIterator[bytes]:
    async for line in lines:
        yield line.encode()
