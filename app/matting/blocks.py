"""Block means: the picture and the matte at 1/2^k of their size, aligned at the origin."""

import numpy as np
from numpy.typing import NDArray

from app.matting.jit import kernel
from app.matting.threads import on_all_cores, strips


def block_means(image: NDArray[np.generic], side: int) -> NDArray[np.float32]:
    """float32 [ceil(h / side), ceil(w / side), 3] of [h, w, 3], or the same without channels.

    Blocks at the border are means of what there is.
    """
    rows, columns = -(-image.shape[0] // side), -(-image.shape[1] // side)
    out = np.empty((rows, columns, *image.shape[2:]), np.float32)
    work = _grey if image.ndim == 2 else _colour

    def fill(part: tuple[int, int]) -> None:
        work(image, side, part[0], part[1], out)

    on_all_cores(fill, strips(rows, least=max(16, STRIP_PIXELS // (side * image.shape[1]))))
    return out


STRIP_PIXELS = 1 << 18  # at least, or starting a thread costs more than it saves


@kernel
def _colour(image, side, start, end, out):  # type: ignore[no-untyped-def]
    height, width, _ = image.shape
    for row in range(start, end):
        y0, y1 = row * side, min((row + 1) * side, height)
        for column in range(out.shape[1]):
            x0, x1 = column * side, min((column + 1) * side, width)
            r = g = b = np.float32(0)
            for y in range(y0, y1):
                for x in range(x0, x1):
                    r += np.float32(image[y, x, 0])
                    g += np.float32(image[y, x, 1])
                    b += np.float32(image[y, x, 2])
            share = np.float32(1.0 / ((y1 - y0) * (x1 - x0)))
            out[row, column, 0], out[row, column, 1], out[row, column, 2] = r * share, g * share, b * share


@kernel
def _grey(image, side, start, end, out):  # type: ignore[no-untyped-def]
    height, width = image.shape
    for row in range(start, end):
        y0, y1 = row * side, min((row + 1) * side, height)
        for column in range(out.shape[1]):
            x0, x1 = column * side, min((column + 1) * side, width)
            total = np.float32(0)
            for y in range(y0, y1):
                for x in range(x0, x1):
                    total += np.float32(image[y, x])
            out[row, column] = total * np.float32(1.0 / ((y1 - y0) * (x1 - x0)))
