"""Marks over a decoder that may answer anything: what must hold does not depend on the network."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.segmentation.choose import Asked, centredness, cut
from app.segmentation.decode import replay
from app.segmentation.marks import Label, Mark, MarkKind
from app.segmentation.masks import SoftMask
from app.segmentation.obey import enforced, heeding, touched
from app.segmentation.resample import resample
from app.segmentation.spaces import Frame
from app.segmentation.strokes import decided
from models.sessions.base import Embedding, Fit
from tests.golden import obeying
from tests.segmentation.decoders import Answering

IMAGE = (600, 400)
FRAME = Frame.of(IMAGE, Fit.PAD)
WIDTH, HEIGHT = FRAME.mask_content()
CENTRES = np.arange(256, dtype=np.float32) + np.float32(0.5)
EMBEDDING = Embedding("any", "1", IMAGE, {"image_embed": np.zeros((1, 8, 64, 64), np.float32)})


def disc(x: float, y: float, radius: float) -> NDArray[np.float32]:
    """Logits [256, 256]"""
    away = np.hypot(CENTRES - np.float32(x), CENTRES[:, None] - np.float32(y))
    return np.asarray(np.clip(np.float32(radius) - away, -10, 10), np.float32)


xs, ys, radii = st.floats(0, 600), st.floats(0, 400), st.floats(5, 120)
marks = st.builds(
    lambda points, radius, keep: Mark(
        kind=MarkKind.STROKE, label=Label.KEEP if keep else Label.REMOVE, points=tuple(points), radius=radius
    ),
    st.lists(st.tuples(xs, ys), min_size=1, max_size=5),
    st.floats(0, 40),
    st.booleans(),
)
answers = st.lists(
    st.tuples(st.floats(0, 256), st.floats(0, 170), radii, st.booleans()), min_size=4, max_size=4
)


@settings(max_examples=1000, deadline=None)
@given(
    mark=marks, subject=st.tuples(st.floats(40, 216), st.floats(40, 130), st.floats(20, 60)), given_=answers
)
def test_every_stroke_obeys_and_none_inverts(
    mark: Mark, subject: tuple[float, float, float], given_: list[tuple[float, float, float, bool]]
) -> None:
    """Half of the answers are turned inside out, as a stroke of dozens of points does to SAM."""
    before = disc(*subject)
    masks = np.stack([disc(x, y, r) * (-1 if inverted else 1) for x, y, r, inverted in given_])
    after = replay(Answering(masks), EMBEDDING, [mark], SoftMask(before, FRAME.mask_scale))
    sign = 1 if mark.label is Label.KEEP else -1
    step = (FRAME.mask_scale[0], FRAME.mask_scale[1])
    full = resample(after.logits, IMAGE, step)
    assert (sign * full[decided([mark], IMAGE) != 0] > 0).all()
    was, now = before[:HEIGHT, :WIDTH] > 0, after.logits[:HEIGHT, :WIDTH] > 0
    assert not (now & ~was).any() if sign < 0 else not (was & ~now).any()


def test_a_change_stays_where_it_was_marked() -> None:
    """Removing the left arm, the decoder drops the right one too."""
    left, right, body = disc(70, 90, 20), disc(190, 90, 20), disc(130, 90, 45)
    before = np.maximum(np.maximum(left, right), body)
    mark = Mark(kind=MarkKind.POINT, label=Label.REMOVE, points=((65 / 256 * 600, 90 / 256 * 600),))
    after = replay(Answering(np.stack([body] * 4)), EMBEDDING, [mark], SoftMask(before, FRAME.mask_scale))
    assert after.logits[90, 62] < 0
    assert after.logits[90, 200] > 0
    assert after.logits[90, 130] > 0


def test_an_inverted_answer_leaves_only_the_stroke() -> None:
    before = disc(128, 85, 50)
    mark = Mark(kind=MarkKind.STROKE, points=((30, 30), (80, 30)), radius=8)
    after = replay(Answering(np.stack([-before] * 4)), EMBEDDING, [mark], SoftMask(before, FRAME.mask_scale))
    stroke = touched([mark], FRAME) != 0
    changed = (after.logits > 0) != (before > 0)
    np.testing.assert_array_equal(changed[:HEIGHT, :WIDTH], stroke)


def test_a_later_mark_wins_and_an_earlier_one_still_holds() -> None:
    point = {"kind": MarkKind.POINT, "points": ((300.0, 200.0),)}
    keep = Mark(kind=MarkKind.STROKE, points=((100, 200), (500, 200)), radius=10)
    by = touched([keep, Mark(label=Label.REMOVE, **point)], FRAME)
    logits = enforced(np.zeros((HEIGHT, WIDTH), np.float32), by)
    assert logits[85, 128] < 0
    assert logits[85, 60] > 0


def test_boxes_decide_nothing() -> None:
    assert not touched([Mark(kind=MarkKind.BOX, points=((0, 0), (600, 400)))], FRAME).any()


@pytest.mark.parametrize("keep", [True, False])
def test_what_speaks_of_another_subject_or_does_not_do_as_asked_is_not_heard(keep: bool) -> None:
    before = disc(128, 85, 50)
    willing, unmoved = disc(128, 85, 70 if keep else 30), disc(128, 85, 52 if keep else 48)
    at = disc(128 + (65 if keep else 40), 85, 3) > 0
    answers = np.stack([unmoved, -before, willing])
    assert heeding(answers, before, at, keep=keep).tolist() == [False, False, True]


@pytest.mark.parametrize("case", obeying.CASES, ids=lambda case: case["what"])
def test_the_change_taken_is_the_golden_one(case: dict[str, Any]) -> None:
    assert obeying.digest(obeying.taken(case)) == (case["pixels"], case["sha256"])


@pytest.mark.parametrize("case", obeying.MEANT, ids=lambda case: case["what"])
def test_what_a_mark_means_is_the_golden_one(case: dict[str, Any]) -> None:
    assert obeying.digest(obeying.understood(case)) == (case["pixels"], case["sha256"])


def test_who_marks_an_error_marks_its_middle() -> None:
    was, left, right = (disc(*at)[:HEIGHT, :WIDTH] > 0 for at in ((128, 85, 30), (60, 85, 20), (200, 85, 25)))
    asked = [Asked(was, disc(60, 85, 2)[:HEIGHT, :WIDTH] > 0, keep=True)]
    assert centredness(was | left, asked) == 1
    assert 0.7 < centredness(was | left | right, asked) < 0.9
    assert centredness(was | right, asked) == 0
    assert centredness(right, []) == 1


def test_what_a_remove_mark_takes_counts_against_it_and_what_a_keep_mark_adds_does_not() -> None:
    was, left = disc(128, 85, 30)[:HEIGHT, :WIDTH] > 0, disc(115, 85, 15)[:HEIGHT, :WIDTH] > 0
    at = disc(150, 85, 2)[:HEIGHT, :WIDTH] > 0
    assert cut(left, [Asked(was, at, keep=False)]) == pytest.approx(1 - left.sum() / was.sum())
    assert cut(left, [Asked(was, at, keep=True)]) == 0
