"""Step `matting`: hair, fur and blur get the alpha that the picture's colours tell; crisp edges stay as they
are."""

from dataclasses import replace

import numpy as np

from app.matting.mattes import matted
from app.matting.trimap import LIMITS, band, logit_slopes
from app.matting.types import Draft, MattingReport, Request
from app.matting.upsample import is_binding
from app.segmentation.strokes import decided

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
    matte = np.where(trimap == 128, outcome.matte, draft.matte)
    report = MattingReport(
        mode, outcome.tiles, outcome.fallback_tiles, outcome.unknown_pixels, round(edge.hair_share, 3)
    )
    notes = (FALLBACK.format(outcome.fallback_tiles, outcome.tiles),) if outcome.fallback_tiles else ()
    return replace(draft, matte=matte, report=report, notes=draft.notes + notes)
