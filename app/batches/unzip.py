"""A ZIP that a stranger sent: its table of contents is checked before anything is unpacked, and an entry is
unpacked by itself, from a span of the stored object, a chunk in memory."""

import zipfile
import zlib
from collections.abc import AsyncIterator
from io import BufferedReader
from pathlib import Path, PurePosixPath
from struct import Struct
from typing import IO, cast

from app.batches.errors import (
    NestedZip,
    ZipBomb,
    ZipDamaged,
    ZipEncrypted,
    ZipEntryDamaged,
    ZipMethodUnknown,
    ZipTooManyEntries,
)
from app.batches.names import safe_name
from app.batches.types import MAX_ITEMS, NewItem, ZipSource
from app.errors import AppError
from app.imaging.errors import TooLargeBytes
from app.imaging.types import MAX_BYTES
from app.storage.base import ObjectStore

MAX_TABLE_BYTES = 4_000_000
"""Of the table of contents, which is read at once: 400 for each of 10,000 entries."""
MAX_RATIO = 100
"""Unpacked over packed, of all entries together. Photos have 1.0, bitmaps of drawings up to 60."""
ALLOWANCE_BYTES = 100_000_000
"""Unpacked, what any ZIP may have whatever its ratio."""
_LOCAL = Struct("<4s5H3I2H")  # APPNOTE.TXT 4.3.7
_LOCAL_MAGIC = b"PK\x03\x04"
_ENCRYPTED = 0x1
_ARCHIVES = frozenset((".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz"))
_CHUNK = 256 * 1024


def entries(path: Path, key: str) -> list[NewItem]:
    """The files of the ZIP at `path`, which lies in the store as `key`; what cannot be begun has its error.

    Raises ZipDamaged, ZipEncrypted, ZipTooManyEntries, ZipBomb.
    """
    with path.open("rb") as file:
        found = [info for info in _table(file) if not _is_clutter(info)]
    if len(found) > MAX_ITEMS:
        raise ZipTooManyEntries(f"the ZIP has {len(found):,} files; {MAX_ITEMS:,} are taken", limit=MAX_ITEMS)
    if any(info.flag_bits & _ENCRYPTED for info in found):
        raise ZipEncrypted("files of the ZIP are encrypted; send it without a password")
    size = path.stat().st_size
    _check_spans(found, size)
    unpacked = sum(info.file_size for info in found)
    if unpacked > max(ALLOWANCE_BYTES, MAX_RATIO * size):
        raise ZipBomb(f"the ZIP unpacks to {unpacked:,} bytes, {unpacked // size} times its own size")
    return [_item(info, key) for info in found]


async def unpacked(store: ObjectStore, source: ZipSource, target: Path) -> None:
    """The entry's bytes at `target`; never more of them than its table said. Raises ZipEntryDamaged."""
    size = crc = 0
    with target.open("wb") as file:
        async for data in _plain(store, source):
            size, crc = size + len(data), zlib.crc32(data, crc)
            if size > source.bytes:
                raise ZipEntryDamaged("the file of the ZIP is larger than its table says")
            file.write(data)
    if size != source.bytes or crc != source.crc:
        raise ZipEntryDamaged("the file of the ZIP is damaged; pack it again")


async def _plain(store: ObjectStore, source: ZipSource) -> AsyncIterator[bytes]:
    """In chunks: deflate makes up to 1,032 bytes of one."""
    start = await _data_start(store, source)
    span = store.read(source.key, start=start, end=start + source.packed)
    if not source.deflated:
        async for data in span:
            yield data
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        async for data in span:
            packed = data
            while packed and not inflater.eof:
                yield inflater.decompress(packed, _CHUNK)
                packed = inflater.unconsumed_tail
        yield inflater.flush()
    except zlib.error:
        raise ZipEntryDamaged("the file of the ZIP is damaged; pack it again") from None


def _table(file: BufferedReader) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(cast(IO[bytes], _Sparing(file))) as archive:
            return archive.infolist()
    # NotImplementedError: an entry wants a reader above version 6.3; how it is packed is for _refusal to say
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, OverflowError) as error:
        raise ZipDamaged("the file is not a ZIP, or its table of contents is damaged") from error


class _Sparing:
    """zipfile reads the whole table at once, however large its last bytes say that it is."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(MAX_TABLE_BYTES + 1 if size < 0 else min(size, MAX_TABLE_BYTES + 1))
        if len(data) > MAX_TABLE_BYTES:
            raise ZipTooManyEntries(f"the ZIP's table of contents has more than {MAX_TABLE_BYTES:,} bytes")
        return data


def _is_clutter(info: zipfile.ZipInfo) -> bool:
    """Folders, and what operating systems leave beside people's files."""
    parts = PurePosixPath(info.filename.replace("\\", "/")).parts
    hidden = any((part.startswith(".") and part not in {".", ".."}) or part == "__MACOSX" for part in parts)
    folder = not info.filename or info.filename.endswith("/")  # is_dir takes no empty name
    return folder or hidden or parts[-1:] == ("Thumbs.db",)


def _check_spans(found: list[zipfile.ZipInfo], size: int) -> None:
    """Entries that share bytes make 5 GB of 40 kB (Fifield 2019, "A better zip bomb"). Raises ZipDamaged."""
    end = 0
    for info in sorted(found, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise ZipDamaged("files of the ZIP overlap")
        end = info.header_offset + _LOCAL.size + info.compress_size
    if end > size:
        raise ZipDamaged("the ZIP ends before its files do")


def _item(info: zipfile.ZipInfo, key: str) -> NewItem:
    name = safe_name(info.filename)
    error = _refusal(info)
    if error is not None:
        return NewItem(name, None, {"code": error.code, "message": error.message})
    source = ZipSource(
        key=key,
        offset=info.header_offset,
        packed=info.compress_size,
        bytes=info.file_size,
        crc=info.CRC,
        deflated=info.compress_type == zipfile.ZIP_DEFLATED,
    )
    return NewItem(name, source)


def _refusal(info: zipfile.ZipInfo) -> AppError | None:
    if PurePosixPath(info.filename).suffix.lower() in _ARCHIVES:
        return NestedZip("an archive within the ZIP is not unpacked; send it by itself")
    if info.file_size > MAX_BYTES:
        return TooLargeBytes(f"the file is larger than {MAX_BYTES:,} bytes")
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return ZipMethodUnknown("the file is packed in another way than deflate; pack it again")
    return None


async def _data_start(store: ObjectStore, source: ZipSource) -> int:
    """The local header repeats the name, and has an extra field of its own length."""
    header = b"".join(
        [c async for c in store.read(source.key, start=source.offset, end=source.offset + _LOCAL.size)]
    )
    if len(header) != _LOCAL.size or not header.startswith(_LOCAL_MAGIC):
        raise ZipEntryDamaged("the file of the ZIP is not where its table says")
    *_, name, extra = _LOCAL.unpack(header)
    return source.offset + _LOCAL.size + int(name) + int(extra)
