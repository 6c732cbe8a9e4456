"""No halo: what the edge shows on another backdrop is what the subject would show there."""

import numpy as np
import pytest

from app.matting.background import over
from app.matting.decontaminate import cleaned
from tests.matting.samples import BLUE, GREEN, RED, Colour, composite, cut, disc, field, matte, opinion

SIZE = (400, 320)
UNDER = {"black": (0, 0, 0), "white": (255, 255, 255), "green": (0, 255, 0)}


def soft_disc(width: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    x, y = ((np.arange(n, dtype=np.float32) + 0.5) - n / 2 for n in SIZE)
    return np.asarray(np.clip((110 - np.hypot(x, y[:, None])) / width + 0.5, 0, 1), np.float32)


def shown(pixels: np.ndarray, alpha: np.ndarray, under: Colour) -> np.ndarray:
    share = alpha[:, :, None]
    return np.asarray(share * pixels.astype(np.float32) + (1 - share) * np.array(under, np.float32))


@pytest.mark.parametrize("under", UNDER.values(), ids=UNDER.keys())
@pytest.mark.parametrize("backdrop", [BLUE, GREEN, (240, 240, 240)])
@pytest.mark.parametrize("width", [1.0, 3.0, 10.0])
def test_the_edge_takes_less_than_half_of_the_halo_along(
    width: float, backdrop: Colour, under: Colour
) -> None:
    alpha, front = soft_disc(width), field(SIZE, RED)
    picture = composite(alpha, front, field(SIZE, backdrop, seed=1))
    file = (alpha * 255 + 0.5).astype(np.uint8)
    clean = cleaned(picture.pixels, file, file)
    truth = shown(front, alpha, under)
    band = (alpha > 0.02) & (alpha < 0.98)
    error = np.abs(shown(clean, alpha, under) - truth)[band].mean()
    before = np.abs(shown(picture.pixels, alpha, under) - truth)[band].mean()
    assert error < 0.5 * before
    assert error < 8


def test_a_hard_mask_has_a_band_too() -> None:
    """Coverage of 1 px in the photo, a matte of 0 and 255 only."""
    alpha, front = soft_disc(1.5), field(SIZE, RED)
    picture = composite(alpha, front, field(SIZE, BLUE, seed=1))
    hard = np.where(alpha > 0.5, np.uint8(255), np.uint8(0))
    edge = (alpha > 0.5) & (alpha < 0.95)
    before = np.abs(picture.pixels - front)[edge].mean()
    assert np.abs(cleaned(picture.pixels, hard, hard) - front)[edge].mean() < 0.7 * before


def test_the_inside_keeps_its_pixels_and_the_outside_loses_them() -> None:
    alpha = soft_disc(4)
    picture = composite(alpha, field(SIZE, RED), field(SIZE, BLUE, seed=1))
    file = (alpha * 255 + 0.5).astype(np.uint8)
    clean = cleaned(picture.pixels, file, file)
    deep, far = disc(SIZE, 100) > 0, disc(SIZE, 120) == 0
    np.testing.assert_array_equal(clean[deep], picture.pixels[deep])
    assert (clean[far] == 0).all()


def test_decontaminate_off_keeps_the_photos_colours() -> None:
    alpha = disc(SIZE, 110)
    picture = composite(alpha, field(SIZE, RED), field(SIZE, BLUE, seed=1))
    cutout = cut(picture, opinion(alpha > 0.5, SIZE[0]), matting="off", decontaminate=False)
    visible = matte(cutout) > 0
    np.testing.assert_array_equal(cutout.picture.pixels[visible], picture.pixels[visible])
    assert (cutout.picture.pixels[~visible] == 0).all()


def test_feather_fades_the_subjects_own_colour() -> None:
    alpha = disc(SIZE, 110)
    picture = composite(alpha, field(SIZE, RED), field(SIZE, BLUE, seed=1))
    cutout = cut(picture, opinion(alpha > 0.5, SIZE[0]), matting="off", feather=4)
    fringe = (matte(cutout) > 0.3) & (matte(cutout) < 0.7)
    assert np.abs(cutout.picture.pixels[fringe].astype(float) - RED).mean() < 20


def test_a_background_colour_lies_under_the_cutout() -> None:
    alpha = disc(SIZE, 110)
    picture = composite(alpha, field(SIZE, RED), field(SIZE, BLUE, seed=1))
    mask = opinion(alpha > 0.5, SIZE[0])
    bare, filled = cut(picture, mask, matting="off"), cut(picture, mask, matting="off", background="#00ff00")
    assert (matte(filled) == 1).all()
    wanted = shown(bare.picture.pixels, matte(bare), (0, 255, 0))
    assert np.abs(filled.picture.pixels - wanted).max() <= 1


def test_a_half_transparent_background_keeps_its_alpha() -> None:
    alpha = disc(SIZE, 110)
    picture = composite(alpha, field(SIZE, RED), field(SIZE, BLUE, seed=1))
    cutout = cut(picture, opinion(alpha > 0.5, SIZE[0]), matting="off", background="#00ff0080")
    assert round(float(matte(cutout)[0, 0]) * 255) == 128
    assert tuple(cutout.picture.pixels[0, 0]) == (0, 255, 0)
    assert matte(cutout)[160, 200] == 1


def test_over_is_exact_at_both_ends() -> None:
    one, other = np.full((2, 2, 3), 37, np.uint8), np.full((2, 2, 3), 201, np.uint8)
    assert (over(one, np.full((2, 2), 255, np.uint8), other) == one).all()
    assert (over(one, np.zeros((2, 2), np.uint8), other) == other).all()
