"""How long strokes take to draw, beside asking every pixel of every segment's box.

    python -m benchmarks.strokes

Ours and the plain way in turns, medians of 5, on a raster of 12 MP; then the worst that one stroke of as many
points as it may have can be: as wide as the image, hairlines across it, and its two sides in turns.
"""

import time
from collections.abc import Callable
from functools import partial

import numba
import numpy as np
from numpy.typing import NDArray

from app.segmentation.marks import MAX_POINTS, Mark, MarkKind
from app.segmentation.strokes import decided

SIZE = (4000, 3000)
ROUNDS = 5

Line = NDArray[np.float64]
Draw = Callable[[], NDArray[np.int8]]


def main() -> None:
    rng = np.random.default_rng(0)
    walk = np.clip(1500 + np.cumsum(rng.normal(0, 6, (200, 2)), axis=0), 0, 3000)
    a, b = interleaved(ours(walk, 40), plain(walk, 40))
    print(f"200 points, radius 40: ours {a * 1e3:.2f} ms, plain {b * 1e3:.2f} ms, {a / b:.2f}x")
    anywhere = rng.uniform(0, 1, (MAX_POINTS, 2)) * SIZE
    sides = [(10.0 if i % 4 < 2 else SIZE[0] - 10.0, float(SIZE[1] * (i % 2))) for i in range(MAX_POINTS)]
    for name, line, radius in (
        ("as wide as the image", anywhere, 4096),
        ("across", anywhere, 1),
        ("two sides", np.array(sides), 5),
    ):
        print(f"{MAX_POINTS} points, {name}: {timed(ours(line, radius)):.2f} s")


def ours(line: Line, radius: float) -> Draw:
    mark = Mark(kind=MarkKind.STROKE, points=tuple(map(tuple, line.tolist())), radius=radius)
    return partial(decided, [mark], SIZE)


def plain(line: Line, radius: float) -> Draw:
    def draw() -> NDArray[np.int8]:
        out = np.zeros(SIZE[::-1], np.int8)
        _every_pixel(out, line, float(radius))
        return out

    return draw


@numba.njit(cache=True)
def _every_pixel(out: NDArray[np.int8], line: Line, radius: float) -> None:
    height, width = out.shape
    for i in range(len(line) - 1):
        (ax, ay), (bx, by) = line[i], line[i + 1]
        dx, dy = bx - ax, by - ay
        square = dx * dx + dy * dy
        for y in range(max(0, int(min(ay, by) - radius)), min(height, int(max(ay, by) + radius) + 1)):
            for x in range(max(0, int(min(ax, bx) - radius)), min(width, int(max(ax, bx) + radius) + 1)):
                px, py = x + 0.5 - ax, y + 0.5 - ay
                along = 0.0 if square == 0.0 else min(1.0, max(0.0, (px * dx + py * dy) / square))
                if (px - along * dx) ** 2 + (py - along * dy) ** 2 <= radius * radius:
                    out[y, x] = 1


def interleaved(one: Draw, other: Draw) -> tuple[float, float]:
    assert np.array_equal(one(), other())
    pairs = np.array([(timed(one), timed(other)) for _ in range(ROUNDS)])
    return float(np.median(pairs[:, 0])), float(np.median(pairs[:, 1]))


def timed(draw: Draw) -> float:
    begun = time.perf_counter()
    draw()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
