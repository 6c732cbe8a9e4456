"""A coarse alpha made finer by the image: the kernels of guided upsampling.

One step takes alpha known on coarse cells to finer pixels:
1. `regressed`: in each small window alpha is a linear function of colour, alpha = a·I + b (Levin, Lischinski,
Weiss:
   A closed-form solution to natural image matting, PAMI 2008, eq. 5; solved on the coarse cells and applied
   to the
   fine ones as in He, Sun: Fast guided filter, 2015).
2. `applied`: the coefficients, interpolated, meet the fine colours.
3. `stretched`: regression shrinks contrast where cells mix; local class means are moved back to 0 and 1.
4. `corrected`: the mean over each coarse cell is what it was (iterative back-projection; Irani, Peleg 1991).

Arrays: colours float32 [h, w, 3] 0..255, alpha float32 [h, w] 0..1, band uint8 [h, w] (1 = undecided, the
others are
exactly 0 or 1 and stay). Scale s: coarse cells per fine pixel, origins coincide.
"""

import numpy as np
from numpy.typing import NDArray

from app.matting.jit import kernel

Alpha = NDArray[np.float32]
Colours = NDArray[np.float32]
Band = NDArray[np.uint8]
Coefficients = NDArray[np.float32]
"""[h, w, 4]: alpha = c0·r + c1·g + c2·b + c3."""

NOISE = (
    1e-4 * 255.0 * 255.0
)  # variance added to the colours' (levels²): 1/100 of the range is sensor and JPEG noise
STRETCHES = (
    2  # the second one sees means that the first has cleaned; a third changes nothing that can be measured
)
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
    stretches: int = STRETCHES,
) -> Alpha:
    """float32 [h, w] of `fine_colours` from `coarse`, by the four steps above.

    `corrections` 0 lets the image move the edge within the band; 3 pins it to the coarse means to 1/10 of a
    cell.
    `stretches` 0 keeps what is truly half covered, as hair is.
    """
    undecided = band_of(coarse, radius)
    coefficients = averaged(regressed(coarse_colours, coarse, undecided, radius, NOISE), undecided, radius)
    height, width = fine_colours.shape[:2]
    start, band = geometric(coarse, undecided, scale[0], scale[1], height, width)
    fine = applied(coefficients, fine_colours, start, band, scale[0], scale[1])
    reach = max(2, round((radius + 1.5) / max(scale)))
    for _ in range(stretches):
        fine = stretched(fine, start, band, reach, *SURE)
    for _ in range(corrections):
        fine = corrected(fine, coarse, band, scale[0], scale[1])
    return settled(fine)


def settled(alpha: Alpha) -> Alpha:
    """Values within 1/255 of 0 or 1 are that."""
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
def regressed(colours: Colours, alpha: Alpha, band: Band, radius: int, noise: float) -> Coefficients:
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
def averaged(coefficients: Coefficients, band: Band, radius: int) -> Coefficients:
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
    """Lower sample, upper sample and fraction for bilinear interpolation at `at` (samples at whole
    numbers)."""
    at = min(max(at, 0.0), length - 1.0)
    low = int(at)
    return low, min(low + 1, length - 1), np.float32(at - low)


@kernel
def geometric(
    coarse: Alpha, undecided: Band, sx: float, sy: float, height: int, width: int
) -> tuple[Alpha, Band]:
    """(alpha, band) on the fine grid by geometry alone: the 0.5 level of the bilinear surface, one pixel
    wide."""
    rows, columns = coarse.shape
    alpha = np.zeros((height, width), np.float32)
    band = np.zeros((height, width), np.uint8)
    for y in range(height):
        y0, y1, fy = _between((y + 0.5) * sy - 0.5, rows)
        for x in range(width):
            x0, x1, fx = _between((x + 0.5) * sx - 0.5, columns)
            a, b, c, d = coarse[y0, x0], coarse[y0, x1], coarse[y1, x0], coarse[y1, x1]
            if undecided[y0, x0] | undecided[y0, x1] | undecided[y1, x0] | undecided[y1, x1] == 0:
                alpha[y, x] = a
                continue
            band[y, x] = 1
            top, bottom = a + (b - a) * fx, c + (d - c) * fx
            value = top + (bottom - top) * fy
            dx = ((b - a) * (1 - fy) + (d - c) * fy) * sx
            dy = (bottom - top) * sy
            gradient = min(max(np.sqrt(dx * dx + dy * dy), 1e-6), 1.0)
            alpha[y, x] = min(max(0.5 + (value - 0.5) / gradient, 0.0), 1.0)
    return alpha, band


