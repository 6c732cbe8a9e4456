"""Step `upsample`: decoder logits → a full-resolution matte whose edge is the image's own.

1. The mask's probability meets the image on a grid of 2^k-pixel cells, about half a mask pixel wide
   (`on_grid`). A mask that was made by averaging a finer one is binding: its partial values are areas. A
   decoder's mask is an opinion that errs by a mask pixel, so there the image's edges win in three rounds over
   wider windows, each weighed against what the decoder said (`agreed`).
2. From there each tile that holds an edge is halved cell by cell to single pixels (`refined`).
Only cells around the edge are touched; the rest is exactly 0 or 255.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import label

from app.imaging.types import Box
from app.matting.blocks import block_means
from app.matting.errors import MaskInvalid
from app.matting.guided import Alpha, Colours, cell_means, finer, settled
from app.matting.threads import on_all_cores, strips
from app.matting.tiles import area, grown, inner
from app.matting.types import Draft, Matte, Pixels, Request
from app.segmentation.masks import LOGIT_LIMIT, FloatImage, SoftMask

FINE = 0.8  # mask pixels per image pixel; from here on the mask is as fine as the matte and p is the coverage
MARGIN = 4  # mask rows around a strip: the linear filter's support at up to 3 mask pixels per image pixel
TILE = 256  # px; with its surroundings 3.5 MB of working arrays, in reach of a core's cache
HALO = 3  # grid cells around a tile: one for the window, one for its mean, one for interpolation
OPINION_ROUNDS = 3  # of 1..4 the best boundary F on `lite` masks of product photos; more only adds specks
OPINION_RADIUS = 3  # mask pixels: the decoder's edge errs by up to two
OPINION_TRUST = 0.5  # 0.35 to 1 differ little; 0 has twice the wrong pixels away from the edge (84 photos)
SPECK = 6  # grid cells, each at least half a mask pixel wide
DOUBT = 0.005  # the least that either may leave to the other; below 0.002 a settled value could not be moved
FLAT_SHARE = 0.5  # of the mask within 1 % of its extremes: averaged masks have over 0.9
STRETCHES = 2  # from mask pixels to grid cells; later steps halve the cells and one is enough
NATIVE_SIDE = 256  # a decoder's own resolution (DESIGN §3); larger soft masks are its logits interpolated
EDGE_WIDTH = (
    2.0  # mask pixels from 2 % to 98 %: an averaged mask has 0.9 to 1.5, a decoder's 8-bit file 2.1 and more
)


def upsample(request: Request) -> Draft:
    """The first draft. Raises MaskInvalid."""
    width, height = request.size
    subject, scale, binding = evidence(request.mask, request.size)
    if binding and max(scale) >= FINE:
        matte = as_fine(request.mask, request.size)
    else:
        matte = upsampled(subject, scale, binding, request.picture.pixels)
    return Draft(request.picture.pixels, matte, box=(0, 0, width, height))


def evidence(mask: SoftMask, size: tuple[int, int]) -> tuple[Alpha, tuple[float, float], bool]:
    """(probability, scale as in SoftMask, is it binding?) of the mask over an image of `size` (width,
    height).

    A binding mask was drawn, or made smaller from a finer one: it is flat away from its edge and passes from
    0 to 1 within two of its pixels. A decoder's can look so too, and says that it is none."""
    subject, binding = probability(mask, size), is_binding(mask, size)
    if binding:
        return subject, mask.scale, True
    return *as_decoded(subject, mask.scale), False


def as_decoded(subject: Alpha, scale: tuple[float, float]) -> tuple[Alpha, tuple[float, float]]:
    """An opinion's probability and its scale, halved down to about the decoder's own resolution."""
    # it is no coverage, however fine the file: on a small image it would make a ghost
    while max(subject.shape) >= 2 * NATIVE_SIDE or max(scale) >= FINE:
        subject, scale = block_means(subject, 2), (scale[0] / 2, scale[1] / 2)
    return subject, scale


