"""Smooth, offset and feather: identity at 0, monotone, symmetric, whatever the matte."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from app.matting.feather import feathered
from app.matting.offset import moved
from app.matting.smooth import smoothed
from app.matting.types import Matte
from tests.matting.samples import disc

SIZE = 72


@st.composite
def mattes(draw: st.DrawFn) -> Matte:
    """Blobs with an edge about a pixel wide; some reach over the border, some are empty or full."""
    seed, roughness = draw(st.integers(0, 2**32 - 1)), draw(st.floats(1.5, 9.0))
    level = draw(st.floats(-0.6, 0.6))
    noise = gaussian_filter(np.random.default_rng(seed).normal(0, 1, (SIZE, SIZE)), roughness)
    value = (noise / noise.std() + level) * roughness
    return np.asarray(np.clip(value * 127 + 127.5, 0, 255), np.uint8)


few = settings(max_examples=25, deadline=None, derandomize=True)


def as_int(matte: Matte) -> NDArray[np.int16]:
    return matte.astype(np.int16)


@few
@given(mattes())
def test_zero_changes_nothing(matte: Matte) -> None:
    for step in (moved, smoothed, feathered):
        np.testing.assert_array_equal(step(matte, 0), matte)


@few
@given(mattes(), st.lists(st.floats(-20, 20), min_size=2, max_size=4).map(sorted))
def test_more_offset_is_never_less_matte(matte: Matte, lengths: list[float]) -> None:
    grown = [moved(matte, px) for px in lengths if px]
    for smaller, larger in pairwise(grown):
        assert (smaller <= larger).all()


@few
@given(mattes(), st.floats(0.1, 20))
def test_offset_is_symmetric(matte: Matte, px: float) -> None:
    difference = as_int(moved(255 - matte, -px)) - (255 - as_int(moved(matte, px)))
    assert np.abs(difference).max() <= 1  # 0.5 of a level rounds up on both sides


@few
@given(mattes(), st.floats(0.5, 60))
def test_feather_is_symmetric_and_stays_between_the_extremes(matte: Matte, width: float) -> None:
    soft = feathered(matte, width)
    assert np.abs(as_int(feathered(255 - matte, width)) - (255 - as_int(soft))).max() <= 1
    assert matte.min() <= soft.min() <= soft.max() <= matte.max()


@few
@given(mattes(), mattes(), st.floats(0.5, 60))
def test_feather_keeps_the_order_of_two_mattes(one: Matte, other: Matte, width: float) -> None:
    union = np.maximum(one, other)
    # tiles without an edge are left alone, which differs from a blur of 0 by no more than rounding
    assert (as_int(feathered(one, width)) <= as_int(feathered(union, width)) + 1).all()


@few
@given(mattes(), st.floats(0.5, 30))
def test_smooth_is_symmetric(matte: Matte, width: float) -> None:
    assert np.abs(as_int(smoothed(255 - matte, width)) - (255 - as_int(smoothed(matte, width)))).max() <= 1


@pytest.mark.parametrize("px", [-30.0, -7.5, -0.4, 0.4, 3.25, 30.0])
def test_offset_is_measured_in_pixels(px: float) -> None:
    matte = np.asarray(disc((300, 300), 90) * 255 + 0.5, np.uint8)
    area = moved(matte, px).sum() / 255
    assert np.sqrt(area / np.pi) == pytest.approx(90 + px, abs=0.15)


@pytest.mark.parametrize("width", [2.0, 12.0, 40.0])
def test_feather_fades_over_the_width_to_either_side(width: float) -> None:
    matte = np.zeros((64, 400), np.uint8)
    matte[:, 200:] = 255
    line = feathered(matte, width)[32].astype(float) / 255
    assert (np.diff(line) >= 0).all()
    assert line[199:201].mean() == pytest.approx(0.5, abs=0.01)
    assert line[: int(200 - 1.5 * width) - 2].max() == 0
    assert line[round(200 - width)] < 0.06
    assert line[round(200 + width) - 1] > 0.94


def test_smooth_calms_a_ragged_line_and_keeps_a_corner_and_a_strap() -> None:
    matte = np.zeros((240, 240), np.uint8)
    matte[80:200, 60:180] = 255
    matte[20:80, 100:103] = 255  # a strap 3 px wide
    ragged = matte.copy()
    ragged[np.arange(80, 200)[::3], 180] = 255
    smooth = smoothed(ragged, 8)
    assert np.ptp(smooth[110:170, 180].astype(int)) < 40  # teeth of 255
    assert smooth[198, 178] > 200  # the corner
    assert (smooth[30:70, 101] > 200).all()


def test_feather_far_wider_than_the_image_is_defined() -> None:
    soft = feathered(np.asarray(disc((20, 20), 6) * 255, np.uint8), 100)
    assert soft.shape == (20, 20)
    assert 0 < soft.min() <= soft.max() < 255


def test_flat_regions_are_never_touched() -> None:
    matte = np.zeros((900, 900), np.uint8)
    matte[:, 450:] = 255
    for changed in (moved(matte, 10), smoothed(matte, 20), feathered(matte, 20)):
        assert (changed[:, :380] == 0).all()
        assert (changed[:, 520:] == 255).all()
