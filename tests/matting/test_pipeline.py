"""The whole pipeline on a disc whose true coverage is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from app.imaging.types import Picture
from app.matting.options import CutoutOptions
from app.matting.pipeline import make_cutout
from app.matting.types import Cutout
from app.segmentation.masks import SoftMask

SIDE, RADIUS = 1024, 300.0
MASK_SIDE = 256


def disc(side: int) -> NDArray[np.float32]:
    """Signed distance to the disc's edge in ImageSpace px, positive inside; float32 [side, side]."""
    centres = (np.arange(side, dtype=np.float32) + 0.5) * (SIDE / side) - SIDE / 2
    distance: NDArray[np.float32] = (RADIUS - np.hypot(centres[:, None], centres[None, :])).astype(np.float32)
    return distance


def cut(**options: object) -> Cutout:
    coverage = np.clip(disc(SIDE) + 0.5, 0, 1)[:, :, None]
    pixels = coverage * np.array([200, 60, 40]) + (1 - coverage) * np.array([40, 90, 160])
    mask = SoftMask(disc(MASK_SIDE) * 0.5, (MASK_SIDE / SIDE, MASK_SIDE / SIDE))
    chosen = CutoutOptions.model_validate({"matting": "off", "decontaminate": False, **options})
    return make_cutout(Picture(pixels.astype(np.uint8), None, None), mask, (), chosen)


def alpha(cutout: Cutout) -> NDArray[np.float32]:
    assert cutout.picture.alpha is not None
    return cutout.picture.alpha.astype(np.float32) / np.float32(255)


def test_the_edge_lies_where_it_is_and_all_else_is_flat() -> None:
    matte, distance = alpha(cut(trim=False)), disc(SIDE)
    assert (matte[distance > 8] == 1).all()
    assert (matte[distance < -8] == 0).all()
    near = np.abs(distance) < 4
    assert np.abs(matte - np.clip(distance + 0.5, 0, 1))[near].mean() < 0.06


@pytest.mark.parametrize("matting", ["auto", "hair"])
def test_matting_leaves_a_crisp_edge_where_it_is(matting: str) -> None:
    matte = alpha(cut(trim=False, matting=matting))
    assert np.abs(matte - np.clip(disc(SIDE) + 0.5, 0, 1)).mean() < 0.003


def test_trim_and_margin_in_image_space() -> None:
    tight, wide = cut(), cut(margin="10px")
    for cut_at, true in zip(tight.trim_box, (212, 212, 812, 812), strict=True):
        assert abs(cut_at - true) <= 3
    assert wide.trim_box == tuple(at + by for at, by in zip(tight.trim_box, (-10, -10, 10, 10), strict=True))
    assert wide.picture.pixels.shape[1] == wide.trim_box[2] - wide.trim_box[0]
    assert tight.content_box == wide.content_box == cut(trim=False).content_box == tight.trim_box


def test_a_margin_of_its_own_for_each_side() -> None:
    tight = cut().trim_box
    for margin, by in (("4 6", (-6, -4, 6, 4)), ("1px 2px 3px 10%", (-60, -1, 2, 3))):
        around = cut(margin=margin).trim_box
        assert np.abs(np.subtract(around, tight) - by).max() <= 1  # 10 % of a disc of about 600 px


@pytest.mark.parametrize("options", [{"max_pixels": 10_007}, {"max_pixels": 10_007, "max_side": 90}])
def test_the_output_has_at_most_so_many_pixels(options: dict[str, int]) -> None:
    picture = cut(canvas="700x300", **options).picture
    width, height = picture.width, picture.height
    assert width / height == pytest.approx(7 / 3, rel=0.03)
    assert width * height <= 10_007
    assert width == options.get("max_side", width)
    assert width * height > 0.97 * min(10_007, options.get("max_side", 10_000) ** 2 * 3 / 7)


def test_offset_moves_the_edge_and_never_against_its_sign() -> None:
    smaller, same, larger = (alpha(cut(trim=False, offset=px)) for px in (-6, 0, 6))
    assert (smaller <= same).all()
    assert (same <= larger).all()
    for matte, radius in ((smaller, RADIUS - 6), (larger, RADIUS + 6)):
        assert matte.sum() == pytest.approx(np.pi * radius**2, rel=0.01)


def test_the_edge_carries_the_subjects_colour_and_the_background_is_gone() -> None:
    cutout = cut(trim=False, decontaminate=True)
    matte = alpha(cutout)
    edge = (matte > 0.1) & (matte < 0.9)
    assert edge.any()
    assert np.abs(cutout.picture.pixels[edge].astype(int) - (200, 60, 40)).mean() < 12
    far = disc(SIDE) < -8
    assert (cutout.picture.pixels[far] == 0).all()
    assert cutout.notes == ()
