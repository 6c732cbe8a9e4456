"""The subject's own colour where the picture mixes it with what was behind.

Germer, Uelwer, Conrad, Harmeling: Fast multi-level foreground estimation, ICPR 2020: foreground F and
background B minimise (alpha·F + (1-alpha)·B - I)² with smoothness weighted by the matte's gradient, relaxed
pixel by pixel from coarse cells to fine. Four changes, which together leave a third of the paper's error
(docs/quality.md): it runs in the band around the edge only; cells are means, not samples; B is held 100 times
smoother than F, because backdrops are smooth and subjects are not; and F is read from the mixing equation in
the end, F = (I - (1-alpha)·B) / alpha, so that the subject keeps its texture up to the edge.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.matting.blocks import block_means
from app.matting.jit import kernel
from app.matting.types import Matte, Pixels

FINE_LEVELS = 3  # window by window; cells of 8 px and more are estimated for the whole picture at once
CELL = 1 << FINE_LEVELS
COARSE_LEVELS = 4  # on top: colour is carried over 128 px
COARSE_TURNS, FINE_TURNS = 10, 2  # as in the paper
SMALL = 32  # cells; up to this size a level gets the full number of turns
STIFFNESS = 1e-5  # smoothness where alpha is flat
FRONT_WEIGHT, BACK_WEIGHT = 0.01, 1.0  # smoothness per unit of alpha's gradient; the paper has 1 for both
LEGIBLE = 0.02  # share of the subject from which the mixing equation can be read
BLEED = 2  # px beyond the edge that get the subject's colour too, so that scaling the file shows no fringe


@dataclass(frozen=True, slots=True)
class Layers:
    """Colours float32 [h, w, 3] of what is in front and of what is behind."""

    front: NDArray[np.float32]
    back: NDArray[np.float32]


def coarse_layers(pixels: Pixels, mixture: Matte) -> Layers:
    """Of the whole picture, on cells of CELL px. `mixture`: share of the subject in each pixel, 0..255."""
    colours, alpha = block_means(pixels, CELL), block_means(mixture, CELL) / np.float32(255)
    return _descended(None, colours, alpha, COARSE_LEVELS)


def foreground(pixels: Pixels, mixture: Matte, layers: Layers) -> tuple[Pixels, NDArray[np.uint8]]:
    """(colours uint8 [h, w, 3], band uint8 [h, w]) of a window: the subject's colours where band is 1.

    `layers` is the window's part of coarse_layers; the window starts on a cell's corner.
    """
    alpha = softened(mixture)
    fine = _descended(layers, pixels.astype(np.float32), alpha, FINE_LEVELS)
    band = band_around(alpha, BLEED)
    return _read(fine.front, fine.back, pixels, alpha, band), band


def _descended(
    start: Layers | None, colours: NDArray[np.float32], alpha: NDArray[np.float32], levels: int
) -> Layers:
    """Layers at the size of `colours`, from `start` (2^levels times smaller) or from the picture itself."""
    pyramid = [(colours, alpha)]
    for _ in range(levels):
        pyramid.append((block_means(pyramid[-1][0], 2), block_means(pyramid[-1][1], 2)))
    colours, alpha = pyramid.pop()
    if start is None:
        start = Layers(colours.copy(), colours.copy())
        everywhere = np.ones(alpha.shape, np.uint8)
        _relax(start.front, start.back, colours, alpha, everywhere, COARSE_TURNS)
    front, back = start.front, start.back
    for colours, alpha in reversed(pyramid):
        band = band_around(alpha, BLEED)
        front, back = _doubled(front, colours, band), _doubled(back, colours, band)
        _relax(front, back, colours, alpha, band, COARSE_TURNS if max(alpha.shape) <= SMALL else FINE_TURNS)
    return Layers(front, back)


@kernel
def softened(mixture: Matte) -> NDArray[np.float32]:
    """0..1. A jump from 0 to 255 is no edge that a lens can draw: both sides get the mean of their 3x3
    pixels."""
    height, width = mixture.shape
    out = np.empty((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            own = mixture[y, x]
            out[y, x] = own / np.float32(255)
            if 0 < own < 255:
                continue
            other = 255 - own
            y0, y1, x0, x1 = max(y - 1, 0), min(y + 2, height), max(x - 1, 0), min(x + 2, width)
            if (
                mixture[y0, x] == other
                or mixture[y1 - 1, x] == other
                or mixture[y, x0] == other
                or mixture[y, x1 - 1] == other
            ):
                total = 0
                for j in range(y0, y1):
                    for i in range(x0, x1):
                        total += mixture[j, i]
                out[y, x] = np.float32(total) / np.float32(255 * (y1 - y0) * (x1 - x0))
    return out


@kernel
def band_around(alpha: NDArray[np.float32], reach: int) -> NDArray[np.uint8]:
    """1 within `reach` px of a value between 0 and 1, or of a jump."""
    height, width = alpha.shape
    out = np.zeros((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            own = alpha[y, x]
            mixed = 0.0 < own < 1.0
            if not mixed and x + 1 < width and alpha[y, x + 1] != own:
                mixed = True
            if not mixed and y + 1 < height and alpha[y + 1, x] != own:
                mixed = True
            if mixed:
                for j in range(max(y - reach, 0), min(y + reach + 1, height)):
                    for i in range(max(x - reach, 0), min(x + reach + 1, width)):
                        out[j, i] = 1
    return out


@kernel
def _doubled(coarse, colours, band):  # type: ignore[no-untyped-def]
    """Each cell's estimate for its four pixels inside the band, the pixel's own colour outside."""
    out = colours.copy()
    height, width, channels = colours.shape
    for y in range(height):
        for x in range(width):
            if band[y, x]:
                for c in range(channels):
                    out[y, x, c] = coarse[y // 2, x // 2, c]
    return out


@kernel
def _relax(front, back, colours, alpha, band, turns):  # type: ignore[no-untyped-def]
    """Gauss-Seidel: the 2x2 system of eq. 9 for each pixel of the band, in place."""
    height, width = alpha.shape
    total_f, total_b = np.empty(3, np.float32), np.empty(3, np.float32)
    for _ in range(turns):
        for y in range(height):
            for x in range(width):
                if band[y, x] == 0:
                    continue
                a = alpha[y, x]
                weight_f = weight_b = np.float32(0)
                total_f[:] = 0
                total_b[:] = 0
                for n in range(4):
                    j = min(max(y + (n == 0) - (n == 1), 0), height - 1)
                    i = min(max(x + (n == 2) - (n == 3), 0), width - 1)
                    step = abs(a - alpha[j, i])
                    f = np.float32(STIFFNESS) + np.float32(FRONT_WEIGHT) * step
                    g = np.float32(STIFFNESS) + np.float32(BACK_WEIGHT) * step
                    weight_f, weight_b = weight_f + f, weight_b + g
                    for c in range(3):
                        total_f[c] += f * front[j, i, c]
                        total_b[c] += g * back[j, i, c]
                b = 1 - a
                a00, a01, a11 = a * a + weight_f, a * b, b * b + weight_b
                inverse = 1 / (a00 * a11 - a01 * a01)
                for c in range(3):
                    f, g = a * colours[y, x, c] + total_f[c], b * colours[y, x, c] + total_b[c]
                    front[y, x, c] = min(max((a11 * f - a01 * g) * inverse, np.float32(0)), np.float32(255))
                    back[y, x, c] = min(max((a00 * g - a01 * f) * inverse, np.float32(0)), np.float32(255))


@kernel
def _read(front, back, pixels, alpha, band):  # type: ignore[no-untyped-def]
    """uint8: F from the mixing equation where there is enough of it, else the smooth estimate."""
    out = pixels.copy()
    height, width = alpha.shape
    for y in range(height):
        for x in range(width):
            if band[y, x] == 0:
                continue
            a = alpha[y, x]
            for c in range(3):
                value = front[y, x, c]
                if a > LEGIBLE:
                    value = (pixels[y, x, c] - (1 - a) * back[y, x, c]) / a
                out[y, x, c] = np.uint8(min(max(value, np.float32(0)), np.float32(255)) + np.float32(0.5))
    return out
