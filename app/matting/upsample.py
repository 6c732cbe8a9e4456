"""Step `upsample`: decoder logits → a full-resolution matte with an antialiased edge.

The subject's probability is interpolated bicubically (Keys 1981, eq. 4, a = -1/2) and its 0.5 level is drawn as
an edge one pixel wide: coverage ≈ 0.5 + distance to the level, distance = (p - 0.5) / |∇p|. Probability, not the
logit, because the decoder's logits saturate: next to a +20 and a -1 the logit's zero lies a third of a mask pixel
off the edge that the areas tell.
"""

import math

import numba
import numpy as np
from numpy.typing import NDArray

from app.matting.errors import MaskInvalid
from app.matting.threads import on_all_cores, strips
from app.matting.types import Draft, Matte, Request
from app.segmentation.masks import LOGIT_LIMIT, FloatImage, SoftMask

FLAT_MARGIN = 1 / 16  # Keys' kernel undershoots by at most 1/16 per axis between samples of equal sign

FINE = 0.8  # mask pixels per image pixel; from here on the mask is as fine as the matte and p is the coverage


def upsample(request: Request) -> Draft:
    """The first draft. Raises MaskInvalid."""
    width, height = request.size
    subject = probability(request.mask, request.size)
    matte = upsampled(subject, request.mask.scale, request.size)
    return Draft(request.picture.pixels, matte, box=(0, 0, width, height))


def probability(mask: SoftMask, size: tuple[int, int]) -> FloatImage:
    """float32 [h, w] in 0..1, without the padding that lies beyond an image of `size` (width, height).

    Raises MaskInvalid on NaN or an empty mask; infinities are clamped as SAM does.
    """
    if mask.logits.ndim != 2 or mask.logits.size == 0 or min(mask.scale) <= 0:
        raise MaskInvalid("the mask has no pixels")
    columns, rows = (math.ceil(length * scale - 1e-6) for length, scale in zip(size, mask.scale, strict=True))
    inside = mask.logits[: max(rows, 1), : max(columns, 1)]
    if np.isnan(inside).any():
        raise MaskInvalid("the mask holds values that are not numbers")
    clamped = np.clip(inside, -LOGIT_LIMIT, LOGIT_LIMIT).astype(np.float32)
    return (1.0 / (1.0 + np.exp(-clamped))).astype(np.float32)


def upsampled(subject: FloatImage, scale: tuple[float, float], size: tuple[int, int]) -> Matte:
    """uint8 [size[1], size[0]] from `subject` float32 [h, w] in 0..1; `scale` as in SoftMask."""
    width, height = size
    out = np.empty((height, width), np.uint8)
    cells = _cell_kinds(subject)

    def fill(rows: tuple[int, int]) -> None:
        _fill(subject, cells, scale[0], scale[1], rows[0], rows[1], out)

    on_all_cores(fill, strips(height))
    return out


def _cell_kinds(subject: FloatImage) -> NDArray[np.uint8]:
    """uint8 [h + 1, w + 1]: 0 or 255 where all 4×4 samples around the cell agree by a margin, else 1 (mixed).

    Cell (r, c) lies between the samples r-1, r and c-1, c; samples beyond the mask repeat its border.
    """
    padded = np.pad(subject, 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (4, 4))
    low, high = windows.min(axis=(2, 3)), windows.max(axis=(2, 3))
    kinds = np.ones(low.shape, np.uint8)
    kinds[low > 0.5 + FLAT_MARGIN] = 255
    kinds[high < 0.5 - FLAT_MARGIN] = 0
    return kinds


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]  # numba ships no types
def _weights(f: float) -> tuple[float, float, float, float, float, float, float, float]:
    """Keys' cubic and its derivative for the 4 samples around the fraction f."""
    f2, f3 = f * f, f * f * f
    return (
        -0.5 * f + f2 - 0.5 * f3,
        1.0 - 2.5 * f2 + 1.5 * f3,
        0.5 * f + 2.0 * f2 - 1.5 * f3,
        -0.5 * f2 + 0.5 * f3,
        -0.5 + 2.0 * f - 1.5 * f2,
        -5.0 * f + 4.5 * f2,
        0.5 + 4.0 * f - 4.5 * f2,
        -f + 1.5 * f2,
    )


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _fill(subject, cells, sx, sy, start, end, out):  # type: ignore[no-untyped-def]
    height, width = subject.shape
    for y in range(start, end):
        v = min(max((y + 0.5) * sy - 0.5, -0.5), height - 0.5)
        row = int(np.floor(v))
        wy = _weights(v - row)
        x = 0
        while x < out.shape[1]:
            u = min(max((x + 0.5) * sx - 0.5, -0.5), width - 0.5)
            column = int(np.floor(u))
            end_x = out.shape[1]
            if column + 1 < width:  # the run of pixels up to the next sample's column
                end_x = min(end_x, max(x + 1, int(np.ceil((column + 1.5) / sx - 0.5))))
            kind = cells[row + 1, column + 1]
            if kind != 1:
                out[y, x:end_x] = kind
            else:
                for i in range(x, end_x):
                    u = min(max((i + 0.5) * sx - 0.5, -0.5), width - 0.5)
                    out[y, i] = _coverage(subject, row, column, wy, _weights(u - column), sx, sy)
            x = end_x


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _coverage(subject, row, column, wy, wx, sx, sy):  # type: ignore[no-untyped-def]
    height, width = subject.shape
    value, dx, dy = 0.0, 0.0, 0.0
    for j in range(4):
        r = min(max(row - 1 + j, 0), height - 1)
        along, slope = 0.0, 0.0
        for i in range(4):
            sample = subject[r, min(max(column - 1 + i, 0), width - 1)]
            along += wx[i] * sample
            slope += wx[4 + i] * sample
        value += wy[j] * along
        dx += wy[j] * slope
        dy += wy[4 + j] * along
    alpha = value
    if max(sx, sy) < FINE:
        gradient = max(np.hypot(dx * sx, dy * sy), 1e-6)
        alpha = 0.5 + (value - 0.5) / min(gradient, 1.0)
    return np.uint8(min(max(alpha, 0.0), 1.0) * 255.0 + 0.5)
