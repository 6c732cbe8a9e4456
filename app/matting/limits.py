"""Step `limits`: alpha is 0 outside `roi` and never more than the image's own."""

from dataclasses import replace

import numpy as np

from app.matting.types import Draft, Matte, Request


def limits(request: Request, draft: Draft) -> Draft:
    """After feather, so that no step grows the matte back over the border of `roi`."""
    if request.options.roi is None and request.picture.alpha is None:
        return draft
    matte = draft.matte.copy()
    if request.options.roi is not None:
        _clear_outside(matte, request.options.roi)
    if request.picture.alpha is not None:
        product = matte.astype(np.uint16)
        product *= request.picture.alpha
        matte = ((product + 127) // 255).astype(np.uint8)
    return replace(draft, matte=matte, mixture=draft.mixture if draft.mixture is not None else draft.matte)


def _clear_outside(matte: Matte, roi: tuple[float, float, float, float]) -> None:
    height, width = matte.shape
    x0, x1 = (round(min(max(x, 0), width)) for x in (roi[0], roi[2]))
    y0, y1 = (round(min(max(y, 0), height)) for y in (roi[1], roi[3]))
    matte[:y0], matte[y1:], matte[:, :x0], matte[:, x1:] = 0, 0, 0, 0
