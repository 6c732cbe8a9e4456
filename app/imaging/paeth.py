"""PNG's Paeth filter (PNG specification, §9.4), the one that suits photographs best.

numba: 24 ms of one core for 12 MP RGBA, interleaving included; the same in numpy takes 490 ms. Always Paeth
rather than the best of five filters per row: at most 3 % larger, a third of the work.
"""

import numba
import numpy as np
from numpy.typing import NDArray

PAETH = 4
"""The filter's number in the byte before each row."""

Rows = NDArray[np.uint8]


@numba.njit(cache=True, nogil=True)
def filter_rows(rows: Rows, channels: int, out: Rows) -> None:
    """rows: uint8[n + 1, k], the row above the first one ahead. out: uint8[n, k + 1]."""
    for y in range(out.shape[0]):
        _filter_row(rows[y + 1], rows[y], channels, out[y])


@numba.njit(cache=True, nogil=True)
def filter_rgba(pixels: Rows, alpha: Rows, out: Rows) -> None:
    """pixels: uint8[n + 1, 3 w] and alpha: uint8[n + 1, w], a row ahead each. out: uint8[n, 4 w + 1].

    Colours under alpha 0 become 0: nobody sees them, and they would be most of the file.
    """
    width = alpha.shape[1]
    above = np.empty(4 * width, np.uint8)
    row = np.empty(4 * width, np.uint8)
    _interleave(pixels[0], alpha[0], above)
    for y in range(out.shape[0]):
        _interleave(pixels[y + 1], alpha[y + 1], row)
        _filter_row(row, above, 4, out[y])
        above, row = row, above


@numba.njit(cache=True, nogil=True)
def _interleave(pixels: Rows, alpha: Rows, rgba: Rows) -> None:
    for x in range(alpha.size):
        visible = np.uint8(255) if alpha[x] else np.uint8(0)
        rgba[4 * x] = pixels[3 * x] & visible
        rgba[4 * x + 1] = pixels[3 * x + 1] & visible
        rgba[4 * x + 2] = pixels[3 * x + 2] & visible
        rgba[4 * x + 3] = alpha[x]


@numba.njit(cache=True, nogil=True)
def _filter_row(row: Rows, above: Rows, channels: int, out: Rows) -> None:
    out[0] = PAETH
    for x in range(channels):
        out[1 + x] = row[x] - above[x]
    # Slices of equal length instead of offsets: LLVM then vectorises the loop (5 times faster).
    count = row.size - channels
    left, up, corner = row[:count], above[channels:], above[:count]
    current, residual = row[channels:], out[1 + channels :]
    for x in range(count):
        a, b, c = np.int16(left[x]), np.int16(up[x]), np.int16(corner[x])
        to_a, to_b, to_c = abs(b - c), abs(a - c), abs(a + b - c - c)
        guess = b if to_b <= to_c else c
        guess = a if (to_a <= to_b and to_a <= to_c) else guess
        residual[x] = np.uint8(current[x] - guess)