def probability(mask: SoftMask, size: tuple[int, int]) -> Alpha:
    """float32 [h, w] in 0..1 of the mask's pixels over an image of `size` (width, height). Raises
    MaskInvalid."""
    return _sigmoid(_inside(mask, size))


def is_binding(mask: SoftMask, size: tuple[int, int]) -> bool:
    """Raises MaskInvalid."""
    if mask.decoded:
        return False
    logits = _inside(mask, size)
    low, high = float(logits.min()), float(logits.max())
    flat = np.minimum(logits - low, high - logits) <= 0.01 * (high - low)
    return float(flat.mean()) >= FLAT_SHARE and _edge_width(_sigmoid(logits)) <= EDGE_WIDTH


def _inside(mask: SoftMask, size: tuple[int, int]) -> FloatImage:
    """The logits that lie over the image, without padding, clamped as SAM does. Raises MaskInvalid."""
    if mask.logits.ndim != 2 or mask.logits.size == 0 or min(mask.scale) <= 0:
        raise MaskInvalid("the mask has no pixels")
    columns, rows = (max(1, math.ceil(n * scale - 1e-6)) for n, scale in zip(size, mask.scale, strict=True))
    inside = mask.logits[:rows, :columns]
    if np.isnan(inside).any():
        raise MaskInvalid("the mask holds values that are not numbers")
    clamped: FloatImage = np.clip(inside, -LOGIT_LIMIT, LOGIT_LIMIT, dtype=np.float32)
    return clamped


def _sigmoid(logits: FloatImage) -> Alpha:
    return settled((1.0 / (1.0 + np.exp(-logits))).astype(np.float32))


def _edge_width(subject: Alpha) -> float:
    """Mask pixels between 2 % and 98 % for each pixel of the contour's length."""
    inside = subject > 0.5
    length = np.count_nonzero(inside[1:] != inside[:-1]) + np.count_nonzero(inside[:, 1:] != inside[:, :-1])
    return float(np.count_nonzero((subject > 0.02) & (subject < 0.98))) / max(int(length), 1)


def upsampled(subject: Alpha, scale: tuple[float, float], binding: bool, pixels: Pixels) -> Matte:
    """uint8 [h, w] over `pixels` from `subject` float32 in 0..1; `scale` as in SoftMask."""
    level = max(0, math.floor(math.log2(2 / (3 * max(scale)))))
    colours = block_means(pixels, 1 << level)
    alpha = on_grid(subject, colours, (scale[0] * (1 << level), scale[1] * (1 << level)), binding)
    if level == 0:
        return _to_matte(alpha)
    return _from_grid(alpha, colours, pixels, level)


def on_grid(subject: Alpha, colours: Colours, scale: tuple[float, float], binding: bool) -> Alpha:
    """float32 [h, w] of `colours`; `scale`: mask pixels per grid cell."""
    rows, columns = subject.shape
    channels = (
        cell_means(np.ascontiguousarray(colours[:, :, c]), scale[0], scale[1], rows, columns)
        for c in range(3)
    )
    coarse = np.dstack(list(channels))
    if binding:
        return finer(subject, coarse, colours, scale, stretches=STRETCHES)
    opinion = part_of(subject, (colours.shape[1], colours.shape[0]), (0, 0), scale)
    for last in (False,) * (OPINION_ROUNDS - 1) + (True,):
        alpha = finer(
            subject, coarse, colours, scale, radius=OPINION_RADIUS, corrections=0, stretches=STRETCHES
        )
        alpha = agreed(alpha, opinion)
        if not last:
            subject = settled(cell_means(alpha, scale[0], scale[1], rows, columns))
    return without_specks(alpha)


def without_specks(alpha: Alpha) -> Alpha:
    """Parts and holes of fewer than SPECK cells are gone: a decoder's mask knows nothing so small."""
    out = alpha.copy()
    for inside, filling in ((alpha > 0.5, 0), (alpha <= 0.5, 1)):
        parts, _ = label(inside, np.ones((3, 3)))
        small = np.bincount(parts.ravel()) < SPECK
        small[0] = False  # what is not a part
        out[small[parts]] = filling
    return out


