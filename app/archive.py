"""A ZIP that is made while it is sent: no copy on disk, a chunk in memory, nothing deflated.

The standard library's writer does it, ZIP64 included, given a file that cannot seek: sizes follow the data.
"""

import io
import zipfile
from collections.abc import AsyncIterator
from typing import Any


class StreamedZip:
    """Images are compressed already, so entries are stored. Belongs to one task.

    `async for chunk in archive.entry(name, content)` for each, then `archive.end()`.
    """

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_STORED)

    async def entry(self, name: str, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """What is to be sent for one entry, of any size."""
        with self._zip.open(name, "w", force_zip64=True) as file:
            async for chunk in content:
                file.write(chunk)
                yield self._sink.taken()

    def end(self) -> bytes:
        """The table of contents."""
        self._zip.close()
        return self._sink.taken()


class _Sink(io.RawIOBase):
    """What zipfile wrote since it was last asked."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._written += data
        return len(data)

    def taken(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken
