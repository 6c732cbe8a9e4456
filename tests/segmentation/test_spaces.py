import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.segmentation.spaces import Frame, ImagePoints, working_size
from models.sessions.base import Fit
from tests.golden import coords

CASES = json.loads(coords.FILE.read_text())["cases"]


def test_the_golden_file_is_what_its_generator_writes() -> None:
    assert json.loads(coords.FILE.read_text()) == json.loads(json.dumps(coords.golden()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['fit']}-{case['image']}")
def test_sizes_and_points_are_the_golden_ones(case: dict[str, Any]) -> None:
    width, height = case["image"]
    frame = Frame.of((width, height), Fit(case["fit"]))
    assert list(frame.working) == case["working"]
    assert list(frame.content) == case["content"]
    assert list(frame.mask_content()) == case["mask_content"]
    image = ImagePoints(np.array([point["image"] for point in case["points"]]))
    for name, points in (
        ("working", frame.to_working(image)),
        ("model", frame.to_model(image)),
        ("mask", frame.to_mask(image)),
    ):
        np.testing.assert_allclose(points, [point[name] for point in case["points"]], rtol=1e-12)


sizes = st.tuples(st.integers(1, 20_000), st.integers(1, 20_000))


@given(size=sizes, fit=st.sampled_from(Fit), share=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_there_and_back_is_the_same_point(
    size: tuple[int, int], fit: Fit, share: tuple[float, float]
) -> None:
    frame = Frame.of(size, fit)
    point = ImagePoints(np.array([share]) * np.array(size))
    np.testing.assert_allclose(frame.from_model(frame.to_model(point)), point, atol=1e-8)
    np.testing.assert_allclose(frame.from_mask(frame.to_mask(point)), point, atol=1e-8)


@given(size=sizes)
def test_the_working_image_fits_and_never_grows(size: tuple[int, int]) -> None:
    working = working_size(size)
    assert max(working) == min(max(size), 2048)
    assert min(working) >= 1
    assert all(there <= here for there, here in zip(working, size, strict=True))


def test_the_far_corner_of_the_image_is_the_far_corner_of_the_mask() -> None:
    frame = Frame.of((4032, 3024), Fit.PAD)
    assert frame.to_mask(ImagePoints(np.array([[4032.0, 3024.0]]))).tolist() == [[256, 192]]
