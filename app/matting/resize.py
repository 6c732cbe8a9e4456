"""Cutouts made smaller (or larger) without dark or coloured fringes."""

import numpy as np
from PIL import Image

from app.matting.types import Matte, Pixels


def resized(pixels: Pixels, matte: Matte, size: tuple[int, int]) -> tuple[Pixels, Matte]:
    """Lanczos with antialiasing on premultiplied colours; `size` is (width, height)."""
    if size == (matte.shape[1], matte.shape[0]):
        return pixels, matte
    whole = Image.fromarray(np.dstack([pixels, matte])).convert("RGBa")
    small = np.asarray(whole.resize(size, Image.Resampling.LANCZOS).convert("RGBA"))
    return np.ascontiguousarray(small[:, :, :3]), np.ascontiguousarray(small[:, :, 3])


def resized_pixels(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
