"""A coarse alpha made finer by the image: the kernels of guided upsampling.

One step takes alpha known on coarse cells to finer pixels:
1. `regressed`, `averaged`: in each small window alpha is a linear function of colour, alpha = a·I + b (Levin,
   Lischinski, Weiss: A closed-form solution to natural image matting, PAMI 2008, eq. 5), solved on the coarse
   cells as in He, Sun: Fast guided filter, 2015.
2. `applied`: the coefficients, interpolated, meet the fine colours.
3. `stretched`: regression shrinks contrast where cells mix; local class means are moved back to 0 and 1.
4. `corrected`: the mean over each coarse cell is what it was (iterative back-projection; Irani, Peleg 1991).

Arrays: colours [h, w, 3] 0..255, alpha float32 [h, w] 0..1, band uint8 [h, w] (1 = undecided; the others are
exactly 0 or 1 and stay), places int32 [n, 2] (row, column) of the undecided fine pixels. Scale: coarse cells
per fine pixel (x, y), at most 1; the origins coincide.
"""

import numpy as np
from numpy.typing import NDArray

from app.matting.jit import kernel

Alpha = NDArray[np.float32]
Colours = NDArray[np.float32]
Band = NDArray[np.uint8]

NOISE = 6.5  # levels² added to the colours' variance: 1 % of the range is sensor and JPEG noise
SURE = 0.5, 0.2
"""Distance between the class means above which colour decides alone and below which it has no say."""


def finer(
    coarse: Alpha,
    coarse_colours: NDArray[np.generic],
    fine_colours: NDArray[np.generic],
    scale: tuple[float, float],
    *,
    radius: int = 1,
    corrections: int = 3,
    stretches: int = 1,
) -> Alpha:
    """float32 [h, w] of `fine_colours` from `coarse`, by the four steps above.

    `corrections` 0 lets the image move the edge within the band; 3 pins it to the coarse means to 1/10 of a
    cell. `stretches` 0 keeps what is truly half covered, as hair is; a second one helps where the fine
    pixels are much smaller than the cells.
    """
    undecided = band_of(coarse, radius)
    windows = regressed(coarse_colours, coarse, undecided, radius, NOISE)
    height, width = fine_colours.shape[:2]
    alpha, places = _spread(coarse, undecided, scale[0], scale[1], height, width)
    start = _geometric(coarse, places, scale[0], scale[1])
    coefficients = averaged(windows, undecided, radius)
    _applied(coefficients, fine_colours, alpha, places, scale[0], scale[1])
    reach = max(2, round((radius + 1.5) / max(scale)))
    for _ in range(stretches):
        _stretched(alpha, places, start, reach)
    for _ in range(corrections):
        _corrected(alpha, coarse, undecided, places, scale[0], scale[1])
    return settled(alpha)


def settled(alpha: Alpha) -> Alpha:
    """Values within 1/255 of 0 or 1 are that, in place."""
    alpha[alpha < 1 / 255] = 0
    alpha[alpha > 254 / 255] = 1
    return alpha