@kernel
def applied(coefficients, colours, start, band, sx, sy):  # type: ignore[no-untyped-def]
    """a·I + b on the band of the fine grid, clamped; `start` elsewhere."""
    rows, columns, _ = coefficients.shape
    height, width = start.shape
    out = start.copy()
    for y in range(height):
        y0, y1, fy = _between((y + 0.5) * sy - 0.5, rows)
        for x in range(width):
            if band[y, x] == 0:
                continue
            x0, x1, fx = _between((x + 0.5) * sx - 0.5, columns)
            value = np.float32(0)
            for k in range(4):
                top = coefficients[y0, x0, k] + (coefficients[y0, x1, k] - coefficients[y0, x0, k]) * fx
                bottom = coefficients[y1, x0, k] + (coefficients[y1, x1, k] - coefficients[y1, x0, k]) * fx
                factor = np.float32(colours[y, x, min(k, 2)]) if k < 3 else np.float32(1)
                value += (top + (bottom - top) * fy) * factor
            out[y, x] = min(max(value, np.float32(0)), np.float32(1))
    return out


@kernel
def stretched(guess: Alpha, start: Alpha, band: Band, reach: int, sure: float, unsure: float) -> Alpha:
    """Local means of the two classes moved to 0 and 1; where they lie closer than `sure`, `start` fades in.

    The class means weigh each pixel by alpha² and (1 - alpha)², so that mixed pixels hardly move them.
    """
    height, width = guess.shape
    out = guess.copy()
    for y in range(height):
        for x in range(width):
            if band[y, x] == 0:
                continue
            ones = up = zeros = down = np.float32(0)
            for j in range(max(y - reach, 0), min(y + reach + 1, height)):
                for i in range(max(x - reach, 0), min(x + reach + 1, width)):
                    a = guess[j, i]
                    w = a * a
                    ones, up = ones + w, up + w * a
                    w = (1 - a) * (1 - a)
                    zeros, down = zeros + w, down + w * a
            high = float(up / ones) if ones > 0.5 else 1.0
            low = float(down / zeros) if zeros > 0.5 else 0.0
            gap = high - low
            trust = min(max((gap - unsure) / (sure - unsure), 0.0), 1.0)
            value = (guess[y, x] - low) / max(gap, 0.15)
            out[y, x] = trust * min(max(value, 0.0), 1.0) + (1 - trust) * start[y, x]
    return out


@kernel
def corrected(fine: Alpha, coarse: Alpha, band: Band, sx: float, sy: float) -> Alpha:
    """What the cell means lack is added back, interpolated, inside the band."""
    lack = cell_means(fine, sx, sy, coarse.shape[0], coarse.shape[1])
    rows, columns = coarse.shape
    for y in range(rows):
        for x in range(columns):
            lack[y, x] = coarse[y, x] - lack[y, x]
    height, width = fine.shape
    out = fine.copy()
    for y in range(height):
        y0, y1, fy = _between((y + 0.5) * sy - 0.5, rows)
        for x in range(width):
            if band[y, x] == 0:
                continue
            x0, x1, fx = _between((x + 0.5) * sx - 0.5, columns)
            top = lack[y0, x0] + (lack[y0, x1] - lack[y0, x0]) * fx
            bottom = lack[y1, x0] + (lack[y1, x1] - lack[y1, x0]) * fx
            out[y, x] = min(max(fine[y, x] + top + (bottom - top) * fy, np.float32(0)), np.float32(1))
    return out


@kernel
def cell_means(fine: Alpha, sx: float, sy: float, rows: int, columns: int) -> Alpha:
    """Exact area means of the fine pixels over each coarse cell; sx, sy ≤ 1."""
    total = np.zeros((rows, columns), np.float32)
    weight = np.zeros((rows, columns), np.float32)
    height, width = fine.shape
    for y in range(height):
        row = min(int(y * sy), rows - 1)
        below = min(max(((y + 1) * sy - (row + 1)) / sy, 0.0), 1.0) if row + 1 < rows else 0.0
        for x in range(width):
            column = min(int(x * sx), columns - 1)
            right = min(max(((x + 1) * sx - (column + 1)) / sx, 0.0), 1.0) if column + 1 < columns else 0.0
            a = fine[y, x]
            for j in range(2):
                wy = below if j else 1.0 - below
                if wy <= 0.0:
                    continue
                for i in range(2):
                    w = np.float32(wy * (right if i else 1.0 - right))
                    if w > 0.0:
                        total[row + j, column + i] += w * a
                        weight[row + j, column + i] += w
    for y in range(rows):
        for x in range(columns):
            total[y, x] /= max(weight[y, x], np.float32(1e-6))
    return total
