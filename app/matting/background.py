"""Step `background`: a colour or a picture under the cutout."""

from dataclasses import replace

import numpy as np

from app.imaging.types import Picture
from app.matting.resize import resized_pixels
from app.matting.threads import on_all_cores, strips
from app.matting.types import Draft, Matte, Pixels, Request


def background(request: Request, draft: Draft) -> Draft:
    height, width = draft.matte.shape
    if request.background is not None:
        under = _covering(request.background, (width, height))
        return replace(
            draft, pixels=over(draft.pixels, draft.matte, under), matte=np.full_like(draft.matte, 255)
        )
    colour = request.options.background_colour
    if colour is None or colour.alpha == 0:
        return draft
    under = np.broadcast_to(np.array(colour[:3], np.uint8), draft.pixels.shape)
    if colour.alpha == 255:
        return replace(
            draft, pixels=over(draft.pixels, draft.matte, under), matte=np.full_like(draft.matte, 255)
        )
    alpha = draft.matte + (255 - draft.matte.astype(np.uint16)) * colour.alpha // 255
    share = (draft.matte.astype(np.float32) * 255 / np.maximum(alpha, 1) + 0.5).astype(np.uint8)
    return replace(draft, pixels=over(draft.pixels, share, under), matte=alpha.astype(np.uint8))


def over(pixels: Pixels, matte: Matte, under: Pixels) -> Pixels:
    """matte·pixels + (1 - matte)·under, rounded, strip by strip.

    On the stored (gamma) values: our mattes are measured on those. In linear light the error of hair on a
    new backdrop is larger, 3.5 levels instead of 3.2 (benchmarks/light.py).
    """
    out = np.empty_like(pixels)

    def blend(rows: tuple[int, int]) -> None:
        part = slice(*rows)
        share = matte[part, :, None].astype(np.uint16)
        mixed = share * pixels[part] + (255 - share) * under[part] + np.uint16(127)
        out[part] = (mixed // 255).astype(np.uint8)

    on_all_cores(blend, strips(pixels.shape[0]))
    return out


def _covering(picture: Picture, size: tuple[int, int]) -> Pixels:
    """The middle of `picture`, scaled to cover `size` (width, height); its own transparency shows white."""
    pixels = picture.pixels
    if picture.alpha is not None:
        pixels = over(pixels, picture.alpha, np.broadcast_to(np.uint8(255), pixels.shape))
    height, width = pixels.shape[:2]
    ratio = max(size[0] / width, size[1] / height)
    across, down = min(width, max(1, round(size[0] / ratio))), min(height, max(1, round(size[1] / ratio)))
    x, y = (width - across) // 2, (height - down) // 2
    return resized_pixels(pixels[y : y + down, x : x + across], size)
