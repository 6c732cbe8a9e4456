"""Step `crops`: where the mask was decoded from a crop of the image it is finer, and so is the matte.

The whole mask is an opinion of 256 px (`upsample`), in which a strap of half such a pixel is noise. Of a
crop the decoder has said as many: the same upsampling over the crop alone, laid over the whole's matte.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.imaging.types import Box
from app.matting.guided import Alpha
from app.matting.threads import on_all_cores, strips
from app.matting.tiles import area
from app.matting.types import Draft, Matte, Request
from app.matting.upsample import as_decoded, is_binding, part_of, probability, upsampled

BLEND = 2.0  # mask pixels of the crop: by so many a decoder's edge errs, and it saw nothing beyond the border


def crops(request: Request, draft: Draft) -> Draft:
    """Later ones lie over earlier ones. A binding mask is as fine as it was drawn, everywhere."""
    if not request.crops or is_binding(request.mask, request.size):
        return draft
    subject, matte = probability(request.mask, request.size), draft.matte.copy()
    for box in request.crops:
        part, scale = _opinion(subject, request.mask.scale, box)
        fine = upsampled(part, scale, False, np.ascontiguousarray(draft.pixels[area(box)]))
        _lay(fine, box, (BLEND / scale[0], BLEND / scale[1]), matte)
    return replace(draft, matte=matte)


def _opinion(subject: Alpha, scale: tuple[float, float], box: Box) -> tuple[Alpha, tuple[float, float]]:
    """What a decoder said of `box` (ImageSpace): its part of `subject`, and mask pixels per image pixel."""
    origin, ends = box[:2], box[2:]
    sides = [end - start for start, end in zip(origin, ends, strict=True)]
    columns, rows = (max(1, round(n * by)) for n, by in zip(sides, scale, strict=True))
    own = columns / sides[0], rows / sides[1]
    step = scale[0] / own[0], scale[1] / own[1]  # 1 but for the whole number of pixels
    part = part_of(subject, (columns, rows), (origin[0] * scale[0], origin[1] * scale[1]), step)
    return as_decoded(part, own)


def _lay(fine: Matte, box: Box, border: tuple[float, float], matte: Matte) -> None:
    """`fine` over `matte` within `box`, blended over `border` px (x, y) but where the image ends."""
    (x0, y0, x1, y1), (height, width) = box, matte.shape
    across, down = _share(x0, x1, width, border[0]), _share(y0, y1, height, border[1])

    def blend(rows: tuple[int, int]) -> None:
        part = slice(*rows)
        under = matte[y0 + rows[0] : y0 + rows[1], x0:x1]
        share = np.minimum(down[part, None], across)
        under[:] = under + share * (fine[part].astype(np.float32) - under) + np.float32(0.5)

    on_all_cores(blend, strips(y1 - y0))


def _share(start: int, end: int, length: int, border: float) -> NDArray[np.float32]:
    """Of the crop in each pixel of [start, end): rises to 1 over `border` px, and falls, within the image."""
    at = np.arange(start, end, dtype=np.float32) + np.float32(0.5)
    up = (at - start) / np.float32(border) if start > 0 else np.ones_like(at)
    down = (end - at) / np.float32(border) if end < length else np.ones_like(at)
    return np.minimum(np.minimum(up, down), 1)
