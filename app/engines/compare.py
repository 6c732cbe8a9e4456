"""How much two cutouts of one image differ, and a picture that shows it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from app.imaging.types import Box
from app.matting.types import Matte, Pixels

EDGE_PX = 4
"""To either side of an edge, in pictures of at most 1024 px."""
_GROUND = 190
_GAP = 8


@dataclass(frozen=True, slots=True)
class Comparison:
    iou: float
    """Of the subjects (alpha ≥ 128); 1 where both are empty."""
    edge_difference: float
    """Mean difference of alpha, 0..1, near the edges of either; 0 where there is none."""


def compare(one: Matte, other: Matte) -> Comparison:
    """Two mattes of the same size."""
    a, b = one >= 128, other >= 128
    either = int(np.count_nonzero(a | b))
    iou = 1.0 if either == 0 else int(np.count_nonzero(a & b)) / either
    near = _near_edge(a) | _near_edge(b)
    apart = np.abs(one.astype(np.int16) - other.astype(np.int16))
    edge = float(apart[near].mean()) / 255 if near.any() else 0.0
    return Comparison(round(iou, 4), round(edge, 4))


def whole(matte: Matte, box: Box, size: tuple[int, int]) -> Matte:
    """A trimmed matte laid back where `box` (ImageSpace) was, in an image of `size` = (width, height)."""
    out = np.zeros((size[1], size[0]), np.uint8)
    x0, y0, x1, y1 = max(box[0], 0), max(box[1], 0), min(box[2], size[0]), min(box[3], size[1])
    out[y0:y1, x0:x1] = matte[y0 - box[1] : y1 - box[1], x0 - box[0] : x1 - box[0]]
    return out


def side_by_side(photo: Pixels, *mattes: Matte) -> Pixels:
    """The photo, and its cutout by each matte on grey."""
    gap = np.full((photo.shape[0], _GAP, 3), 255, np.uint8)
    shown = [photo]
    for matte in mattes:
        share = matte[..., None].astype(np.float32) / 255
        shown += [gap, (photo * share + _GROUND * (1 - share) + 0.5).astype(np.uint8)]
    return np.hstack(shown)


def _near_edge(subject: NDArray[np.bool_]) -> NDArray[np.bool_]:
    grown = binary_dilation(subject, iterations=EDGE_PX)
    shrunk = ~binary_dilation(~subject, iterations=EDGE_PX)
    return np.asarray(grown & ~shrunk)