def agreed(alpha: Alpha, opinion: Alpha) -> Alpha:
    """The odds of both multiplied, the opinion's to the power OPINION_TRUST.

    Colour alone finds the subject wherever the backdrop has its colours: streaks beside the edge, holes in
    it. Far from its edge the decoder is sure, at its edge it is not, and there the image decides.
    """
    image, decoder = (np.clip(value, DOUBT, 1 - DOUBT) for value in (alpha, opinion))
    odds = image / (1 - image) * (decoder / (1 - decoder)) ** np.float32(OPINION_TRUST)
    return settled((odds / (1 + odds)).astype(np.float32))


def _from_grid(alpha: Alpha, colours: Colours, pixels: Pixels, level: int) -> Matte:
    """The grid's decided cells blown up, its edge cells refined tile by tile."""
    height, width = pixels.shape[:2]
    side = 1 << level
    out = np.empty((height, width), np.uint8)
    tile = max(1, TILE >> level)

    def fill(box: Box) -> None:
        rows, columns = (
            slice(box[i] * side, min(box[i + 2] * side, n)) for i, n in ((1, height), (0, width))
        )
        window = grown(box, HALO, alpha.shape)
        values = alpha[area(window)]
        if values.min() == values.max() and values[0, 0] in (0.0, 1.0):
            out[rows, columns] = np.uint8(255 * values[0, 0])
            return
        x0, y0, x1, y1 = (edge * side for edge in window)
        fine = refined(np.ascontiguousarray(values), colours[area(window)], pixels[y0:y1, x0:x1], level)
        place = inner((box[0] * side, box[1] * side, columns.stop, rows.stop), (x0, y0, x1, y1))
        out[rows, columns] = _to_matte(fine[place])

    grid = [
        (x, y, min(x + tile, alpha.shape[1]), min(y + tile, alpha.shape[0]))
        for y in range(0, alpha.shape[0], tile)
        for x in range(0, alpha.shape[1], tile)
    ]
    on_all_cores(fill, grid)
    return out


def refined(alpha: Alpha, colours: Colours, pixels: Pixels, level: int) -> Alpha:
    """float32 [h, w] of `pixels` from `alpha` and `colours` on cells of 2^level pixels."""
    pyramid: list[NDArray[np.generic]] = [pixels]
    for _ in range(level - 1):
        pyramid.append(block_means(pyramid[-1], 2))
    for fine in reversed(pyramid):
        alpha = finer(alpha, colours, fine, (0.5, 0.5))
        colours = fine
    return alpha


def as_fine(mask: SoftMask, size: tuple[int, int]) -> Matte:
    """A mask with about the image's own pixels: its probability is the coverage, resampled linearly, strip by
    strip."""
    width, height = size
    logits, (sx, sy) = _inside(mask, size), mask.scale
    out = np.empty((height, width), np.uint8)

    def fill(rows: tuple[int, int]) -> None:
        first = max(0, int(rows[0] * sy) - MARGIN)
        part = _sigmoid(logits[first : math.ceil(rows[1] * sy) + MARGIN])
        part = part_of(part, (width, rows[1] - rows[0]), (0, rows[0] * sy - first), (sx, sy))
        out[slice(*rows)] = _to_matte(part)

    on_all_cores(fill, strips(height))
    return out


def part_of(
    mask: Alpha, size: tuple[int, int], origin: tuple[float, float], scale: tuple[float, float]
) -> Alpha:
    """float32 [h, w] of `size` (width, height), linear; `origin` in mask pixels, `scale` as in SoftMask."""
    right, bottom = (
        min(start + n * step, limit)
        for start, n, step, limit in zip(origin, size, scale, mask.shape[::-1], strict=True)
    )
    box = (*origin, right, bottom)
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.BILINEAR, box))


def _to_matte(alpha: NDArray[np.float32]) -> Matte:
    return (alpha * np.float32(255) + np.float32(0.5)).astype(np.uint8)
