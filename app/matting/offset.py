"""Step `offset`: the edge moved outward (positive) or inward, to a fraction of a pixel."""

from dataclasses import replace

import numpy as np

from app.matting.distance import signed_distance
from app.matting.tiles import by_windows
from app.matting.types import Draft, Matte, Request


def offset(request: Request, draft: Draft) -> Draft:
    if request.options.offset == 0:
        return draft
    return replace(draft, matte=moved(draft.matte, request.options.offset))


def moved(matte: Matte, px: float) -> Matte:
    """Every edge `px` along its normal; never shrinks with a larger `px`; moved(255 - m, -px) = 255 -
    moved(m, px)."""

    def move(window: Matte) -> Matte:
        coverage = np.clip(signed_distance(window, abs(px) + 2) + np.float32(0.5 + px), 0, 1)
        return np.asarray(coverage * np.float32(255) + np.float32(0.5)).astype(np.uint8)

    return by_windows(matte, abs(px) + 2, move) if px else matte
