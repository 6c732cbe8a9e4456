"""Block means: the picture and the matte at 1/2^k of their size, aligned at the origin."""

import numpy as np
from numpy.typing import NDArray

from app.matting.jit import kernel
from app.matting.threads import on_all_cores, strips


def block_means(image: NDArray[np.generic], side: int) -> NDArray[np.float32]:
    """float32 [ceil(h / side), ceil(w / side), c] of [h, w, c]; blocks at the border are means of what there
    is."""
    height, width, channels = image.shape
    rows, columns = -(-height // side), -(-width // side)
    out = np.empty((rows, columns, channels), np.float32)

    def fill(part: tuple[int, int]) -> None:
        _block_means(image, side, part[0], part[1], out)

    on_all_cores(fill, strips(rows, least=16))
    return out


@kernel
def _block_means(image, side, start, end, out):  # type: ignore[no-untyped-def]
    height, width, channels = image.shape
    for row in range(start, end):
        y0, y1 = row * side, min((row + 1) * side, height)
        for column in range(out.shape[1]):
            x0, x1 = column * side, min((column + 1) * side, width)
            share = np.float32(1.0 / ((y1 - y0) * (x1 - x0)))
            for c in range(channels):
                total = np.float32(0)
                for y in range(y0, y1):
                    for x in range(x0, x1):
                        total += np.float32(image[y, x, c])
                out[row, column, c] = total * share
