"""Every kernel compiled before the first job comes."""

import numpy as np
from numpy.typing import NDArray

from app.imaging.types import Picture
from app.matting.options import CutoutOptions
from app.matting.pipeline import make_cutout
from app.segmentation.masks import SoftMask

SIDES = (300, 1500)
"""px: one tile and several, which are arrays of different layouts to numba."""
MASK_SIDE = 256
HAIRY, BINDING = (
    4.0,
    64.0,
)  # logits from the middle to the border: an opinion that is unsure, and a drawn mask


def warm() -> None:
    """Cutouts of a disc in noise, with every step. 1 s; a minute where numba's cache on disk is empty."""
    for side in SIDES:
        pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
        for steepness in (HAIRY, BINDING):
            mask = SoftMask(_disc(steepness), (MASK_SIDE / side, MASK_SIDE / side))
            for options in (
                CutoutOptions(),
                CutoutOptions(matting="hair", smooth=3, offset=1, feather=2),
            ):
                make_cutout(Picture(pixels, None, None), mask, (), options)


def _disc(steepness: float) -> NDArray[np.float32]:
    at = np.linspace(-1, 1, MASK_SIDE, dtype=np.float32)
    return np.asarray(np.clip(steepness * (0.5 - np.hypot(at[:, None], at)), -32, 32), np.float32)
