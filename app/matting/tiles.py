"""Where a matte is not flat: the tiles that edge steps work on, so that time follows the contour and not the
area."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.imaging.types import Box
from app.matting.jit import kernel
from app.matting.threads import on_all_cores
from app.matting.types import Matte

TILE = 256  # px; 64 KiB of alpha and its float copy stay in a core's L2

WindowWork = Callable[[Box], Matte]


def edge_tiles(matte: Matte, reach: float, tile: int = TILE) -> list[Box]:
    """Boxes of the tile grid that lie within `reach` px of an edge (a value between 0 and 255, or a jump)."""
    flags = _active(matte, tile)
    ring = int(-(-max(reach, 0.0) // tile))
    near = np.zeros_like(flags)
    for row, column in np.argwhere(flags):
        near[max(0, row - ring) : row + ring + 1, max(0, column - ring) : column + ring + 1] = 1
    height, width = matte.shape
    return [
        (int(c) * tile, int(r) * tile, min((int(c) + 1) * tile, width), min((int(r) + 1) * tile, height))
        for r, c in np.argwhere(near)
    ]


def grown(box: Box, by: int, shape: tuple[int, ...]) -> Box:
    """`box` with `by` more pixels on each side, within an array of `shape` (rows, columns, …)."""
    return max(0, box[0] - by), max(0, box[1] - by), min(shape[1], box[2] + by), min(shape[0], box[3] + by)


def inner(box: Box, window: Box) -> tuple[slice, slice]:
    """Where `box` lies in an array that covers `window`."""
    return slice(box[1] - window[1], box[3] - window[1]), slice(box[0] - window[0], box[2] - window[0])


def area(box: Box) -> tuple[slice, slice]:
    return slice(box[1], box[3]), slice(box[0], box[2])


def by_windows(matte: Matte, reach: float, work: Callable[[Matte], Matte]) -> Matte:
    """`work` on each window around the edge tiles of `matte`; only the tile itself is taken from the result.

    `work` gets uint8 [h, w] with `reach` px of surroundings and must not change it. What lies farther than
    `reach` from any edge stays as it is."""
    halo = int(-(-reach // 1)) + 1
    tile = max(TILE, 2 * halo)
    out = matte.copy()

    def do(box: Box) -> None:
        window = grown(box, halo, matte.shape)
        out[area(box)] = work(matte[area(window)])[inner(box, window)]

    on_all_cores(do, edge_tiles(matte, reach, tile))
    return out


@kernel
def _active(matte: NDArray[np.uint8], tile: int) -> NDArray[np.uint8]:
    """uint8 [tile rows, tile columns]: 1 where the tile with one more row and column is not all 0 or all
    255."""
    height, width = matte.shape
    flags = np.zeros(((height + tile - 1) // tile, (width + tile - 1) // tile), np.uint8)
    for row in range(flags.shape[0]):
        for column in range(flags.shape[1]):
            y0, x0 = row * tile, column * tile
            first = matte[y0, x0]
            flat = first in (0, 255)
            for y in range(max(y0 - 1, 0), min(y0 + tile + 1, height)):
                if not flat:
                    break
                for x in range(max(x0 - 1, 0), min(x0 + tile + 1, width)):
                    if matte[y, x] != first:
                        flat = False
            flags[row, column] = 0 if flat else 1
    return flags
