"""Strokes as hard constraints: which pixels the user has decided."""

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from app.segmentation.marks import Label, Mark, MarkKind
from app.segmentation.spaces import Size

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


@numba.njit(cache=True)
def _draw(
    out: NDArray[np.int8], line: NDArray[np.float64], radius: float, value: int, scale: tuple[float, float]
) -> None:
    """Sets the pixels whose centre is within `radius` of the polyline, each segment within its own box."""
    sx, sy = scale
    height, width = out.shape
    last = line.shape[0] - 1
    for start in range(max(last, 1)):
        ax, ay = line[start]
        bx, by = line[min(start + 1, last)]
        dx, dy = bx - ax, by - ay
        square = dx * dx + dy * dy
        x0, x1 = max(0, int((min(ax, bx) - radius) * sx)), min(width - 1, int((max(ax, bx) + radius) * sx))
        y0, y1 = max(0, int((min(ay, by) - radius) * sy)), min(height - 1, int((max(ay, by) + radius) * sy))
        for y in range(y0, y1 + 1):
            py = (y + 0.5) / sy - ay
            for x in range(x0, x1 + 1):
                px = (x + 0.5) / sx - ax
                along = 0.0 if square == 0.0 else min(1.0, max(0.0, (px * dx + py * dy) / square))
                ox, oy = px - along * dx, py - along * dy
                if ox * ox + oy * oy <= radius * radius:
                    out[y, x] = value
