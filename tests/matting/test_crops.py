"""Where a mask was decoded from a crop: what the whole's 256 px lose is kept, and all else is as it was."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.imaging.types import Box, Picture
from app.matting.crops import crops as crops_step
from app.matting.options import CutoutOptions
from app.matting.tiles import area
from app.matting.types import Draft, Request
from app.matting.upsample import upsample
from app.segmentation.maskio import to_logits, to_values
from app.segmentation.masks import SoftMask
from tests.matting.samples import BLUE, RED, Share, averaged, composite, field, opinion

SIZE = (3000, 1000)
MASK_SIDE = 2048
STRAP, GAP = slice(1430, 1436), 20
"""px: half a mask pixel of the whole, and how far the next one like it stands behind the subject."""
CROP: Box = (1100, 100, 1700, 640)


@pytest.fixture(scope="module")
def subject() -> Share:
    """A bag with a strap of 6 px."""
    alpha = np.zeros(SIZE[::-1], np.float32)
    alpha[600:950, 500:2500] = 1
    alpha[150:600, STRAP] = 1
    return alpha


@pytest.fixture(scope="module")
def picture(subject: Share) -> Picture:
    """In front of straps of its own colour."""
    seen = subject.copy()
    for n in (-2, -1, 1, 2):
        seen[150:600, STRAP.start + n * GAP : STRAP.stop + n * GAP] = 1
    return composite(seen, field(SIZE, RED), field(SIZE, BLUE, seed=1))


@pytest.fixture(scope="module")
def mask(subject: Share) -> SoftMask:
    """As an editor sends it: the whole's decode, in which there is no strap, and over it the crop's."""
    bag = subject.copy()
    bag[150:600] = 0
    scale = MASK_SIDE / SIZE[0]
    logits = stretched(opinion(bag > 0.5, SIZE[0]).logits, (MASK_SIDE, round(SIZE[1] * scale)))
    left, top, right, bottom = (round(edge * scale) for edge in CROP)
    part = opinion(subject[area(CROP)] > 0.5, CROP[2] - CROP[0]).logits
    logits[top:bottom, left:right] = stretched(part, (right - left, bottom - top))
    return SoftMask(to_logits(to_values(logits)), (scale, logits.shape[0] / SIZE[1]))


def stretched(logits: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.array(Image.fromarray(logits).resize(size, Image.Resampling.BILINEAR))


@pytest.fixture(scope="module")
def whole(picture: Picture, mask: SoftMask) -> Draft:
    return upsample(Request(picture, mask, (), CutoutOptions()))


def finer(draft: Draft, mask: SoftMask, *crops: Box) -> NDArray[np.uint8]:
    request = Request(Picture(draft.pixels), mask, (), CutoutOptions(), crops=crops)
    return crops_step(request, draft).matte


def iou(matte: NDArray[np.uint8], subject: Share, box: Box) -> float:
    found, true = matte[area(box)] > 127, subject[area(box)] > 0.5
    return float((found & true).sum() / (found | true).sum())


def test_a_strap_that_the_whole_mask_loses_is_kept(subject: Share, whole: Draft, mask: SoftMask) -> None:
    strap = (STRAP.start - 60, 160, STRAP.stop + 60, 560)
    assert iou(whole.matte, subject, strap) < 0.2
    matte = finer(whole, mask, CROP)
    assert iou(matte, subject, strap) > 0.95
    assert iou(matte, subject, CROP) > iou(whole.matte, subject, CROP)


def test_beside_the_crop_nothing_changes(whole: Draft, mask: SoftMask) -> None:
    before = whole.matte.copy()
    changed = finer(whole, mask, CROP) != before
    assert changed[area(CROP)].any()
    changed[area(CROP)] = False
    assert not changed.any()
    assert np.array_equal(whole.matte, before)  # a step leaves the draft as it was


def test_the_last_crop_lies_on_top(whole: Draft, mask: SoftMask) -> None:
    inside = (CROP[0] + 20, CROP[1] + 20, CROP[2] - 20, CROP[3] - 20)
    alone, both = finer(whole, mask, CROP), finer(whole, mask, (1300, 300, 2600, 900), CROP)
    assert np.array_equal(both[area(inside)], alone[area(inside)])
    assert not np.array_equal(both, alone)


def test_a_crop_fades_into_the_matte_but_where_the_image_ends() -> None:
    """A crop without subject, in the left lower corner of a matte that is all subject."""
    logits = np.tile(np.linspace(-9, -6, 400, dtype=np.float32), (300, 1))
    draft = Draft(np.full((300, 400, 3), 128, np.uint8), np.full((300, 400), 255, np.uint8))
    matte = finer(draft, SoftMask(logits, (1, 1)), (0, 100, 200, 300)).astype(int)
    for line in (matte[95:110, 50], matte[250, 205:190:-1]):
        assert (np.diff(line) <= 0).all()
        assert (line[0], line[-1]) == (255, 0)
        assert np.abs(np.diff(line)).max() < 70  # four pixels and more, which are two of the mask's
    assert (matte[120:, :180] == 0).all()
    assert (matte[:100] == 255).all()
    assert (matte[:, 200:] == 255).all()


def test_a_mask_that_was_drawn_needs_no_crops(whole: Draft, subject: Share) -> None:
    assert finer(whole, averaged(subject, 4), CROP) is whole.matte
