"""Step `marks`: what the user painted wins over the decoder, inside the stroke and nowhere else."""

from dataclasses import replace

from app.matting.types import Draft, Request
from app.segmentation.strokes import decided


def marks(request: Request, draft: Draft) -> Draft:
    if not request.marks:
        return draft
    wish = decided(request.marks, request.size)
    matte = draft.matte.copy()
    matte[wish > 0] = 255
    matte[wish < 0] = 0
    return replace(draft, matte=matte)
