"""multipart/form-data to disk as it arrives: no file is ever in memory, no part is larger than its limit.

Starlette's `request.form()` is not used: it puts no limit on a file's size, keeps up to 1 MB of it in memory,
and can refuse nothing before the whole body has been read.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.api.errors import BodyTooLarge, MalformedBody, RepeatedParameter, UnknownParameter

MAX_FIELD_BYTES = 4_000_000  # 20,000 points of marks are 0.4 MB of JSON
_OVERHEAD_BYTES = 100_000  # boundaries and part headers


@dataclass(frozen=True, slots=True)
class FileLimit:
    """How large a file part may be, and what to raise when it is larger."""

    max_bytes: int
    too_large: Callable[[], Exception]
    most: int = 1
    """Parts of this name."""
    total_bytes: int | None = None
    """Of all parts of this name; None: of the one."""

    @property
    def total(self) -> int:
        return self.total_bytes or self.max_bytes


@dataclass(frozen=True, slots=True)
class Upload:
    path: Path
    """Gone when the block that received it ends, unless it was moved."""
    filename: str | None
    bytes: int


@dataclass(slots=True)
class Form:
    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)
    lists: dict[str, list[Upload]] = field(default_factory=dict)
    """Of the names that may stand several times."""


@asynccontextmanager
async def received(
    chunks: AsyncGenerator[bytes, None],
    content_type: str,
    content_length: int | None,
    limits: Mapping[str, FileLimit],
    folder: Path,
) -> AsyncIterator[Form]:
    """The form, its files under `folder` for the time of the block.

    Raises MalformedBody, UnknownParameter, RepeatedParameter, BodyTooLarge, or what a FileLimit says.
    """
    check_length(content_length, limits)
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as own:
        reader = _Reader(content_type, limits, Path(own))
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    await reader.feed(chunk)
            form = reader.finish()
        except FormParserError as error:
            raise MalformedBody("the body is not the multipart form it says it is") from error
        finally:
            reader.close()
        yield form


def check_length(content_length: int | None, limits: Mapping[str, FileLimit]) -> None:
    """Refuse by the header alone, before a byte of the body is read."""
    allowed = sum(limit.total for limit in limits.values()) + MAX_FIELD_BYTES + _OVERHEAD_BYTES
    if content_length is not None and content_length > allowed:
        largest = max(limits.values(), key=lambda limit: limit.max_bytes, default=None)
        raise largest.too_large() if largest else BodyTooLarge("the body is too large")


class _Reader:
    """python-multipart's callbacks; data of file parts waits in `_pending` until `feed` has written it."""

    def __init__(self, content_type: str, limits: Mapping[str, FileLimit], folder: Path) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise MalformedBody("multipart/form-data needs a boundary")
        self._limits = limits
        self._folder = folder
        self._form = Form()
        self._complete = False
        self._count = 0
        self._field_bytes = 0
        self._file_bytes: Counter[str] = Counter()
        """By name, of the parts that have ended."""
        self._pending: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )

    async def feed(self, chunk: bytes) -> None:
        self._parser.write(chunk)
        await self._flush()

    def finish(self) -> Form:
        if not self._complete:
            raise MalformedBody("the body ends before its last part does")
        return self._form

    def close(self) -> None:
        if self._file:
            self._file.close()

    async def _flush(self) -> None:
        if self._file and self._pending:
            data = b"".join(self._pending)
            self._pending.clear()
            # a disk that stalls must not stop every other request
            await asyncio.to_thread(self._file.write, data)

    def _part_begin(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._name_bytes, self._value_bytes = bytearray(), bytearray()
        self._text, self._size = bytearray(), 0

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name_bytes += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value_bytes += data[start:end]

    def _header_end(self) -> None:
        self._headers[bytes(self._name_bytes).lower()] = bytes(self._value_bytes)
        self._name_bytes, self._value_bytes = bytearray(), bytearray()

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        if b"name" not in options:
            raise MalformedBody("a part of the form has no name")
        self._name = _text(options[b"name"])
        self._filename = _text(options[b"filename"]) if b"filename" in options else None
        self._limit = self._limits.get(self._name)
        self._check_repeated()
        if self._limit:
            self._file = (self._folder / str(self._count)).open("wb")
            self._count += 1
        elif self._filename is not None:
            raise UnknownParameter(f"no file is expected under {self._name!r}")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._limit:
            total = self._file_bytes[self._name] + self._size
            if self._size > self._limit.max_bytes or total > self._limit.total:
                raise self._limit.too_large()
            self._pending.append(data[start:end])
            return
        self._field_bytes += end - start
        if self._field_bytes > MAX_FIELD_BYTES:
            raise BodyTooLarge(f"the fields of the form are larger than {MAX_FIELD_BYTES:,} bytes")
        self._text += data[start:end]

    def _part_end(self) -> None:
        if self._file:
            self._file.write(b"".join(self._pending))
            self._pending.clear()
            self._file.close()
            self._keep(Upload(Path(self._file.name), self._filename, self._size))
            self._file = None
        else:
            self._form.fields[self._name] = _text(bytes(self._text))

    def _check_repeated(self) -> None:
        """Raises RepeatedParameter."""
        most = self._limit.most if self._limit else 1
        given = len(self._form.lists.get(self._name, ()))
        if self._name in self._form.fields or self._name in self._form.files or given >= most:
            often = "twice" if most == 1 else f"more than {most:,} times"
            raise RepeatedParameter(f"{self._name} is given {often}")

    def _keep(self, upload: Upload) -> None:
        self._file_bytes[self._name] += upload.bytes
        if self._limit and self._limit.most > 1:
            self._form.lists.setdefault(self._name, []).append(upload)
        else:
            self._form.files[self._name] = upload

    def _end(self) -> None:
        self._complete = True


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise MalformedBody("the names and fields of the form must be UTF-8") from None
