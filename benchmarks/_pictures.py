"""Photos as shops send them: no two have the same pixels, most have a megapixel or two, some twelve."""

import functools
import io

import numpy as np
from PIL import Image, ImageChops

from tests.data.photos import ASTRONAUT, CAT, COFFEE

SIZES = (
    *((1000, 1000),) * 12,
    *((1200, 1600),) * 5,
    *((2000, 2000),) * 2,
    (3000, 4000),
)
"""(width, height), by turns: 1 MP for marketplaces, 2 and 4 MP of shops, 12 MP of phones; 2.1 on average"""
_SUBJECTS = (ASTRONAUT, CAT, COFFEE)
_MOVE = 64
"""Pixels that crops are apart: 4096 different ones of each size and subject."""


def photo(number: int) -> bytes:
    """A JPEG of quality 88; another one for every number below 80,000."""
    turn, x, y = number // len(SIZES), *divmod(number * 389 % _MOVE**2, _MOVE)
    width, height = SIZES[number * 7 % len(SIZES)]
    base = _base(turn % len(_SUBJECTS), width, height)
    out = io.BytesIO()
    base.crop((x, y, x + width, y + height)).save(out, "JPEG", quality=88)
    return out.getvalue()


@functools.cache
def _base(subject: int, width: int, height: int) -> Image.Image:
    """Larger than asked for by the crops' distance, with grain: 0.3 bytes a pixel, as of phones."""
    size = (width + _MOVE, height + _MOVE)
    grain = np.random.default_rng(0).normal(128, 4, (size[1], size[0], 1)).astype(np.uint8)
    with Image.open(_SUBJECTS[subject].path) as file:
        enlarged = file.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    return ImageChops.add(enlarged, Image.fromarray(grain.repeat(3, 2)), offset=-128)
