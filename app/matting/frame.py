"""Steps `trim` and `margin`: cut to the content; the box is told in ImageSpace."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.imaging.types import Box
from app.matting.errors import CutoutEmpty, CutoutTooLarge
from app.matting.options import MAX_OUTPUT_PIXELS, MAX_OUTPUT_SIDE
from app.matting.types import Draft, Request

VISIBLE = 8  # of 255: 3 %; a stray pixel that no eye sees must not hold the frame open


def trim(request: Request, draft: Draft) -> Draft:
    """Raises CutoutEmpty when no pixel is visible, trimmed or not: an empty file helps nobody."""
    box = content_box(draft.matte)
    if box is None:
        raise CutoutEmpty("nothing of the subject is left in the cutout")
    x0, y0, x1, y1 = box if request.options.trim else draft.box
    pixels, matte = draft.pixels[y0:y1, x0:x1], draft.matte[y0:y1, x0:x1]
    return replace(draft, pixels=pixels, matte=matte, box=(x0, y0, x1, y1), content_box=box)


def margin(request: Request, draft: Draft) -> Draft:
    """Transparent pixels around; a percentage is of the longer side of the subject."""
    x0, y0, x1, y1 = draft.box
    longer = max(x1 - x0, y1 - y0)
    top, right, bottom, left = (round(length.px(longer)) for length in request.options.margins)
    if not any((top, right, bottom, left)):
        return draft
    box = (x0 - left, y0 - top, x1 + right, y1 + bottom)
    check_size(box[2] - box[0], box[3] - box[1])
    around = ((top, bottom), (left, right))
    pixels = np.pad(draft.pixels, (*around, (0, 0)))
    return replace(draft, pixels=pixels, matte=np.pad(draft.matte, around), box=box)


def content_box(matte: NDArray[np.uint8], threshold: int = VISIBLE) -> Box | None:
    """Smallest box around alpha ≥ threshold, or None. uint8 [h, w]."""
    rows = np.flatnonzero(matte.max(axis=1) >= threshold)
    if rows.size == 0:
        return None
    columns = np.flatnonzero(matte[rows[0] : rows[-1] + 1].max(axis=0) >= threshold)
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def check_size(width: int, height: int) -> None:
    if max(width, height) > MAX_OUTPUT_SIDE or width * height > MAX_OUTPUT_PIXELS:
        raise CutoutTooLarge(
            f"the options ask for {width} x {height} px, more than {MAX_OUTPUT_PIXELS // 10**6} megapixels"
        )
