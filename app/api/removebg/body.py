"""The three forms of body that remove.bg's callers send, as one."""

import asyncio
import base64
import binascii
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from app.api.body import incoming
from app.api.errors import MalformedBody, RepeatedParameter, UnsupportedBody
from app.api.intake import file_limit
from app.api.params import Body, content_length, read_json, read_text
from app.api.removebg.errors import InvalidParameter
from app.api.state import State
from app.api.uploads import FileLimit, Upload, received
from app.imaging.errors import TooLargeBytes

MAX_BASE64_BYTES = 30_000_000
"""Of text: a file of 22 MB, remove.bg's own limit. It is held in memory, which a file is not."""
_BASE64 = "image_file_b64"


@asynccontextmanager
async def read(request: Request[State]) -> AsyncIterator[Body]:
    """JSON, urlencoded or multipart. Files last as long as the block; a base64 one is `image_file_b64`.

    Raises UnsupportedBody and what each form can be wrong with.
    """
    folder = request.state["upload_dir"]
    async with request.state["uploads"].taken():
        match request.headers.get("content-type", "").split(";")[0].strip().lower():
            case "multipart/form-data":
                async with _multipart(request, folder) as body:
                    yield body
                return
            case "application/json":
                values = await read_json(request, MAX_BASE64_BYTES)
            case "application/x-www-form-urlencoded" | "":  # none: an empty body, as of curl without -F
                values = _pairs(await read_text(request, MAX_BASE64_BYTES))
            case _:
                raise UnsupportedBody(
                    "send multipart/form-data, application/x-www-form-urlencoded or application/json"
                )
        text = values.pop(_BASE64, None)
        with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as own:
            files = {_BASE64: await _decoded(text, Path(own))} if text else {}
            yield Body(_given(values), files)


@asynccontextmanager
async def _multipart(request: Request[State], folder: Path) -> AsyncIterator[Body]:
    limits = {
        "image_file": file_limit(),
        "bg_image_file": file_limit(),
        _BASE64: FileLimit(MAX_BASE64_BYTES, _too_large),
    }
    kind, length = request.headers["content-type"], content_length(request.headers)
    async with received(incoming(request), kind, length, limits, folder) as form:
        files = {name: upload for name, upload in form.files.items() if upload.bytes or upload.filename}
        if text := files.pop(_BASE64, None):
            files[_BASE64] = await _decoded(await asyncio.to_thread(text.path.read_bytes), text.path.parent)
        yield Body(_given(form.fields), files)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """Forms send what was left empty."""
    return {name: value for name, value in values.items() if value is not None and value != ""}


def _pairs(text: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            text.decode(), keep_blank_values=True, strict_parsing=bool(text), max_num_fields=100
        )
    except ValueError:  # UnicodeDecodeError too
        raise MalformedBody("the body is not the urlencoded form it says it is") from None
    values = dict(pairs)
    if len(values) < len(pairs):
        raise RepeatedParameter("a parameter is given twice")
    return values


async def _decoded(text: object, folder: Path) -> Upload:
    return await asyncio.to_thread(_decode, text, folder / "base64")


def _decode(text: object, path: Path) -> Upload:
    if not isinstance(text, (str, bytes)):
        raise InvalidParameter("image_file_b64 must be text", parameter=_BASE64)
    raw = text.encode() if isinstance(text, str) else text
    if raw[:5] == b"data:":  # browsers hand out data URLs
        raw = raw.partition(b",")[2]
    try:
        # a urlencoded `+` that was not escaped has become a space
        content = base64.b64decode(raw.replace(b" ", b"+"), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidParameter("image_file_b64 is not base64", parameter=_BASE64) from None
    path.write_bytes(content)
    return Upload(path, None, len(content))


def _too_large() -> TooLargeBytes:
    return TooLargeBytes(f"image_file_b64 is longer than {MAX_BASE64_BYTES:,} bytes", limit=MAX_BASE64_BYTES)
