"""The working image (DESIGN §3): what editor and encoder see."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.imaging.colour import to_srgb
from app.imaging.decode import decoding, open_image, planes
from app.imaging.types import WORKING_SIDE, ImageInfo

_LIGHT = 160
"""Mean level above which a subject gets the grey backdrop: white on white shows the encoder nothing."""


def working_image(path: Path, info: ImageInfo) -> NDArray[np.uint8]:
    """uint8[h, w, 3]: oriented, sRGB, long side ≤ WORKING_SIDE; transparent parts lie on white or, if the
    visible ones are light, on grey.

    Raises Truncated, Damaged, UnsupportedType.
    """
    with decoding(path, info):
        opened = open_image(path, info, WORKING_SIDE)
        pixels, alpha = planes(to_srgb(opened.image, opened.icc))
    return pixels if alpha is None else _on_backdrop(pixels, alpha)


def _on_backdrop(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    weight = alpha[..., None].astype(np.float32) / 255
    visible = float((pixels * weight).sum() / max(float(weight.sum()) * 3, 1.0))
    backdrop = 128.0 if visible > _LIGHT else 255.0
    return np.rint(pixels * weight + backdrop * (1 - weight)).astype(np.uint8)
