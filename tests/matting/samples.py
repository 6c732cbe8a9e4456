"""Pictures whose matte and colours are known, and the masks that a decoder would make of them."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from app.imaging.types import Picture
from app.matting.options import CutoutOptions
from app.matting.pipeline import make_cutout
from app.matting.types import Cutout
from app.segmentation.masks import SoftMask

MASK_SIDE = 256
Share = NDArray[np.float32]
"""float32 [h, w], 0..1."""
Colour = tuple[int, int, int]
RED, BLUE, GREEN = (190, 50, 40), (40, 90, 170), (30, 200, 60)


def opinion(inside: NDArray[np.bool_], width: int, slope: float = 1.2) -> SoftMask:
    """A decoder's view of `inside` (any size) over an image `width` px wide, climbing `slope` logits a px."""
    rows, columns = (max(1, n * MASK_SIDE // max(inside.shape)) for n in inside.shape)
    y = ((np.arange(rows) + 0.5) * inside.shape[0] / rows).astype(int)
    x = ((np.arange(columns) + 0.5) * inside.shape[1] / columns).astype(int)
    small = inside[np.ix_(y, x)]
    signed = distance_transform_edt(small) - distance_transform_edt(~small)
    logits = np.clip(slope * gaussian_filter(signed.astype(np.float32), 1.0), -12, 12).astype(np.float32)
    return SoftMask(logits, (columns / width, columns / width))


def averaged(alpha: Share, side: int) -> SoftMask:
    """A binding mask: exact means over `side` px of a known alpha."""
    height, width = alpha.shape
    cells = alpha[: height // side * side, : width // side * side]
    means = cells.reshape(height // side, side, width // side, side).mean(axis=(1, 3))
    share = np.clip(means, 1e-6, 1 - 1e-6)
    return SoftMask(np.log(share / (1 - share)).astype(np.float32), (1 / side, 1 / side))


def field(size: tuple[int, int], colour: Colour, grain: float = 4.0, seed: int = 0) -> NDArray[np.float32]:
    """float32 [h, w, 3] of one colour with the grain of a photo; `size` is (width, height)."""
    noise = np.random.default_rng(seed).normal(0, grain, (size[1], size[0], 3))
    return np.asarray(np.array(colour) + noise, np.float32)


def composite(alpha: Share, front: NDArray[np.float32], back: NDArray[np.float32]) -> Picture:
    mixed = alpha[:, :, None] * front + (1 - alpha[:, :, None]) * back
    return Picture(np.clip(mixed + 0.5, 0, 255).astype(np.uint8))


def disc(size: tuple[int, int], radius: float) -> Share:
    """Antialiased, in the middle of (width, height)."""
    x, y = ((np.arange(n, dtype=np.float32) + 0.5) - n / 2 for n in size)
    return np.asarray(np.clip(radius + 0.5 - np.hypot(x, y[:, None]), 0, 1), np.float32)


def strands(size: tuple[int, int], count: int = 60, seed: int = 1) -> Share:
    """A disc with hair: `count` curved strands, 1.4 px thick, up to 30 px long at 480."""
    width, height = size
    drawn = disc(size, height / 4)
    random = np.random.default_rng(seed)
    step = np.linspace(0, 1, height)
    for angle in random.uniform(0, 2 * np.pi, count):
        bend = random.normal(0, 0.35)
        length = height * (0.25 + (0.03 + 0.035 * random.random()) * step)
        direction = angle + bend * step**2
        for y, x in zip(
            height / 2 + length * np.sin(direction), width / 2 + length * np.cos(direction), strict=True
        ):
            top, left = int(y) - 2, int(x) - 2
            part = (slice(top, top + 5), slice(left, left + 5))
            rows, columns = np.mgrid[top : top + 5, left : left + 5] + 0.5
            drawn[part] = np.maximum(drawn[part], np.clip(1.2 - np.hypot(rows - y, columns - x), 0, 1))
    return drawn


def cut(picture: Picture, mask: SoftMask, **options: object) -> Cutout:
    """Untrimmed, so that it lies over the picture."""
    return make_cutout(picture, mask, (), CutoutOptions.model_validate({"trim": False, **options}))


def matte(cutout: Cutout) -> Share:
    assert cutout.picture.alpha is not None
    return cutout.picture.alpha.astype(np.float32) / np.float32(255)
