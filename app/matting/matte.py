"""Step `matting`: hair, fur and blur get the alpha that the picture's colours tell; crisp edges stay as they
are."""

from dataclasses import replace

import numpy as np

from app.matting.blur import blurred, reach
from app.matting.closed_form import UNKNOWN
from app.matting.mattes import matted
from app.matting.tiles import by_windows
from app.matting.trimap import LIMITS, Band, band, logit_slopes
from app.matting.types import Draft, Matte, MattingReport, Request
from app.matting.upsample import is_binding
from app.segmentation.strokes import decided

CALM, STEEPER = 0.7, 2.5
"""px of blur, then contrast about the middle. On products with true alpha: boundary F 0.871 instead of 0.862,
and a hard edge is neither ragged nor speckled; more of either melts thin parts."""
FALLBACK = "matting: {0} of {1} tiles found no solution and keep the mask's edge"


def matting(request: Request, draft: Draft) -> Draft:
    """`auto` leaves edges that are lines as they are, `hair` takes none for a line, `off` takes all for
    one."""
    mode = request.options.matting
    if mode == "off":
        return draft
    slopes = None if is_binding(request.mask, request.size) else logit_slopes(request.mask, request.size)
    edge = band(draft.pixels, draft.matte, slopes, LIMITS[mode])
    if edge is None:
        return replace(draft, report=MattingReport(mode))
    trimap = edge.trimap
    if request.marks:
        wish = decided(request.marks, request.size)
        trimap[wish > 0] = 255
        trimap[wish < 0] = 0
    outcome = matted(draft.pixels, trimap, draft.matte)
    matte = np.where(trimap == UNKNOWN, crisp(outcome.matte, edge), draft.matte)
    report = MattingReport(
        mode, outcome.tiles, outcome.fallback_tiles, outcome.unknown_pixels, round(edge.hair_share, 3)
    )
    notes = (FALLBACK.format(outcome.fallback_tiles, outcome.tiles),) if outcome.fallback_tiles else ()
    return replace(draft, matte=matte, report=report, notes=draft.notes + notes)


def crisp(matte: Matte, edge: Band) -> Matte:
    """A doubtful edge that is not hair is a line: matting says where it lies, and it is drawn sharply."""

    def sharpen(window: Matte) -> Matte:
        steep = (blurred(window, CALM) - np.float32(127.5)) * np.float32(STEEPER) + np.float32(127.5)
        return np.asarray(np.clip(steep, 0, 255), np.uint8)

    out = by_windows(matte, reach(CALM), sharpen)
    for rows, hair in edge.rows():
        np.copyto(out[rows], matte[rows], where=hair)
    return out
