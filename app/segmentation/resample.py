"""Bilinear sampling of a float image (align_corners=False: pixel centres at +0.5)."""

import numpy as np

from app.segmentation.masks import FloatImage
from app.segmentation.spaces import Points, Size


def resample(image: FloatImage, size: Size, step: tuple[float, float]) -> FloatImage:
    """float32 [h, w] → [size[1], size[0]]; one pixel there is `step` (x, y) pixels here, origins coincide."""
    across, down = (_axis(n, count, by) for n, count, by in zip(image.shape[::-1], size, step, strict=True))
    (x0, x1, fx), (y0, y1, fy) = across, down
    top, bottom = image[y0], image[y1]
    rows = top + (bottom - top) * fy[:, None]
    left, right = rows[:, x0], rows[:, x1]
    return np.asarray(left + (right - left) * fx, np.float32)


def _axis(length: int, count: int, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    at: Points = np.clip((np.arange(count) + 0.5) * step - 0.5, 0, length - 1)
    low = np.floor(at).astype(np.intp)
    return low, np.minimum(low + 1, length - 1), (at - low).astype(np.float32)
