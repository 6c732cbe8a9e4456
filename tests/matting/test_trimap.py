import math

import numpy as np

from app.matting.closed_form import UNKNOWN
from app.matting.trimap import Limits, band

DOUBTFUL = Limits(hair=-math.inf, doubtful=math.inf)
"""Every edge is, and none is hair."""


def test_the_middle_of_a_strap_stays_known() -> None:
    """Unknown all through it would have no foreground in sight."""
    matte = np.zeros((1000, 2000), np.uint8)
    matte[500:, 400:1600] = 255
    matte[202:218, 300:1700] = 255  # 16 px: the band reaches 12 to either side of an edge
    pixels = np.repeat(matte[:, :, None], 3, axis=2)
    found = band(pixels, matte, None, DOUBTFUL)
    assert found is not None
    assert (found.trimap[208:212, 320:1680] == 255).all()
    assert (found.trimap[198:203, 320:1680] == UNKNOWN).all()
    assert (found.trimap[500:508, 500:1500] == UNKNOWN).all()
    assert (found.trimap[540:, 500:1500] == 255).all()
