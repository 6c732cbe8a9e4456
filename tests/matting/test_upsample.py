"""From 256 mask pixels to the image's own: exact where flat, true at the edge, thin parts alive."""

import numpy as np
import pytest
from PIL import Image

from app.matting.options import CutoutOptions
from app.matting.types import Request
from app.matting.upsample import upsample, without_specks
from app.segmentation.masks import SoftMask
from tests.matting.samples import BLUE, RED, Share, averaged, composite, disc, field, opinion


def upsampled(alpha: Share, mask: SoftMask) -> Share:
    size = (alpha.shape[1], alpha.shape[0])
    picture = composite(alpha, field(size, RED), field(size, BLUE, seed=1))
    draft = upsample(Request(picture, mask, (), CutoutOptions()))
    return draft.matte.astype(np.float32) / np.float32(255)


def bilinear(mask: SoftMask, size: tuple[int, int]) -> Share:
    share = 1 / (1 + np.exp(-mask.logits))
    return np.asarray(Image.fromarray(share).resize(size, Image.Resampling.BILINEAR))


@pytest.mark.parametrize("side", [2, 4, 6])
def test_less_than_half_the_error_of_a_stretched_mask(side: int) -> None:
    alpha = disc((960, 720), 260)
    mask = averaged(alpha, side)
    found = upsampled(alpha, mask)
    edge = (disc((960, 720), 270) > 0) & (disc((960, 720), 250) < 1)
    plain = np.abs((bilinear(mask, (960, 720)) > 0.5) - alpha)[edge].mean()
    assert np.abs(found - alpha)[edge].mean() < 0.5 * plain


def test_flat_regions_are_exact() -> None:
    alpha = disc((960, 720), 260)
    for mask in (averaged(alpha, 4), opinion(alpha > 0.5, 960)):
        found = upsampled(alpha, mask)
        assert (found[disc((960, 720), 230) > 0] == 1).all()
        assert (found[disc((960, 720), 290) == 0] == 0).all()


def test_a_strap_thinner_than_a_mask_pixel_survives() -> None:
    alpha = np.zeros((640, 640), np.float32)
    alpha[300:600, 100:540] = 1
    alpha[40:300, 318:321] = 1  # 3 px, where a mask pixel has 5
    found = upsampled(alpha, averaged(alpha, 5))
    strap = found[60:280, 310:330].sum(axis=1)
    assert (strap > 1.5).all()
    assert strap.mean() == pytest.approx(3, rel=0.15)
    assert found[60:280, 318:321].mean() > 0.7


def test_a_mask_as_fine_as_the_image_is_its_matte() -> None:
    alpha = disc((200, 150), 55)
    found = upsampled(alpha, averaged(alpha, 1))
    np.testing.assert_allclose(found, alpha, atol=1.5 / 255)


def test_specks_go_and_larger_parts_stay() -> None:
    alpha = np.zeros((40, 40), np.float32)
    alpha[10:30, 10:30] = 1
    alpha[15:17, 15:17] = 0  # a hole of 4 cells
    alpha[20:24, 20:24] = 0  # and one of 16
    alpha[2, 2:6] = 0.8
    alpha[35:38, 35:38] = 0.9
    found = without_specks(alpha)
    assert (found[15:17, 15:17] == 1).all()
    assert (found[20:24, 20:24] == 0).all()
    assert (found[2] == 0).all()
    assert (found[35:38, 35:38] == np.float32(0.9)).all()
