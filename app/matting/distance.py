"""Signed distance to the 0.5 level of a matte, with the sub-pixel position that antialiasing tells."""

import numpy as np
from numpy.typing import NDArray

from app.matting.jit import kernel
from app.matting.types import Matte


def signed_distance(matte: Matte, reach: float) -> NDArray[np.float32]:
    """float32 [h, w], px, positive inside, within ±reach: coverage = clamp(0.5 + distance).

    A pixel whose coverage is a has its edge at a - 0.5 px from its centre; a pixel at x takes max over e of
    a(e) - |x - e| (outside) and the same of the complement (inside). Exact for axis-parallel edges, within
    0.2 px for slanted ones (Gustavson, Strand: Anti-aliased Euclidean distance transform, Pattern Recognition
    Letters 2011). Borders of the array are no edges."""
    limit = int(reach) + 2
    inside = matte > 127
    outward = _nearest(matte, 0, ~inside, limit)
    inward = _nearest(matte, 255, inside, limit)
    distance = np.where(inside, np.float32(0.5) - inward, outward - np.float32(0.5))
    return np.asarray(np.clip(distance, -reach, reach), np.float32)


@kernel
def _nearest(matte, void, wanted, limit):  # type: ignore[no-untyped-def]
    """max over e within `limit` px of coverage(e) - |x - e| where `wanted`; coverage(e) = |matte(e) - void| /
    255.

    Separable as in Felzenszwalb, Huttenlocher (Theory of Computing 2012): the best site of each column first,
    then along the row, stopping where no farther column can win."""
    height, width = matte.shape
    away, coverage = _column_sites(matte, void, limit)
    out = np.full((height, width), np.float32(-limit), np.float32)
    for y in range(height):
        for x in range(width):
            if not wanted[y, x]:
                continue
            best = np.float32(-limit)
            for step in range(limit + 1):
                if 1.0 - step <= best:
                    break
                for column in (x - step, x + step):
                    if 0 <= column < width and away[y, column] <= limit:
                        dy = np.float32(away[y, column])
                        value = coverage[y, column] - np.sqrt(dy * dy + np.float32(step * step))
                        best = max(best, value)
            out[y, x] = best
    return out


@kernel
def _column_sites(matte, void, limit):  # type: ignore[no-untyped-def]
    """Distance to, and coverage of, the pixel of the same column with the largest coverage - distance.

    uint16 and float32 [h, w]; distance limit + 1 where the column has none.
    """
    height, width = matte.shape
    away = np.full((height, width), np.uint16(limit + 1), np.uint16)
    coverage = np.zeros((height, width), np.float32)
    for sweep in range(2):
        for i in range(height):
            y, before = (i, i - 1) if sweep == 0 else (height - 1 - i, height - i)
            for x in range(width):
                if sweep == 0 and matte[y, x] != void:
                    coverage[y, x] = abs(np.float32(matte[y, x]) - void) * np.float32(1 / 255)
                    away[y, x] = 0
                if i > 0 and away[before, x] < limit:
                    gain = coverage[before, x] - away[before, x] - 1
                    if away[y, x] > limit or gain > coverage[y, x] - away[y, x]:
                        coverage[y, x] = coverage[before, x]
                        away[y, x] = away[before, x] + 1
    return away, coverage
