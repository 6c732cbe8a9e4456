"""Step `feather`: a soft edge, `feather` px to either side."""

from dataclasses import replace

import numpy as np

from app.matting.blur import blurred, reach
from app.matting.tiles import by_windows
from app.matting.types import Draft, Matte, Request

SIGMA_PER_PX = 0.5  # a Gaussian's edge runs from 2 % to 98 % within ±2 sigma: the width that was asked for


def feather(request: Request, draft: Draft) -> Draft:
    if request.options.feather == 0:
        return draft
    return replace(draft, matte=feathered(draft.matte, request.options.feather), mixture=draft.matte)


def feathered(matte: Matte, width: float) -> Matte:
    """Gaussian blur of the matte; symmetric about the 0.5 level. `width` in px, 0 changes nothing."""
    sigma = width * SIGMA_PER_PX

    def soften(window: Matte) -> Matte:
        return (blurred(window, sigma) + np.float32(0.5)).astype(np.uint8)

    return by_windows(matte, reach(sigma), soften) if width > 0 else matte
