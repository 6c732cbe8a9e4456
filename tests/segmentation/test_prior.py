import numpy as np
import pytest
from numpy.typing import NDArray

from app.segmentation.prior import belief, combined, expected_iou, main_parts, view_in_mask_space
from app.segmentation.spaces import Frame
from app.segmentation.spread import deepest_points
from models.sessions.base import Fit


def disc(x: float, y: float, radius: float, side: int = 100) -> NDArray[np.float32]:
    ys, xs = np.mgrid[:side, :side] + 0.5
    return np.asarray(np.hypot(xs - x, ys - y) <= radius, np.float32)


def test_two_alike_objects_are_one_subject() -> None:
    pair = np.maximum(disc(35, 50, 12), disc(65, 50, 11))
    assert main_parts(pair).sum() == pair.sum()


@pytest.mark.parametrize("minor", [disc(90, 50, 9), disc(65, 50, 5)], ids=["off centre", "small"])
def test_a_bystander_is_not_of_the_subject(minor: NDArray[np.float32]) -> None:
    seen = np.maximum(disc(45, 50, 12), minor)
    np.testing.assert_array_equal(main_parts(seen), disc(45, 50, 12) > 0)
    assert combined([seen])[minor > 0].max() == 0


def test_a_view_that_doubts_everything_still_points_somewhere() -> None:
    np.testing.assert_array_equal(main_parts(0.2 * disc(45, 50, 12)), disc(45, 50, 12) > 0)


def test_nothing_salient_has_no_parts() -> None:
    assert not main_parts(np.zeros((100, 100), np.float32)).any()


def test_a_view_lies_over_the_image_and_not_over_the_padding() -> None:
    frame = Frame.of((1000, 500), Fit.PAD)
    view = np.zeros((320, 320), np.float32)
    view[:, 160:] = 1
    placed = view_in_mask_space(view, frame)
    assert placed.shape == (128, 256)
    assert placed[:, :127].max() == 0
    assert placed[:, 129:].min() == 1


def test_belief_rises_with_view_distinctness_and_centrality() -> None:
    flat = np.full((100, 100), 0.5, np.float32)
    calm = np.zeros((100, 100), np.float32)
    plain = belief(flat, calm)
    assert plain[50, 50] > plain[50, 5]
    assert belief(np.maximum(flat, disc(50, 50, 9)), calm)[50, 50] > plain[50, 50]
    assert belief(flat, disc(50, 50, 9))[50, 50] > plain[50, 50]


def test_the_mask_of_what_is_believed_is_expected_to_fit_best() -> None:
    believed = 0.1 + 0.8 * disc(50, 50, 20)
    masks = np.stack([disc(50, 50, radius) > 0 for radius in (10, 20, 30)] + [disc(20, 50, 20) > 0])
    assert int(np.argmax(expected_iou(masks, believed))) == 1


def test_points_are_deep_and_far_from_each_other() -> None:
    bar = np.zeros((60, 100), np.bool_)
    bar[20:40, 10:90] = True
    points = deepest_points(bar, 3)
    assert len(points) == 3
    depths = [min(y - 20, 40 - y, x - 10, 90 - x) for x, y in points]
    assert min(depths) >= 9
    gaps = [np.hypot(*(points[i] - points[j])) for i in range(3) for j in range(i)]
    assert min(gaps) >= 19


def test_a_region_has_no_more_points_than_room() -> None:
    dot = np.zeros((8, 8), np.bool_)
    assert deepest_points(dot, 3).shape == (0, 2)
    dot[3, 3] = True
    np.testing.assert_array_equal(deepest_points(dot, 3), [[3.5, 3.5]])
