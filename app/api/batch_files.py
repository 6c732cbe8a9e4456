"""What comes with a batch, put where its workers find it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from uuid_utils.compat import uuid7

from app.api.intake import file_limit
from app.api.params import Body
from app.api.state import State
from app.api.uploads import FileLimit, Upload
from app.batches.names import name_of_url, safe_name
from app.batches.types import FileSource, NewItem, UrlSource
from app.batches.unzip import entries
from app.imaging.errors import TooLargeBytes
from app.imaging.types import MAX_BYTES
from app.storage import keys

MAX_REQUEST_FILES = 1_000
MAX_REQUEST_BYTES = 2_000_000_000
"""Of files of one request, and of a ZIP: as much of the disk as one upload may hold while it comes."""


def _too_large() -> TooLargeBytes:
    return TooLargeBytes(
        f"a file is larger than {MAX_BYTES:,} bytes, or all of them than {MAX_REQUEST_BYTES:,}: send the "
        "batch in several requests",
        limit=MAX_REQUEST_BYTES,
    )


def _zip_too_large() -> TooLargeBytes:
    return TooLargeBytes(
        f"the ZIP is larger than {MAX_REQUEST_BYTES:,} bytes; send several", limit=MAX_REQUEST_BYTES
    )


BATCH_PARTS = {
    "image": FileLimit(file_limit().max_bytes, _too_large, MAX_REQUEST_FILES, MAX_REQUEST_BYTES),
    "zip": FileLimit(MAX_REQUEST_BYTES, _zip_too_large),
}


@asynccontextmanager
async def kept_items(
    state: State, user: UUID, batch_id: UUID, body: Body, urls: Sequence[str]
) -> AsyncIterator[list[NewItem]]:
    """The items, their bytes in the store; removed again where the block raises.

    Raises UrlRefused, what `entries` raises, StorageUnavailable.
    """
    for url in urls:
        state["client"].check(url)
    kept: list[str] = []
    try:
        items = [await _file(state, user, batch_id, upload, kept) for upload in body.lists.get("image", [])]
        if archive := body.files.get("zip"):
            items += await _zip(state, user, batch_id, archive, kept)
        items += [NewItem(name_of_url(url), UrlSource(url=url)) for url in urls]
        yield items
    except BaseException:
        await asyncio.shield(state["store"].delete(kept))
        raise


async def _file(state: State, user: UUID, batch_id: UUID, upload: Upload, kept: list[str]) -> NewItem:
    kept.append(key := keys.batch_source(user, batch_id, uuid7(), "bin"))
    await state["store"].put(key, upload.path, "application/octet-stream")
    return NewItem(safe_name(upload.filename), FileSource(key=key))


async def _zip(state: State, user: UUID, batch_id: UUID, upload: Upload, kept: list[str]) -> list[NewItem]:
    key = keys.batch_source(user, batch_id, uuid7(), "zip")
    items = await asyncio.to_thread(entries, upload.path, key)
    kept.append(key)
    await state["store"].put(key, upload.path, "application/zip")
    return items
