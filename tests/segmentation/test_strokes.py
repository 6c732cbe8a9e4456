import numpy as np

from app.segmentation.marks import Label, Mark, MarkKind
from app.segmentation.strokes import decided


def test_a_stroke_decides_the_pixels_whose_centre_it_covers() -> None:
    mark = Mark(kind=MarkKind.STROKE, points=((10, 20), (30, 20)), radius=4)
    found = decided([mark], (60, 40))
    ys, xs = np.mgrid[:40, :60] + 0.5
    nearest = np.clip(xs, 10, 30)
    inside = np.hypot(xs - nearest, ys - 20) <= 4
    np.testing.assert_array_equal(found, inside.astype(np.int8))


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
