"""Marks over a decoder that may answer anything: what must hold does not depend on the network."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.segmentation.decode import replay
from app.segmentation.marks import Label, Mark, MarkKind
from app.segmentation.masks import SoftMask
from app.segmentation.obey import enforced, local_change, remembering, touched
from app.segmentation.resample import resample
from app.segmentation.spaces import Frame
from app.segmentation.strokes import decided
from models.sessions.base import DecoderOutput, Embedding, Fit, Prompts
from tests.golden import obeying

IMAGE = (600, 400)
FRAME = Frame.of(IMAGE, Fit.PAD)
WIDTH, HEIGHT = FRAME.mask_content()
EMBEDDING = Embedding("any", "1", IMAGE, {"image_embed": np.zeros((1, 8, 64, 64), np.float32)})


def disc(x: float, y: float, radius: float) -> NDArray[np.float32]:
    """Logits [256, 256]"""
    ys, xs = np.mgrid[:256, :256] + 0.5
    return np.asarray(np.clip(radius - np.hypot(xs - x, ys - y), -10, 10), np.float32)


class Answering:
    """A decoder whose four masks are given."""

    fit = Fit.PAD
    dynamic_multimask = None

    def __init__(self, masks: NDArray[np.float32]) -> None:
        self._output = DecoderOutput(masks[None], np.linspace(0.6, 0.9, 4, dtype=np.float32)[None])

    def decode(self, embedding: Embedding, prompts: Prompts) -> DecoderOutput:
        return self._output


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


def test_a_remove_mark_in_the_heart_lets_the_size_be_chosen_anew() -> None:
    before, smaller = disc(128, 85, 60), disc(95, 85, 20)
    keep = Mark(kind=MarkKind.POINT, points=((95 / 256 * 600, 85 / 256 * 600),))
    mark = Mark(kind=MarkKind.POINT, label=Label.REMOVE, points=((140 / 256 * 600, 85 / 256 * 600),))
    start = SoftMask(before, FRAME.mask_scale)
    after = replay(Answering(np.stack([smaller] * 4)), EMBEDDING, [keep, mark], start)
    was, now = smaller[:HEIGHT, :WIDTH] > 0, after.logits[:HEIGHT, :WIDTH] > 0
    np.testing.assert_array_equal(now, was)


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
def test_what_speaks_of_another_subject_is_not_heard(keep: bool) -> None:
    before = disc(128, 85, 50)
    answers = np.stack([before, -before, disc(128, 85, 30 if not keep else 70)])
    assert remembering(answers, before, keep=keep).tolist() == [True, False, True]


@pytest.mark.parametrize("case", obeying.CASES, ids=lambda case: case["what"])
def test_the_change_taken_is_the_golden_one(case: dict[str, Any]) -> None:
    before, after, at = obeying.inputs(case)
    found = local_change(before, after, at, keep=case["keep"]) > 0
    assert obeying.digest(found) == (case["pixels"], case["sha256"])
