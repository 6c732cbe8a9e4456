"""Masks, sizes and options that make no sense: a defined result or a coded error."""

import numpy as np
import pytest
from pydantic import ValidationError

from app.imaging.types import Picture
from app.matting.errors import CutoutEmpty, CutoutTooLarge, MaskInvalid
from app.matting.options import CutoutOptions
from app.segmentation.masks import SoftMask
from tests.matting.samples import BLUE, RED, averaged, composite, cut, disc, field, matte, opinion

MODES = ("auto", "hair", "off")


def plain(width: int, height: int) -> Picture:
    return Picture(np.full((height, width, 3), (200, 120, 40), np.uint8))


def constant(value: float, width: int, height: int) -> SoftMask:
    return SoftMask(np.full((64, 64), value, np.float32), (64 / width, 64 / height))


@pytest.mark.parametrize("mode", MODES)
def test_an_empty_mask_is_refused(mode: str) -> None:
    with pytest.raises(CutoutEmpty):
        cut(plain(90, 60), constant(-20.0, 90, 60), matting=mode)


@pytest.mark.parametrize("mode", MODES)
def test_a_full_mask_keeps_the_image_as_it_is(mode: str) -> None:
    picture = plain(90, 60)
    result = cut(picture, constant(20.0, 90, 60), matting=mode)
    assert (matte(result) == 1).all()
    np.testing.assert_array_equal(result.picture.pixels, picture.pixels)


@pytest.mark.parametrize("bad", [np.nan, -np.nan])
def test_a_mask_with_nan_is_refused(bad: float) -> None:
    mask = constant(5.0, 90, 60)
    mask.logits[3, 7] = bad
    with pytest.raises(MaskInvalid):
        cut(plain(90, 60), mask)


@pytest.mark.parametrize("mode", MODES)
def test_infinite_logits_are_certainty(mode: str) -> None:
    logits = np.full((64, 64), -np.inf, np.float32)
    logits[16:48, 16:48] = np.inf
    picture = plain(128, 128)
    picture.pixels[32:96, 32:96] = RED
    alpha = matte(cut(picture, SoftMask(logits, (0.5, 0.5)), matting=mode))
    assert (alpha[40:88, 40:88] == 1).all()
    assert (alpha[:20] == 0).all()


@pytest.mark.parametrize(
    "mask",
    [
        SoftMask(np.zeros((0, 0), np.float32), (1, 1)),
        SoftMask(np.zeros((4, 4, 1), np.float32), (1, 1)),
        SoftMask(np.zeros((4, 4), np.float32), (0, 1)),
        SoftMask(np.zeros((4, 4), np.float32), (1, -1)),
    ],
)
def test_a_mask_without_pixels_is_refused(mask: SoftMask) -> None:
    with pytest.raises(MaskInvalid):
        cut(plain(4, 4), mask)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (2, 3), (257, 1)])
def test_the_smallest_and_thinnest_images(size: tuple[int, int], mode: str) -> None:
    width, height = size
    logits = np.full((max(1, min(256, height)), max(1, min(256, width))), 8, np.float32)
    if logits.size > 1:
        logits.ravel()[: logits.size // 2] = -8
    mask = SoftMask(logits, (logits.shape[1] / width, logits.shape[0] / height))
    options = {"smooth": 5, "offset": 1, "feather": 5, "matting": mode}
    alpha = matte(cut(plain(width, height), mask, **options))
    assert alpha.shape == (height, width)
    assert alpha.max() > 0


@pytest.mark.parametrize("mode", MODES)
def test_a_subject_that_touches_all_borders(mode: str) -> None:
    alpha = 1 - disc((200, 160), 40)
    picture = composite(alpha, field((200, 160), RED), field((200, 160), BLUE, seed=1))
    found = matte(cut(picture, opinion(alpha > 0.5, 200), matting=mode, smooth=3, offset=-1))
    border = np.concatenate([found[0], found[-1], found[:, 0], found[:, -1]])
    assert (border == 1).all()
    assert (found[70:90, 90:110] == 0).all()


@pytest.mark.parametrize("mode", MODES)
def test_the_images_own_alpha_is_a_limit(mode: str) -> None:
    alpha = disc((200, 160), 60)
    own = np.full((160, 200), 255, np.uint8)
    own[:, :100] = 128
    own[:40] = 0
    picture = composite(alpha, field((200, 160), RED), field((200, 160), BLUE))
    found = matte(cut(Picture(picture.pixels, own), opinion(alpha > 0.5, 200), matting=mode)) * 255
    assert (found <= own).all()
    assert found[80, 70] == 128
    assert found[80, 130] == 255


@pytest.mark.parametrize(
    "options",
    [
        {"feather": 20},
        {"offset": 50},
        {"smooth": 10},
        {"feather": 20, "offset": 50, "matting": "hair"},
        {"roi": (-1e9, -1e9, 1e9, 1e9)},
        {"margin": "100%"},
        {"canvas": "1x1"},
        {"max_side": 1},
        {"canvas": "300x2", "scale": "10%", "position": "100% 0%"},
        {"background": "#00ff0080"},
    ],
)
def test_options_larger_than_the_image_are_defined(options: dict[str, object]) -> None:
    alpha = disc((24, 18), 7)
    result = cut(composite(alpha, field((24, 18), RED), field((24, 18), BLUE)), averaged(alpha, 2), **options)
    assert result.picture.alpha is not None
    assert result.picture.alpha.shape == result.picture.pixels.shape[:2]


@pytest.mark.parametrize(
    "options",
    [
        {"offset": -50},
        {"feather": 100},
        {"roi": (0, 0, 2, 2)},
        {"roi": (1e8, 1e8, 1e9, 1e9)},
    ],
)
def test_options_that_leave_nothing_are_refused(options: dict[str, object]) -> None:
    alpha = disc((60, 60), 5)
    with pytest.raises(CutoutEmpty):
        cut(composite(alpha, field((60, 60), RED), field((60, 60), BLUE)), averaged(alpha, 2), **options)


def test_a_margin_beyond_the_output_limits_is_refused() -> None:
    with pytest.raises(CutoutTooLarge):
        cut(plain(64, 64), constant(9.0, 64, 64), margin="9999px")


@pytest.mark.parametrize(
    "options",
    [
        {"feather": 101},
        {"feather": -1},
        {"feather": float("nan")},
        {"offset": 51},
        {"smooth": float("inf")},
        {"matting": "best"},
        {"margin": "-3px"},
        {"margin": "101%"},
        {"canvas": "0x10"},
        {"canvas": "20000x20000"},
        {"scale": "5%"},
        {"position": "101% 0%"},
        {"max_side": 0},
        {"background": "red"},
        {"roi": (5, 5, 5, 9)},
        {"unknown": 1},
    ],
)
def test_options_outside_their_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CutoutOptions.model_validate(options)
