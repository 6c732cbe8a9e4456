"""Files over HTTP: ETag, If-None-Match, one byte range, a safe download name. The bytes come in chunks."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse

from app.api.errors import RangeUnsatisfiable
from app.storage.base import ObjectStore

NO_STORE = {"Cache-Control": "no-store"}
"""Of documents: they are as they are now."""
IMMUTABLE = "public, max-age=31536000, immutable"
PRIVATE = "private, no-cache"
"""May be kept by its owner's browser, but asked for again: a deleted image must be gone."""
_CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FileView:
    """What is served: `read(start, end)` yields the bytes of [start, end)."""

    size: int
    etag: str
    content_type: str
    read: Callable[[int, int], AsyncIterator[bytes]]
    cache_control: str = PRIVATE
    filename: str | None = None


def serve(view: FileView, headers: Headers, **extra: str) -> Response:
    """200, 206 or 304. Raises RangeUnsatisfiable."""
    etag = f'"{view.etag}"'
    common = {"ETag": etag, "Cache-Control": view.cache_control, "Accept-Ranges": "bytes", **extra}
    if _matches(headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=common)
    if view.filename:
        common["Content-Disposition"] = disposition(view.filename)
    # an If-Range that does not match means: the file has changed, send all of it
    wanted = headers.get("range", "") if headers.get("if-range", etag) == etag else ""
    span = byte_range(wanted, view.size)
    start, end = span or (0, view.size)
    common["Content-Length"] = str(end - start)
    if span:
        common["Content-Range"] = f"bytes {start}-{end - 1}/{view.size}"
    body = view.read(start, end)
    return StreamingResponse(body, 206 if span else 200, common, media_type=view.content_type)


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """[start, end) of one range; None means the whole file (none, several, unreadable: RFC 9110 §14.2).

    Raises RangeUnsatisfiable when the range lies behind the file.
    """
    match = _RANGE.fullmatch(header.replace(" ", ""))
    if not match or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1 if last else size, size)
        if last and int(last) < start:
            return None
    if start >= end:
        raise RangeUnsatisfiable(f"the file has {size} bytes", size=size)
    return start, end


def disposition(filename: str) -> str:
    """`attachment`, the name in ASCII for old clients and in UTF-8 for the others (RFC 6266)."""
    plain = re.sub(r"[^\w. ()-]", "_", filename, flags=re.ASCII)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def stored(store: ObjectStore, key: str) -> Callable[[int, int], AsyncIterator[bytes]]:
    """A FileView's `read` over an object."""
    return lambda start, end: store.read(key, start=start, end=end)


async def read_path(path: Path, start: int, end: int) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        file.seek(start)
        while start < end and (chunk := await asyncio.to_thread(file.read, min(_CHUNK, end - start))):
            start += len(chunk)
            yield chunk


def _matches(header: str, etag: str) -> bool:
    return header.strip() == "*" or etag in [tag.strip().removeprefix("W/") for tag in header.split(",")]
