"""Gaussian blur at a cost that does not grow with its width."""

import numpy as np
from numpy.typing import NDArray

from app.matting.jit import kernel

PASSES = 3
SUPPORT = 3.0  # in sigmas, plus a pixel a pass: beyond it three box passes are exactly 0


def reach(sigma: float) -> float:
    """Pixels from which `blurred` takes anything into account."""
    return SUPPORT * sigma + PASSES


def blurred(image: NDArray[np.generic], sigma: float) -> NDArray[np.float32]:
    """float32 [h, w]; borders repeat. Three extended box filters, whose width is continuous in `sigma`

    (Gwosdek, Grewenig, Bruhn, Weickert: Theoretical foundations of Gaussian convolution by extended box
    filtering, SSVM 2011, eq. 9-10). Flat input stays flat to the bit."""
    out = image.astype(np.float32)
    if sigma <= 0:
        return out
    radius, rest = _box(sigma)
    for _ in range(PASSES):
        out = _rows(out, radius, rest)
    for _ in range(PASSES):
        out = _columns(out, radius, rest)
    return out


def _box(sigma: float) -> tuple[int, float]:
    """Integer radius r and the weight of the two samples at ±(r+1), relative to 1 for the others."""
    variance = sigma * sigma / PASSES
    radius = int(np.floor(0.5 * np.sqrt(12.0 * variance + 1.0) - 0.5))
    top = (2 * radius + 1) * (radius * (radius + 1) - 3.0 * variance)
    bottom = 6.0 * (variance - (radius + 1) ** 2)
    return radius, top / bottom


@kernel
def _rows(image: NDArray[np.float32], radius: int, rest: float) -> NDArray[np.float32]:
    height, width = image.shape
    out = np.empty_like(image)
    share = 1.0 / (2 * radius + 1 + 2 * rest)
    for y in range(height):
        line = image[y]
        total = 0.0
        for i in range(-radius, radius + 1):
            total += line[min(max(i, 0), width - 1)]
        for x in range(width):
            left, right = line[max(x - radius - 1, 0)], line[min(x + radius + 1, width - 1)]
            out[y, x] = (total + rest * (left + right)) * share
            total += right - line[max(x - radius, 0)]
    return out


@kernel
def _columns(image: NDArray[np.float32], radius: int, rest: float) -> NDArray[np.float32]:
    height, width = image.shape
    out = np.empty_like(image)
    share = 1.0 / (2 * radius + 1 + 2 * rest)
    total = np.zeros(width)
    for i in range(-radius, radius + 1):
        total += image[min(max(i, 0), height - 1)]
    for y in range(height):
        above, below = image[max(y - radius - 1, 0)], image[min(y + radius + 1, height - 1)]
        leaving = image[max(y - radius, 0)]
        for x in range(width):
            out[y, x] = (total[x] + rest * (above[x] + below[x])) * share
            total[x] += below[x] - leaving[x]
    return out
