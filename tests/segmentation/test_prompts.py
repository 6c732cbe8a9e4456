import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.segmentation.errors import MarkOutsideImage
from app.segmentation.marks import Label, Mark, MarkKind
from app.segmentation.prompts import (
    MAX_PROMPT_POINTS,
    MAX_STROKE_POINTS,
    check_inside,
    clicks,
    prompts,
    spread,
)
from app.segmentation.spaces import Frame
from models.sessions.base import Fit

IMAGE = (800, 600)
FRAME = Frame.of(IMAGE, Fit.PAD)


def point(x: float, y: float, label: Label = Label.KEEP) -> Mark:
    return Mark(kind=MarkKind.POINT, label=label, points=((x, y),))


def stroke(*points: tuple[float, float], label: Label = Label.KEEP) -> Mark:
    return Mark(kind=MarkKind.STROKE, label=label, points=points, radius=10)


def box(*corners: tuple[float, float]) -> Mark:
    return Mark(kind=MarkKind.BOX, points=corners)


def test_one_keep_point_is_ambiguous_and_everything_else_is_not() -> None:
    assert clicks([point(1, 2)], IMAGE).single
    assert not clicks([point(1, 2), point(3, 4)], IMAGE).single
    assert not clicks([point(1, 2, Label.REMOVE)], IMAGE).single
    assert not clicks([box((0, 0), (9, 9))], IMAGE).single


def test_points_keep_their_order_and_labels() -> None:
    said = clicks([point(1, 2), point(3, 4, Label.REMOVE), point(5, 6)], IMAGE)
    assert said.points.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert said.keep == (True, False, True)


def test_box_corners_come_first_in_order_and_the_last_box_counts() -> None:
    marks = [box((0, 0), (9, 9)), point(100, 100), box((400, 300), (200, 500))]
    prompt = prompts(clicks(marks, IMAGE), FRAME)
    scale = 1024 / 800
    np.testing.assert_allclose(
        prompt.coords[0], np.array([[200, 300], [400, 500], [100, 100]]) * scale, rtol=1e-6
    )
    assert prompt.labels.tolist() == [[2, 3, 1]]


def test_a_long_stroke_is_few_points_spread_along_it() -> None:
    path = [(100 + i * 0.5, 300.0) for i in range(1001)]
    found = clicks([stroke(*path)], IMAGE).points
    expected = np.array([[183.3333, 300.0], [350, 300], [516.6667, 300]])
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_dab_is_one_point() -> None:
    assert clicks([stroke((10, 10), (12, 11), (13, 12))], IMAGE).points.shape == (1, 2)


@given(st.lists(st.tuples(st.floats(0, 800), st.floats(0, 600)), min_size=1, max_size=50))
def test_spread_points_lie_within_the_stroke(path: list[tuple[float, float]]) -> None:
    line = np.array(path)
    found = spread(line, 3)
    assert 1 <= len(found) <= MAX_STROKE_POINTS
    assert (found >= line.min(axis=0) - 1e-6).all()
    assert (found <= line.max(axis=0) + 1e-6).all()


def test_many_marks_leave_the_latest_points() -> None:
    said = clicks([point(i, 0) for i in range(50)], IMAGE)
    assert said.points[:, 0].tolist() == list(range(50 - MAX_PROMPT_POINTS, 50))


def test_a_mark_outside_is_refused_and_named() -> None:
    check_inside([point(0, 0), point(800, 600)], IMAGE)
    with pytest.raises(MarkOutsideImage, match="mark 1") as caught:
        check_inside([point(1, 1), point(800.5, 10)], IMAGE)
    assert caught.value.extra == {"mark": 1}
