"""Step `smooth`: a calmer contour whose corners and thin parts stay."""

from dataclasses import replace

import numpy as np

from app.matting.blur import blurred, reach
from app.matting.distance import signed_distance
from app.matting.tiles import by_windows
from app.matting.types import Draft, Matte, Request

SIGMA_PER_PX = 0.5
KEPT_FROM, KEPT_FULLY = 0.35, 0.6
"""In sigmas of displacement. Blurring moves the tip of a right angle by 0.77 sigma and removes thin parts
altogether, while unevenness that smoothing is asked for moves less than its own height; between the two the
old edge fades in."""


def smooth(request: Request, draft: Draft) -> Draft:
    if request.options.smooth == 0:
        return draft
    return replace(draft, matte=smoothed(draft.matte, request.options.smooth))


def smoothed(matte: Matte, width: float) -> Matte:
    """Contour of the matte after a Gaussian of `width`/2 px, drawn antialiased; 0 changes nothing."""
    sigma = width * SIGMA_PER_PX

    def calm(window: Matte) -> Matte:
        before = signed_distance(window, 2 * sigma + 2)
        after = blurred(before, sigma)
        moved = np.abs(after - before) / np.float32(sigma)
        keep = np.clip((moved - KEPT_FROM) / (KEPT_FULLY - KEPT_FROM), 0, 1)
        edge = keep * before + (1 - keep) * after
        coverage = np.clip(edge + np.float32(0.5), 0, 1)
        return np.asarray(coverage * np.float32(255) + np.float32(0.5)).astype(np.uint8)

    return by_windows(matte, reach(sigma) + 2 * sigma + 2, calm) if width > 0 else matte
