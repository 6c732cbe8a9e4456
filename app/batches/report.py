"""What a batch gives back: a ZIP of the cutouts, and a report as CSV. Both are made while they are sent."""

from collections.abc import AsyncIterator

from app.archive import StreamedZip
from app.batches.names import ResultNames
from app.batches.types import Item
from app.csv_rows import csv_row, csv_text
from app.storage.base import ObjectStore
from app.storage.errors import ObjectMissing

_COLUMNS = (
    "name",
    "state",
    "code",
    "message",
    "confidence",
    "file",
    "width",
    "height",
    "bytes",
    "credits",
    "reviewed",
)


async def result_zip(store: ObjectStore, items: AsyncIterator[Item], extension: str) -> AsyncIterator[bytes]:
    """Every cutout that is there, named after its original; `items` in their order.

    Raises DatabaseUnavailable, StorageUnavailable: then the ZIP has no end.
    """
    archive, names = StreamedZip(), ResultNames()
    async for item in items:
        name = names.next(item.name, _extension(item, extension))
        # one that was deleted meanwhile is left out, as the report says
        if item.result_key is None or not await _is_there(store, item.result_key):
            continue
        async for chunk in archive.entry(name, store.read(item.result_key)):
            yield chunk
    yield archive.end()


async def report_csv(items: AsyncIterator[Item], extension: str) -> AsyncIterator[str]:
    """A line an item, after the one with the columns; `file` as `result_zip` names it."""
    names = ResultNames()
    yield csv_row(*_COLUMNS)
    async for item in items:
        name = names.next(item.name, _extension(item, extension))
        error, result = item.error or {}, item.result or {}
        yield csv_row(
            csv_text(item.name),
            item.state,
            str(error.get("code", "")),
            csv_text(str(error.get("message", ""))),
            "" if item.confidence is None else f"{item.confidence:.3f}",
            csv_text(name) if item.result_key else "",
            *(str(result.get(column, "")) for column in ("width", "height", "bytes")),
            f"{item.credits / 1000:.3f}",
            item.reviewed_at.isoformat() if item.reviewed_at else "",
        )


def _extension(item: Item, default: str) -> str:
    """A cutout that was mended by hand may have another format."""
    return str((item.result or {}).get("format", default))


async def _is_there(store: ObjectStore, key: str) -> bool:
    try:
        await store.size(key)
    except ObjectMissing:
        return False
    return True
