"""Every kernel compiled before the first job comes."""

import numpy as np
from numpy.typing import NDArray

from app.imaging.types import Picture
from app.matting.options import CutoutOptions
from app.matting.pipeline import make_cutout
from app.segmentation.masks import SoftMask

SIDES = (300, 1100)
"""px: one tile and several, which are arrays of different layouts to numba."""
MASK_SIDE = 256
HAIRY, BINDING = (
    4.0,
    64.0,
)  # logits from the middle to the border: an opinion that is unsure, and a drawn mask


def warm() -> None:
    """Cutouts of a disc, with every step. 1 s; a minute where numba's cache on disk is empty."""
    every_step = CutoutOptions(matting="hair", smooth=3, offset=1, feather=2)
    for side in SIDES:
        picture = Picture(np.where(_disc(side, 1.0) > 0, 200, 50)[:, :, None].repeat(3, 2).astype(np.uint8))
        for steepness in (HAIRY, BINDING):
            mask = SoftMask(_disc(MASK_SIDE, steepness), (MASK_SIDE / side, MASK_SIDE / side))
            make_cutout(picture, mask, (), every_step)


def _disc(side: int, steepness: float) -> NDArray[np.float32]:
    at = np.linspace(-1, 1, side, dtype=np.float32)
    return np.asarray(np.clip(steepness * (0.5 - np.hypot(at[:, None], at)), -32, 32), np.float32)
