import numpy as np
import pytest

from app.engines.compare import compare, side_by_side, whole


def square(x: int, size: int = 20) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    matte = np.zeros((40, 60), np.uint8)
    matte[10 : 10 + size, x : x + size] = 255
    return matte


def test_the_same_is_the_same() -> None:
    same = compare(square(10), square(10))
    assert (same.iou, same.edge_difference) == (1, 0)
    nothing = compare(square(0) * 0, square(0) * 0)
    assert (nothing.iou, nothing.edge_difference) == (1, 0)


def test_what_differs() -> None:
    """Squares of 20 px, 5 px apart: 15 of 25 columns are both's."""
    moved = compare(square(10), square(15))
    assert moved.iou == pytest.approx(300 / 500, abs=1e-4)
    assert 0.2 < moved.edge_difference < 0.4
    assert compare(square(10), square(35)).iou == 0


def test_a_soft_edge_shows_in_the_edge_alone() -> None:
    soft = square(10)
    soft[10:30, 10] = soft[10:30, 29] = 160
    found = compare(square(10), soft)
    assert found.iou == 1
    assert 0 < found.edge_difference < 0.1


def test_a_trimmed_matte_is_laid_back() -> None:
    trimmed = np.full((20, 20), 255, np.uint8)
    np.testing.assert_array_equal(whole(trimmed, (10, 10, 30, 30), (60, 40)), square(10))
    margin = whole(np.full((24, 24), 255, np.uint8), (-2, -2, 22, 22), (60, 40))
    assert (margin[:22, :22].min(), margin[22:].max()) == (255, 0)


def test_the_picture_shows_all_three() -> None:
    photo = np.full((40, 60, 3), 7, np.uint8)
    shown = side_by_side(photo, square(10), square(15))
    assert shown.shape == (40, 60 * 3 + 16, 3)
    assert (shown[20, 5] == 7).all() and (shown[0, 70] == 190).all()
