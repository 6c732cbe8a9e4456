import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from app.segmentation.marks import Label, Mark, MarkKind, Marks
from app.segmentation.strokes import decided


def test_a_stroke_decides_the_pixels_whose_centre_it_covers() -> None:
    mark = Mark(kind=MarkKind.STROKE, points=((10, 20), (30, 20)), radius=4)
    found = decided([mark], (60, 40))
    ys, xs = np.mgrid[:40, :60] + 0.5
    nearest = np.clip(xs, 10, 30)
    inside = np.hypot(xs - nearest, ys - 20) <= 4
    np.testing.assert_array_equal(found, inside.astype(np.int8))


@pytest.mark.parametrize("scale", [(1.0, 1.0), (0.31, 0.47), (1.7, 0.9)])
def test_a_stroke_is_all_of_its_segments(scale: tuple[float, float]) -> None:
    """Runs and rows that are covered already leave nothing out and nothing in; ties included."""
    rng = np.random.default_rng(7)
    for _ in range(200):
        line = np.round(rng.uniform(-20, 110, (rng.integers(1, 7), 2)) * 2) / 2
        radius = float(rng.choice([0.5, 1, 2.5, 9, 40]))
        mark = Mark(kind=MarkKind.STROKE, points=tuple(map(tuple, line.tolist())), radius=radius)
        width, height = (int(n) for n in rng.integers(1, 90, 2))
        np.testing.assert_array_equal(
            decided([mark], (width, height), scale), covered(line, radius, (width, height), scale)
        )


def covered(
    line: NDArray[np.float64], radius: float, size: tuple[int, int], scale: tuple[float, float]
) -> NDArray[np.bool_]:
    """By asking every pixel of every segment."""
    ys, xs = np.mgrid[: size[1], : size[0]] + 0.5
    xs, ys = xs / scale[0], ys / scale[1]
    out = np.zeros(xs.shape, np.bool_)
    for (ax, ay), (bx, by) in zip(line[:1].tolist() + line[:-1].tolist(), line.tolist(), strict=True):
        dx, dy = bx - ax, by - ay
        square = dx * dx + dy * dy
        along = np.clip(((xs - ax) * dx + (ys - ay) * dy) / square, 0, 1) if square else np.zeros_like(xs)
        out |= (xs - ax - along * dx) ** 2 + (ys - ay - along * dy) ** 2 <= radius * radius
    return out


def test_marks_have_so_many_points_together() -> None:
    stroke = Mark(kind=MarkKind.STROKE, points=((1, 1),) * 20_000, radius=3)
    few = TypeAdapter[tuple[Mark, ...]](Marks)
    assert len(few.validate_python((stroke, stroke))) == 2
    with pytest.raises(ValidationError, match="60,000 points"):
        few.validate_python((stroke, stroke, stroke))


def test_later_marks_win_and_boxes_and_bare_points_decide_nothing() -> None:
    keep = Mark(kind=MarkKind.STROKE, points=((5, 5),), radius=4)
    remove = Mark(kind=MarkKind.STROKE, label=Label.REMOVE, points=((5, 5),), radius=2)
    assert decided([keep, remove], (10, 10))[5, 5] == -1
    assert decided([remove, keep], (10, 10))[5, 5] == 1
    box = Mark(kind=MarkKind.BOX, points=((0, 0), (9, 9)))
    dot = Mark(kind=MarkKind.POINT, points=((5, 5),))
    assert not decided([box, dot], (10, 10)).any()
    assert decided([dot.model_copy(update={"radius": 1.5})], (10, 10)).sum() == 4


def test_a_hairline_leaves_no_gap() -> None:
    line = Mark(kind=MarkKind.STROKE, points=((0, 0), (50, 23)), radius=0)
    assert decided([line], (50, 24)).any(axis=0).all()


def test_a_smaller_raster_covers_the_same_part_of_the_image() -> None:
    mark = Mark(kind=MarkKind.STROKE, points=((100, 100), (300, 150)), radius=40)
    full, half = decided([mark], (400, 300)), decided([mark], (200, 150), (0.5, 0.5))
    assert abs(full.mean() - half.mean()) < 0.003


def test_strokes_beyond_the_edge_are_cut_at_it() -> None:
    mark = Mark(kind=MarkKind.STROKE, points=((0, 0), (10, 10)), radius=100)
    assert decided([mark], (10, 10)).all()