@kernel
def band_of(alpha: Alpha, reach: int) -> Band:
    """1 where any value within `reach` cells is neither 0 nor 1, or differs from the cell's own."""
    height, width = alpha.shape
    out = np.zeros((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            own = alpha[y, x]
            mixed = own not in (0.0, 1.0)
            for j in range(max(y - reach, 0), min(y + reach + 1, height)):
                for i in range(max(x - reach, 0), min(x + reach + 1, width)):
                    mixed = mixed or alpha[j, i] != own
            out[y, x] = mixed
    return out


@kernel
def regressed(colours: Colours, alpha: Alpha, band: Band, radius: int, noise: float) -> NDArray[np.float32]:
    """Ridge regression of alpha on colour in the (2·radius+1)² window of each cell of the band."""
    height, width = alpha.shape
    out = np.zeros((height, width, 4), np.float32)
    for y in range(height):
        for x in range(width):
            out[y, x, 3] = alpha[y, x]
            if band[y, x] == 0:
                continue
            m0 = m1 = m2 = ma = 0.0
            s00 = s01 = s02 = s11 = s12 = s22 = c0 = c1 = c2 = 0.0
            y0, y1 = max(y - radius, 0), min(y + radius + 1, height)
            x0, x1 = max(x - radius, 0), min(x + radius + 1, width)
            for j in range(y0, y1):
                for i in range(x0, x1):
                    r, g, b = float(colours[j, i, 0]), float(colours[j, i, 1]), float(colours[j, i, 2])
                    a = float(alpha[j, i])
                    m0, m1, m2, ma = m0 + r, m1 + g, m2 + b, ma + a
                    s00, s01, s02 = s00 + r * r, s01 + r * g, s02 + r * b
                    s11, s12, s22 = s11 + g * g, s12 + g * b, s22 + b * b
                    c0, c1, c2 = c0 + r * a, c1 + g * a, c2 + b * a
            n = 1.0 / ((y1 - y0) * (x1 - x0))
            m0, m1, m2, ma = m0 * n, m1 * n, m2 * n, ma * n
            s00, s01, s02 = s00 * n - m0 * m0 + noise, s01 * n - m0 * m1, s02 * n - m0 * m2
            s11, s12, s22 = s11 * n - m1 * m1 + noise, s12 * n - m1 * m2, s22 * n - m2 * m2 + noise
            c0, c1, c2 = c0 * n - m0 * ma, c1 * n - m1 * ma, c2 * n - m2 * ma
            i00, i01, i02 = s11 * s22 - s12 * s12, s02 * s12 - s01 * s22, s01 * s12 - s02 * s11
            i11, i12, i22 = s00 * s22 - s02 * s02, s02 * s01 - s00 * s12, s00 * s11 - s01 * s01
            d = 1.0 / (s00 * i00 + s01 * i01 + s02 * i02)
            a0 = (i00 * c0 + i01 * c1 + i02 * c2) * d
            a1 = (i01 * c0 + i11 * c1 + i12 * c2) * d
            a2 = (i02 * c0 + i12 * c1 + i22 * c2) * d
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = a0, a1, a2
            out[y, x, 3] = ma - a0 * m0 - a1 * m1 - a2 * m2
    return out


@kernel
def averaged(coefficients: NDArray[np.float32], band: Band, radius: int) -> NDArray[np.float32]:
    """Mean over all windows that hold the cell."""
    height, width, _ = coefficients.shape
    out = coefficients.copy()
    for y in range(height):
        for x in range(width):
            if band[y, x] == 0:
                continue
            y0, y1 = max(y - radius, 0), min(y + radius + 1, height)
            x0, x1 = max(x - radius, 0), min(x + radius + 1, width)
            share = np.float32(1.0 / ((y1 - y0) * (x1 - x0)))
            for k in range(4):
                total = np.float32(0)
                for j in range(y0, y1):
                    for i in range(x0, x1):
                        total += coefficients[j, i, k]
                out[y, x, k] = total * share
    return out


@kernel
def _between(at, length):  # type: ignore[no-untyped-def]
    """Lower sample, upper sample and fraction for linear interpolation at `at`; samples at whole numbers."""
    at = min(max(at, 0.0), length - 1.0)
    low = int(at)
    return low, min(low + 1, length - 1), np.float32(at - low)


@kernel
def _spread(coarse, undecided, sx, sy, height, width):  # type: ignore[no-untyped-def]
    """(alpha with the decided cells' values, places that interpolate at least one undecided cell)."""
    rows, columns = coarse.shape
    left, right = np.empty(width, np.int32), np.empty(width, np.int32)
    for x in range(width):
        left[x], right[x], _ = _between((x + 0.5) * sx - 0.5, columns)
    alpha = np.empty((height, width), np.float32)
    count = 0
    for y in range(height):
        y0, y1, _ = _between((y + 0.5) * sy - 0.5, rows)
        above, below, values, line = undecided[y0], undecided[y1], coarse[y0], alpha[y]
        for x in range(width):
            line[x] = values[left[x]]
            count += (above[left[x]] | above[right[x]] | below[left[x]] | below[right[x]]) != 0
    places = np.empty((count, 2), np.int32)
    count = 0
    for y in range(height):
        y0, y1, _ = _between((y + 0.5) * sy - 0.5, rows)
        above, below = undecided[y0], undecided[y1]
        for x in range(width):
            if (above[left[x]] | above[right[x]] | below[left[x]] | below[right[x]]) != 0:
                places[count, 0], places[count, 1] = y, x
                count += 1
    return alpha, places


@kernel
def _geometric(coarse, places, sx, sy):  # type: ignore[no-untyped-def]
    """float32 [n]: alpha by geometry alone, the 0.5 level of the bilinear surface drawn one pixel wide."""
    rows, columns = coarse.shape
    out = np.empty(places.shape[0], np.float32)
    for n in range(places.shape[0]):
        y0, y1, fy = _between((places[n, 0] + 0.5) * sy - 0.5, rows)
        x0, x1, fx = _between((places[n, 1] + 0.5) * sx - 0.5, columns)
        a, b, c, d = coarse[y0, x0], coarse[y0, x1], coarse[y1, x0], coarse[y1, x1]
        top, bottom = a + (b - a) * fx, c + (d - c) * fx
        dx, dy = ((b - a) * (1 - fy) + (d - c) * fy) * sx, (bottom - top) * sy
        gradient = min(max(np.sqrt(dx * dx + dy * dy), 1e-6), 1.0)
        out[n] = min(max(0.5 + (top + (bottom - top) * fy - 0.5) / gradient, 0.0), 1.0)
    return out


@kernel
def _applied(coefficients, colours, alpha, places, sx, sy):  # type: ignore[no-untyped-def]
    """a·I + b, clamped, into the places of `alpha`."""
    rows, columns, _ = coefficients.shape
    for n in range(places.shape[0]):
        y, x = places[n, 0], places[n, 1]
        y0, y1, fy = _between((y + 0.5) * sy - 0.5, rows)
        x0, x1, fx = _between((x + 0.5) * sx - 0.5, columns)
        value = np.float32(0)
        for k in range(4):
            top = coefficients[y0, x0, k] + (coefficients[y0, x1, k] - coefficients[y0, x0, k]) * fx
            bottom = coefficients[y1, x0, k] + (coefficients[y1, x1, k] - coefficients[y1, x0, k]) * fx
            factor = np.float32(colours[y, x, k]) if k < 3 else np.float32(1)
            value += (top + (bottom - top) * fy) * factor
        alpha[y, x] = min(max(value, np.float32(0)), np.float32(1))


@kernel
def _unit(value: float) -> float:
    """Clamped to 0..1."""
    return min(max(value, 0.0), 1.0)


@kernel
def _added(columns, line, sign):  # type: ignore[no-untyped-def]
    """First, second and third powers of a row onto the sums of its columns."""
    for x in range(line.size):
        a = float(line[x])
        columns[x, 0] += sign * a
        columns[x, 1] += sign * a * a
        columns[x, 2] += sign * a * a * a


@kernel
def _stretched(alpha, places, start, reach):  # type: ignore[no-untyped-def]
    """Local means of the two classes moved to 0 and 1; where they lie close together `start` takes over.

    The class means weigh each pixel by alpha² and (1 - alpha)², so that mixed pixels hardly move them.
    """
    height, width = alpha.shape
    out = np.empty(places.shape[0], np.float32)
    columns, top, bottom = (
        np.zeros((width, 3)),
        0,
        0,
    )  # sums over rows top to bottom, moved down with the places
    for n in range(places.shape[0]):
        y, x = places[n, 0], places[n, 1]
        own = alpha[y, x]
        if own in (0.0, 1.0) and own == start[n]:
            out[n] = own  # nothing below can move it
            continue
        while bottom < min(y + reach + 1, height):
            _added(columns, alpha[bottom], 1.0)
            bottom += 1
        while top < y - reach:
            _added(columns, alpha[top], -1.0)
            top += 1
        left, right = max(x - reach, 0), min(x + reach + 1, width)
        count, total, squares, cubes = (bottom - top) * (right - left), 0.0, 0.0, 0.0
        for i in range(left, right):
            total, squares, cubes = total + columns[i, 0], squares + columns[i, 1], cubes + columns[i, 2]
        zeros = count - 2 * total + squares  # sum of (1 - a)²
        high = cubes / squares if squares > 0.5 else 1.0
        low = (total - 2 * squares + cubes) / zeros if zeros > 0.5 else 0.0
        gap = high - low
        trust = _unit((gap - SURE[1]) / (SURE[0] - SURE[1]))
        out[n] = trust * _unit((own - low) / max(gap, 0.15)) + (1 - trust) * start[n]
    for n in range(places.shape[0]):
        alpha[places[n, 0], places[n, 1]] = out[n]


@kernel
def _corrected(alpha, coarse, undecided, places, sx, sy):  # type: ignore[no-untyped-def]
    """What the means of the undecided cells lack is added to the places, interpolated."""
    rows, columns = coarse.shape
    lack = np.zeros((rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            if undecided[row, column]:
                lack[row, column] = coarse[row, column] - _cell_mean(alpha, row, column, sx, sy)
    for n in range(places.shape[0]):
        y, x = places[n, 0], places[n, 1]
        y0, y1, fy = _between((y + 0.5) * sy - 0.5, rows)
        x0, x1, fx = _between((x + 0.5) * sx - 0.5, columns)
        top = lack[y0, x0] + (lack[y0, x1] - lack[y0, x0]) * fx
        bottom = lack[y1, x0] + (lack[y1, x1] - lack[y1, x0]) * fx
        alpha[y, x] = min(max(alpha[y, x] + top + (bottom - top) * fy, np.float32(0)), np.float32(1))


@kernel
def _cell_mean(fine, row, column, sx, sy):  # type: ignore[no-untyped-def]
    """Mean of `fine` over the cell, pixels weighed by the part of them that lies in it."""
    height, width = fine.shape
    top, bottom = row / sy, min((row + 1) / sy, float(height))
    left, right = column / sx, min((column + 1) / sx, float(width))
    total = weight = 0.0
    for y in range(int(top), min(int(np.ceil(bottom)), height)):
        wy = min(y + 1.0, bottom) - max(float(y), top)
        for x in range(int(left), min(int(np.ceil(right)), width)):
            w = wy * (min(x + 1.0, right) - max(float(x), left))
            total += w * fine[y, x]
            weight += w
    return np.float32(total / max(weight, 1e-9))


@kernel
def cell_means(fine: Alpha, sx: float, sy: float, rows: int, columns: int) -> Alpha:
    """float32 [rows, columns]: area means of the fine pixels over each coarse cell."""
    out = np.empty((rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            out[row, column] = _cell_mean(fine, row, column, sx, sy)
    return out
