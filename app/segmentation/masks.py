"""The mask between decoder and matting: soft, low resolution, and sure of which pixels it speaks."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatImage: TypeAlias = NDArray[np.float32]

LOGIT_LIMIT = 32.0  # SAM clamps a fed-back mask to ±32 (sam2_base.py); sigmoid(32) is 1 in float32


@dataclass(frozen=True, slots=True)
class SoftMask:
    """Logits of "subject" over the whole oriented image.

    logits: float32 [h, w]; > 0 is subject. Rows and columns of padding may follow (`lite`), never sampled.
    scale: (sx, sy), mask pixels per ImageSpace pixel. Continuous ImageSpace (X, Y) lies at (X·sx, Y·sy),
    pixel centres at +0.5 in both (DESIGN §3).
    """

    logits: FloatImage
    scale: tuple[float, float]
    decoded: bool = False
    """A decoder said so, however it looks: its edge errs, and the image's own is to be found. Else the mask
    may be one that was drawn, or made smaller from a finer one, which is to be kept."""
