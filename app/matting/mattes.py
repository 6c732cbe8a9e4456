"""Matting of a trimap, tile by tile, each at the scale that its unknown band asks for.

A tile is 1024 px wide and sees its surroundings as far as the band is wide. The band is solved on cells of
2^k px, so many that it is 34 to 68 cells across: enough to tell strands, few enough for the solver; from
there the image leads to single pixels (guided.py). Tiles overlap by 64 px and are blended linearly there.
Nothing is ever held in float for the whole frame, so memory does not grow with the picture but for two bytes
a pixel."""

import math
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_cdt

from app.imaging.types import Box
from app.matting.blocks import block_means
from app.matting.closed_form import UNKNOWN, solved
from app.matting.guided import Alpha, finer
from app.matting.sampling import sampled
from app.matting.threads import on_all_cores
from app.matting.tiles import area, grown, inner
from app.matting.types import Matte, Pixels

TILE = 1024
OVERLAP = 64  # px, centred on the tile's border
CONTEXT = 48  # cells of surroundings that a tile sees at its own scale
# across; 24 costs 14 % SAD on hires_matting and 17 % on alphamatting27, 96 takes three times as long
BAND_CELLS = 48.0
MAX_LEVEL = 5
MOST_CELLS = 25_000  # unknown cells of a tile: 0.2 s of a core, 8 MB; 100,000 changes no error by 1 %


@dataclass(frozen=True, slots=True)
class Outcome:
    matte: Matte
    tiles: int = 0
    fallback_tiles: int = 0
    unknown_pixels: int = 0


def matted(pixels: Pixels, trimap: NDArray[np.uint8], fallback: Matte) -> Outcome:
    """The matte of `trimap` (uint8 [h, w]: 0, 255 known, 128 unknown); `fallback` where a tile finds no
    solution."""
    unknown = trimap == UNKNOWN
    sums = np.zeros(trimap.shape, np.uint16)
    lock = Lock()
    failed: list[Box] = []

    def fill(box: Box) -> None:
        reach = grown(box, OVERLAP // 2, trimap.shape)
        alpha = _tile(pixels, trimap, reach)
        if alpha is None:
            failed.append(box)
            alpha = fallback[area(reach)].astype(np.float32) / np.float32(255)
        share = _ramp(box, reach, trimap.shape)
        with lock:
            sums[area(reach)] += (alpha * share * 256 + np.float32(0.5)).astype(np.uint16)

    tiles = [
        box for box in _grid(trimap.shape) if unknown[area(grown(box, OVERLAP // 2, trimap.shape))].any()
    ]
    on_all_cores(fill, tiles)
    matte = np.where(unknown, np.minimum(sums // 256, 255), trimap).astype(np.uint8)
    return Outcome(matte, len(tiles), len(failed), int(np.count_nonzero(unknown)))


def _grid(shape: tuple[int, ...]) -> list[Box]:
    height, width = shape[:2]
    return [
        (x, y, min(x + TILE, width), min(y + TILE, height))
        for y in range(0, height, TILE)
        for x in range(0, width, TILE)
    ]


def _ramp(box: Box, reach: Box, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """255 inside the tile, falling to 0 across the overlap; neighbouring tiles add up to 255."""

    def axis(start: int, end: int, low: int, high: int, length: int) -> NDArray[np.float32]:
        at = np.arange(low, high, dtype=np.float32) + np.float32(0.5)
        up = np.clip((at - start) / OVERLAP + 0.5, 0, 1) if start > 0 else np.ones_like(at)
        down = np.clip((end - at) / OVERLAP + 0.5, 0, 1) if end < length else np.ones_like(at)
        return (up * down).astype(np.float32)

    rows = axis(box[1], box[3], reach[1], reach[3], shape[0])
    columns = axis(box[0], box[2], reach[0], reach[2], shape[1])
    return rows[:, None] * columns * np.float32(255)


def _tile(pixels: Pixels, trimap: NDArray[np.uint8], reach: Box) -> Alpha | None:
    """Alpha 0..1 of `reach` (its known pixels are 0), or None where no tile of the picture's size finds a
    solution.

    A tile without foreground or background in sight looks twice as far, at half the scale.
    """
    core = _unknown_box(trimap, reach)
    for level in range(_level(trimap[area(reach)]), MAX_LEVEL + 1):
        window = _aligned(grown(core, CONTEXT << level, trimap.shape), 1 << level, trimap.shape)
        alpha = _window(pixels[area(window)], trimap[area(window)], level)
        if alpha is not None:
            out = np.zeros((reach[3] - reach[1], reach[2] - reach[0]), np.float32)
            out[inner(core, reach)] = alpha[inner(core, window)]
            return out
    return None


def _window(pixels: Pixels, trimap: NDArray[np.uint8], level: int) -> Alpha | None:
    colours = [block_means(pixels, 1 << k) if k else pixels.astype(np.float32) for k in range(level, -1, -1)]
    known = coarse_trimap(trimap, 1 << level)
    evidence = sampled(colours[0], known)
    if evidence is None:
        return None
    solution = solved(colours[0], known, evidence.alpha, evidence.weight)
    if not solution.converged:
        return None
    alpha = solution.alpha
    for coarse, fine in pairwise(colours):
        alpha = finer(alpha, coarse, fine, (0.5, 0.5), stretches=0)
    return alpha


def _unknown_box(trimap: NDArray[np.uint8], reach: Box) -> Box:
    """The smallest box of `reach` that holds all its unknown pixels."""
    x0, y0 = reach[:2]
    unknown = trimap[area(reach)] == UNKNOWN
    rows, columns = np.flatnonzero(unknown.any(axis=1)), np.flatnonzero(unknown.any(axis=0))
    return x0 + int(columns[0]), y0 + int(rows[0]), x0 + int(columns[-1]) + 1, y0 + int(rows[-1]) + 1


def _level(trimap: NDArray[np.uint8]) -> int:
    """k of the cell size 2^k, from the widest unknown band in the window and from its area."""
    step = 4  # both are known well enough from every fourth pixel
    unknown = trimap[::step, ::step] == UNKNOWN
    width = 2.0 * step * float(distance_transform_cdt(unknown).max())
    cells = float(step * step * np.count_nonzero(unknown))
    by_width = round(math.log2(max(width, 1.0) / BAND_CELLS))
    by_area = math.ceil(math.log2(max(cells, 1.0) / MOST_CELLS) / 2)
    return min(MAX_LEVEL, max(0, by_width, by_area))


def _aligned(box: Box, side: int, shape: tuple[int, ...]) -> Box:
    """Grown to whole cells, so that cell means are the same whichever tile asks."""
    x0, y0 = box[0] // side * side, box[1] // side * side
    return x0, y0, min(-(-box[2] // side) * side, shape[1]), min(-(-box[3] // side) * side, shape[0])


def coarse_trimap(trimap: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Known where all pixels of a cell are known and agree."""
    if side == 1:
        return trimap
    height, width = trimap.shape
    padded = np.pad(trimap, ((0, -height % side), (0, -width % side)), mode="edge")
    cells = padded.reshape(padded.shape[0] // side, side, padded.shape[1] // side, side)
    low, high = cells.min(axis=(1, 3)), cells.max(axis=(1, 3))
    return np.where(low == high, low, UNKNOWN).astype(np.uint8)
