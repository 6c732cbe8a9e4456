"""Strokes as hard constraints: which pixels the user has decided."""

from collections.abc import Sequence
from typing import TypeAlias

import numba
import numpy as np
from numpy.typing import NDArray

from app.segmentation.marks import Label, Mark, MarkKind
from app.segmentation.spaces import Size

_Segment: TypeAlias = tuple[float, float, float, float, float]
"""x, y of its start; dx, dy to its end; the square of its radius. ImageSpace."""

MIN_STROKE_RADIUS = 0.5  # a hairline still decides the pixels that it crosses


def decided(marks: Sequence[Mark], size: Size, scale: tuple[float, float] = (1.0, 1.0)) -> NDArray[np.int8]:
    """int8 [height, width]: +1 keep, -1 remove, 0 free; later marks win.

    A pixel is decided when its centre lies within `radius` of the stroke's line. Points decide a disc when
    they have a radius, else they only prompt; boxes only prompt. `size` (width, height) is the raster's,
    `scale` its pixels per ImageSpace pixel, distances are taken in ImageSpace.
    """
    out = np.zeros((size[1], size[0]), np.int8)
    for mark in marks:
        radius = _radius(mark)
        if radius > 0:
            value = 1 if mark.label is Label.KEEP else -1
            _draw(out, np.array(mark.points, np.float64), radius, value, scale)
    return out


def _radius(mark: Mark) -> float:
    if mark.kind is MarkKind.STROKE:
        return max(mark.radius, MIN_STROKE_RADIUS)
    return mark.radius if mark.kind is MarkKind.POINT else 0.0


@numba.njit(cache=True, nogil=True)
def _draw(
    out: NDArray[np.int8], line: NDArray[np.float64], radius: float, value: int, scale: tuple[float, float]
) -> None:
    """Sets the pixels whose centre is within `radius` of the polyline: of each segment a run in each row.

    What this stroke covers already costs nothing, and no thread waits for it (benchmarks/strokes.py).
    """
    sx, sy = scale
    height, width = out.shape
    last = line.shape[0] - 1
    left, right = np.zeros(height, np.int64), np.full(height, -1, np.int64)  # what this stroke drew of a row
    for start in range(max(last, 1)):
        (ax, ay), (bx, by) = line[start], line[min(start + 1, last)]
        segment = (ax, ay, bx - ax, by - ay, radius * radius)
        x0, x1 = max(0, int((min(ax, bx) - radius) * sx)), min(width - 1, int((max(ax, bx) + radius) * sx))
        y0, y1 = max(0, int((min(ay, by) - radius) * sy)), min(height - 1, int((max(ay, by) + radius) * sy))
        for y in range(y0, y1 + 1):
            if x0 > x1 or (left[y] <= x0 and x1 <= right[y]):
                continue
            first, end = _run(segment, (y + 0.5) / sy, sx, x0, x1)
            if first == end or (left[y] <= first and end - 1 <= right[y]):
                continue
            out[y, first:end] = value
            if first <= right[y] + 1 and left[y] <= end:
                left[y], right[y] = min(left[y], first), max(right[y], end - 1)
            else:
                left[y], right[y] = first, end - 1


@numba.njit(cache=True, nogil=True)
def _run(segment: _Segment, py: float, sx: float, x0: int, x1: int) -> tuple[int, int]:
    """[first, end) of the row's pixels in [x0, x1] that the segment covers: one run, the cover is convex."""
    ax, ay, dx, dy, _ = segment
    along = 0.0 if dy == 0.0 else min(1.0, max(0.0, (py - ay) / dy))
    nearest = int(np.floor((ax + along * dx) * sx - 0.5))  # and the next: around the point next to the row
    seed = min(max(nearest, x0), x1)
    if not _covers(segment, (seed + 0.5) / sx, py):
        seed = min(max(nearest + 1, x0), x1)
        if not _covers(segment, (seed + 0.5) / sx, py):
            return 0, 0
    return _last(segment, py, sx, seed, x0 - 1), _last(segment, py, sx, seed, x1 + 1) + 1


@numba.njit(cache=True, nogil=True)
def _last(segment: _Segment, py: float, sx: float, inside: int, outside: int) -> int:
    """The last pixel of the run, from one `inside` it towards one `outside` or beyond the raster."""
    while abs(outside - inside) > 1:
        middle = (inside + outside) // 2
        if _covers(segment, (middle + 0.5) / sx, py):
            inside = middle
        else:
            outside = middle
    return inside


@numba.njit(cache=True, nogil=True)
def _covers(segment: _Segment, x: float, y: float) -> bool:
    ax, ay, dx, dy, reach = segment
    px, py = x - ax, y - ay
    square = dx * dx + dy * dy
    along = 0.0 if square == 0.0 else min(1.0, max(0.0, (px * dx + py * dy) / square))
    ox, oy = px - along * dx, py - along * dy
    return bool(ox * ox + oy * oy <= reach)
