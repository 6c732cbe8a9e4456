"""What alpha each unknown pixel would have by itself: the best pair of a foreground and a background sample.

He, Rhemann, Rother, Tang, Sun: A global sampling method for alpha matting, CVPR 2011. Samples are the known
pixels around the unknown region, sorted by brightness; the pair that minimises colour misfit + distance is
searched by propagation between neighbours and shrinking random steps (section 4). The random numbers are a
hash of pixel and round, so the result is the same in every run and on every machine."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.matting.guided import Alpha, Colours
from app.matting.jit import kernel

RING = 10.0  # px around the unknown region from which samples are taken
SEARCHES = 2  # rounds; 1 raises SAD by 1 % (wide trimaps), 3 lowers it by nothing
TRUST = 8e-3  # weight of a perfect pair against the windows of the Laplacian, and
DOUBT = (
    2.0  # the cost (colour levels + relative distances) at which it has fallen to 1/e; best on alphamatting27
)


@dataclass(frozen=True, slots=True)
class Evidence:
    alpha: Alpha
    """float32 [h, w], 0..1."""
    weight: Alpha
    """float32 [h, w], 0..TRUST: how far to believe it."""


def sampled(colours: Colours, trimap: NDArray[np.uint8]) -> Evidence | None:
    """None where the window holds no foreground or no background to sample. colours 0..255, trimap
    0/128/255."""
    unknown = trimap == 128
    near = _distance(unknown) <= RING
    front, back = near & (trimap == 255), near & (trimap == 0)
    if not front.any() or not back.any():
        return None
    rows, columns = np.nonzero(unknown)
    number = np.full((trimap.shape[0] + 2, trimap.shape[1] + 2), -1, np.int32)
    number[rows + 1, columns + 1] = np.arange(rows.size)
    places = np.stack([rows, columns], 1).astype(np.float32)
    reach = [np.maximum(_distance(trimap == value)[unknown], np.float32(1)) for value in (255, 0)]
    alpha, cost = _search(
        colours[unknown],
        places,
        number,
        *_pool(colours, front),
        *_pool(colours, back),
        reach[0],
        reach[1],
        SEARCHES,
    )
    evidence = Evidence(np.zeros(trimap.shape, np.float32), np.zeros(trimap.shape, np.float32))
    evidence.alpha[unknown] = alpha
    evidence.weight[unknown] = TRUST * np.exp(-cost / DOUBT)
    return evidence


def _pool(colours: Colours, where: NDArray[np.bool_]) -> tuple[Colours, NDArray[np.float32]]:
    """Colours [n, 3] and places [n, 2] (row, column), darkest first: neighbours in the list look alike."""
    rows, columns = np.nonzero(where)
    values = colours[rows, columns]
    order = np.argsort(values.sum(axis=1), kind="stable")
    return values[order], np.stack([rows, columns], 1)[order].astype(np.float32)


@kernel
def _distance(where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Chamfer distance (1, sqrt 2) to the nearest true pixel, within 8 % of the Euclidean one; 1e6 without
    any."""
    height, width = where.shape
    out = np.empty((height, width), np.float32)
    for turn in range(2):
        for i in range(height):
            y, before = (i, i - 1) if turn == 0 else (height - 1 - i, height - i)
            for k in range(width):
                x, side = (k, -1) if turn == 0 else (width - 1 - k, 1)
                best = np.float32(0 if where[y, x] else 1e6) if turn == 0 else out[y, x]
                if k > 0:
                    best = min(best, out[y, x + side] + np.float32(1))
                if i > 0:
                    best = min(best, out[before, x] + np.float32(1))
                    if x > 0:
                        best = min(best, out[before, x - 1] + np.float32(1.41421356))
                    if x + 1 < width:
                        best = min(best, out[before, x + 1] + np.float32(1.41421356))
                out[y, x] = best
    return out


@kernel
def _random(a, b, c):  # type: ignore[no-untyped-def]
    """0..1 from three integers (the finaliser of splitmix64; Steele, Lea, Flood 2014)."""
    h = (
        np.uint64(a) * np.uint64(0x9E3779B97F4A7C15)
        + np.uint64(b) * np.uint64(0xD1B54A32D192ED03)
        + np.uint64(c)
    )
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return float((h ^ (h >> np.uint64(31))) >> np.uint64(11)) / 9007199254740992.0


@kernel
def _misfit(i, colour, place, fc, fp, f, bc, bp, b, to_front, to_back, limit):  # type: ignore[no-untyped-def]
    """(cost, alpha) of the pair (f, b) for pixel i, eq. 3-5; the distances are left out once `limit` is
    passed."""
    dot = square = np.float32(0)
    for c in range(3):
        d = fc[f, c] - bc[b, c]
        dot += (colour[i, c] - bc[b, c]) * d
        square += d * d
    alpha = min(max(dot / max(square, np.float32(1e-3)), np.float32(0)), np.float32(1))
    error = np.float32(0)
    for c in range(3):
        rest = colour[i, c] - alpha * fc[f, c] - (1 - alpha) * bc[b, c]
        error += rest * rest
    if error >= limit * limit:
        return limit, alpha
    y, x = place[i, 0], place[i, 1]
    cost = np.sqrt(error) + np.sqrt((y - fp[f, 0]) ** 2 + (x - fp[f, 1]) ** 2) / to_front[i]
    return cost + np.sqrt((y - bp[b, 0]) ** 2 + (x - bp[b, 1]) ** 2) / to_back[i], alpha


@kernel
def _search(colour, place, number, fc, fp, bc, bp, to_front, to_back, searches):  # type: ignore[no-untyped-def]
    count, fronts, backs = place.shape[0], fc.shape[0], bc.shape[0]
    front, back = np.empty(count, np.int32), np.empty(count, np.int32)
    alpha, cost = np.empty(count, np.float32), np.empty(count, np.float32)
    for i in range(count):
        front[i], back[i] = int(_random(i, 0, 1) * fronts), int(_random(i, 0, 2) * backs)
        cost[i], alpha[i] = _misfit(
            i, colour, place, fc, fp, front[i], bc, bp, back[i], to_front, to_back, np.float32(1e6)
        )
    for turn in range(searches):
        for k in range(count):
            i = k if turn % 2 == 0 else count - 1 - k
            y, x = int(place[i, 0]) + 1, int(place[i, 1]) + 1
            for visited in range(4):  # those this turn has already visited
                n = visited if turn % 2 == 0 else 8 - visited
                j = number[y + n // 3 - 1, x + n % 3 - 1]
                if j < 0:
                    continue
                value, a = _misfit(
                    i, colour, place, fc, fp, front[j], bc, bp, back[j], to_front, to_back, cost[i]
                )
                if value < cost[i]:
                    cost[i], alpha[i], front[i], back[i] = value, a, front[j], back[j]
            step, draw = 1.0, 0
            while step * max(fronts, backs) > 1.0:
                f = front[i] + int(step * fronts * (2.0 * _random(i, turn + 1, 2 * draw) - 1.0))
                b = back[i] + int(step * backs * (2.0 * _random(i, turn + 1, 2 * draw + 1) - 1.0))
                f, b = min(max(f, 0), fronts - 1), min(max(b, 0), backs - 1)
                value, a = _misfit(i, colour, place, fc, fp, f, bc, bp, b, to_front, to_back, cost[i])
                if value < cost[i]:
                    cost[i], alpha[i], front[i], back[i] = value, a, f, b
                step, draw = step * 0.5, draw + 1
    return alpha, cost
