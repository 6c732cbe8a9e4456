"""A PNG writer for photographs with a matte: every core filters and compresses its own strips of rows.

Why our own: at 12 MP a general encoder is the largest cost of a cutout. Much of what deflate can take out
of the Paeth residuals of a photograph are Huffman codes and runs of zeros (Z_RLE); looking for longer
matches takes 2 to 8 times as long for 2 to 15 % of the bytes, by the photograph. So samples of each picture
are compressed first, and the cheapest way wins that comes close to the best. zlib-ng needs half of zlib's
time. Figures: benchmarks/png.py.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from struct import pack
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from zlib_ng import zlib_ng

from app.imaging.paeth import filter_rgba, filter_rows

_STRIP_BYTES = 1 << 20  # 48 strips at 12 MP keep the cores evenly busy; their 5-byte joints cost nothing
_SAMPLES = 6
_SAMPLE_BYTES = 1 << 16  # in all 1 % of the work at 12 MP; twice the window, so that rows above are seen
_CLOSE = 1.06  # of zlib-ng's level 6, itself 1.02 of Pillow's default: the file stays below 1.1 of that
_ADLER_BASE = 65_521
_METRES_PER_INCH = 0.0254
_COLOUR_TYPE = {1: 0, 3: 2, 4: 6}
"""Channels → PNG colour type: grey, RGB, RGBA."""


class Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


class Effort(StrEnum):
    """How long to search for a smaller PNG. All are lossless."""

    FAST = "fast"
    BALANCED = "balanced"
    SMALL = "small"


@dataclass(frozen=True, slots=True)
class _Deflate:
    level: int
    strategy: int = zlib_ng.Z_DEFAULT_STRATEGY


_RUNS = _Deflate(1, zlib_ng.Z_RLE)
_CANDIDATES = {
    Effort.FAST: (_RUNS,),
    Effort.BALANCED: (_RUNS, _Deflate(4), _Deflate(6)),
    Effort.SMALL: (_RUNS, _Deflate(9)),
}
"""From the fastest to the slowest; at 12 MP 0.2, 0.4, 0.8 to 2, and 2 to 7 CPU seconds."""


@dataclass(frozen=True, slots=True)
class Raster:
    """What a PNG holds: grey or RGB pixels, and the alpha beside RGB."""

    pixels: NDArray[np.uint8]
    """[height, width] or [height, width, 3]; a cropped view is fine."""
    alpha: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        # The filter's loops are compiled without bounds checks.
        if self.alpha is not None and self.alpha.shape != self.pixels.shape[:2]:
            raise ValueError(f"alpha {self.alpha.shape} does not cover pixels {self.pixels.shape}")
        if self.pixels.dtype != np.uint8 or (self.alpha is not None and self.alpha.dtype != np.uint8):
            raise ValueError("pixels and alpha are uint8")

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def channels(self) -> int:
        if self.pixels.ndim == 2:
            return 1
        return 3 if self.alpha is None else 4

    def filtered(self, first: int, last: int) -> NDArray[np.uint8]:
        """Filter bytes and residuals of rows first..last - 1: uint8[rows, 1 + width · channels]."""
        out = np.empty((last - first, 1 + self.width * self.channels), np.uint8)
        pixels = _with_row_above(self.pixels, first, last)
        if self.alpha is None:
            filter_rows(pixels, self.channels, out)
        else:
            filter_rgba(pixels, _with_row_above(self.alpha, first, last), out)
        return out


def write_png(
    out: Sink,
    raster: Raster,
    *,
    icc: bytes | None = None,
    dpi: float | None = None,
    effort: Effort = Effort.BALANCED,
    threads: int | None = None,
) -> None:
    """Write a non-interlaced 8-bit PNG.

    icc: None declares sRGB. threads: None takes every core this process may use.
    Memory beyond the raster: two strips a thread, and what all of them compress to.
    """
    out.write(b"\x89PNG\r\n\x1a\n")
    colour = _COLOUR_TYPE[raster.channels]
    out.write(_chunk(b"IHDR", pack(">IIBBBBB", raster.width, raster.height, 8, colour, 0, 0, 0)))
    if icc is not None:
        out.write(_chunk(b"iCCP", b"ICC profile\0\0" + zlib_ng.compress(icc, 9)))
    elif raster.channels > 1:
        out.write(_chunk(b"sRGB", b"\x01"))  # 1: relative colorimetric
    if dpi is not None:
        per_metre = round(dpi / _METRES_PER_INCH)
        out.write(_chunk(b"pHYs", pack(">IIB", per_metre, per_metre, 1)))
    for data in _idat(raster, effort, threads or _cores()):
        out.write(_chunk(b"IDAT", data))
    out.write(_chunk(b"IEND", b""))


def _idat(raster: Raster, effort: Effort, threads: int) -> Iterator[bytes]:
    """One zlib stream in pieces. Each strip ends at a byte boundary, so that they are made independently."""
    step = _rows_of(_STRIP_BYTES, raster)

    def strip(first: int) -> tuple[bytes, int, int]:
        last = min(first + step, raster.height)
        filtered = raster.filtered(first, last)
        flush = zlib_ng.Z_FINISH if last == raster.height else zlib_ng.Z_SYNC_FLUSH
        return _compress(filtered, method, flush), zlib_ng.adler32(filtered), filtered.size

    checksum = 1
    yield b"\x78\x01"
    with ThreadPoolExecutor(threads) as pool:
        method = _method(raster, effort, pool)
        for data, adler, length in pool.map(strip, range(0, raster.height, step)):
            checksum = _adler_joined(checksum, adler, length)
            yield data
    yield pack(">I", checksum)


def _method(raster: Raster, effort: Effort, pool: Executor) -> _Deflate:
    """The first candidate whose samples come close to the smallest; for SMALL the smallest."""
    candidates = _CANDIDATES[effort]
    if len(candidates) == 1:
        return candidates[0]
    rows = min(_rows_of(_SAMPLE_BYTES, raster), raster.height)

    def sizes(first: int) -> list[int]:
        sample = raster.filtered(first, first + rows)
        return [len(_compress(sample, how, zlib_ng.Z_FINISH)) for how in candidates]

    firsts = np.linspace(0, raster.height - rows, _SAMPLES).astype(int)
    totals = np.sum(list(pool.map(sizes, firsts)), axis=0)
    close = _CLOSE if effort is Effort.BALANCED else 1.0
    return candidates[int(np.argmax(totals <= close * totals.min()))]


def _compress(data: NDArray[np.uint8], how: _Deflate, flush: int) -> bytes:
    deflate = zlib_ng.compressobj(how.level, zlib_ng.DEFLATED, -15, 9, how.strategy)
    return deflate.compress(data) + deflate.flush(flush)


def _with_row_above(plane: NDArray[np.uint8], first: int, last: int) -> NDArray[np.uint8]:
    """Rows first - 1 .. last - 1, contiguous and flat: uint8[rows + 1, …]; black above the top one."""
    if first > 0:
        return np.ascontiguousarray(plane[first - 1 : last]).reshape(last - first + 1, -1)
    rows = plane[:last].reshape(last, -1)
    return np.vstack([np.zeros_like(rows[:1]), rows])


def _rows_of(count: int, raster: Raster) -> int:
    return max(1, count // (raster.width * raster.channels))


def _adler_joined(first: int, second: int, second_length: int) -> int:
    """Adler-32 of two pieces from those of each (as zlib's adler32_combine)."""
    low = (first & 0xFFFF) + (second & 0xFFFF) - 1
    high = (first >> 16) + (second >> 16) + second_length * ((first & 0xFFFF) - 1)
    return (high % _ADLER_BASE) << 16 | low % _ADLER_BASE


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib_ng.crc32(data, zlib_ng.crc32(kind))
    return b"".join((pack(">I", len(data)), kind, data, pack(">I", checksum)))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
