from functools import cache
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from app.imaging.probe import probe
from app.imaging.working import working_image
from app.segmentation.choose import choose, stability
from app.segmentation.decode import MAX_REPLAY, replay, to_mask_space
from app.segmentation.errors import MarkOutsideImage
from app.segmentation.marks import Label, Mark, MarkKind
from app.segmentation.masks import SoftMask
from app.segmentation.spaces import Frame
from models.model import Model
from models.sessions.base import Embedding, Fit
from tests.data.photos import ASTRONAUT, CAMERA, CAT, COFFEE, RETINA, Photo, iou
from tests.golden import choices, replays
from tests.segmentation.decoders import Overheard


@cache
def _embedding(model: Model, photo: Photo) -> Embedding:
    info = probe(photo.path)
    return model.encode([working_image(photo.path, info)], [(info.width, info.height)])[0]


def keep(x: float, y: float) -> Mark:
    return Mark(kind=MarkKind.POINT, points=((x, y),))


def remove(x: float, y: float) -> Mark:
    return Mark(kind=MarkKind.POINT, label=Label.REMOVE, points=((x, y),))


@pytest.mark.parametrize("photo", [ASTRONAUT, CAT, COFFEE, RETINA], ids=lambda photo: photo.name)
def test_one_keep_point_gives_the_subject(lite_model: Model, photo: Photo) -> None:
    mask = replay(lite_model, _embedding(lite_model, photo), [keep(*photo.click)], None)
    assert iou(mask, photo.truth) >= 0.92


def test_a_single_click_has_three_sizes(lite_model: Model) -> None:
    embedding = _embedding(lite_model, ASTRONAUT)
    point = keep(*ASTRONAUT.click)
    asked = [point.model_copy(update={"scale": scale}) for scale in range(3)]
    masks = [replay(lite_model, embedding, [mark], None) for mark in asked]
    np.testing.assert_array_equal(masks[0].logits, replay(lite_model, embedding, [point], None).logits)
    sizes = [np.count_nonzero(mask.logits > 0) for mask in masks]
    smallest = sizes.index(min(sizes))
    assert sorted(set(sizes)) == sizes[smallest:] + sizes[:smallest]
    # what is drawn later mends that mask, and its size is not asked for again
    corrected = replay(lite_model, embedding, [asked[1], remove(40, 40)], None)
    np.testing.assert_array_equal(corrected.logits > 0, masks[1].logits > 0)


@pytest.mark.parametrize(
    "mark",
    [
        {"kind": "point", "label": "remove", "points": [[1, 1]], "scale": 1},
        {"kind": "stroke", "points": [[1, 1]], "scale": 1},
        {"kind": "point", "points": [[1, 1]], "scale": 3},
    ],
    ids=["remove", "stroke", "no such size"],
)
def test_a_size_is_refused_where_it_means_nothing(mark: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Mark.model_validate(mark)


def test_more_marks_find_what_one_point_missed(lite_model: Model) -> None:
    embedding = _embedding(lite_model, CAMERA)
    one = replay(lite_model, embedding, [keep(*CAMERA.click)], None)
    two = replay(lite_model, embedding, [keep(*CAMERA.click), keep(40, 420)], None)
    assert iou(two, CAMERA.truth) > iou(one, CAMERA.truth) + 0.1


def test_a_box_names_the_subject(lite_model: Model) -> None:
    box = Mark(kind=MarkKind.BOX, points=((70, 10), (490, 395)))
    assert iou(replay(lite_model, _embedding(lite_model, COFFEE), [box], None), COFFEE.truth) >= 0.92


def test_a_remove_point_takes_away(lite_model: Model) -> None:
    embedding = _embedding(lite_model, ASTRONAUT)
    marks = [keep(*ASTRONAUT.click)]
    before = replay(lite_model, embedding, marks, None)
    after = replay(lite_model, embedding, [*marks, remove(222, 110)], None)
    x, y = (round(110 * before.scale[0]), round(222 * before.scale[1]))
    assert before.logits[x, y] > 0 > after.logits[x, y]


def test_removing_from_nothing_leaves_nothing(lite_model: Model) -> None:
    overheard = Overheard(lite_model)
    mask = replay(overheard, _embedding(lite_model, COFFEE), [remove(300, 150)], None)
    assert (mask.logits < 0).all()
    assert not overheard.asked


def test_each_mark_is_decoded_with_the_logits_before_it(lite_model: Model) -> None:
    overheard = Overheard(lite_model)
    embedding = _embedding(lite_model, COFFEE)
    replay(overheard, embedding, [keep(300, 150), keep(40, 60)], None)
    first, second = overheard.asked
    assert first.mask_input is None
    assert first.labels.tolist() == [[1]]
    alone = replay(lite_model, embedding, [keep(300, 150)], None)
    assert second.mask_input is not None
    np.testing.assert_array_equal(second.mask_input[0, 0], alone.logits)
    assert second.labels.tolist() == [[1, 1]]


def test_no_marks_leave_the_start_as_it_is(lite_model: Model) -> None:
    embedding = _embedding(lite_model, COFFEE)
    start = replay(lite_model, embedding, [keep(300, 150)], None)
    np.testing.assert_array_equal(replay(lite_model, embedding, [], start).logits, start.logits)


def test_a_thousand_marks_are_a_bounded_number_of_decodes(lite_model: Model) -> None:
    overheard = Overheard(lite_model)
    marks = [(keep if i % 2 else remove)(300, 150 + i / 100) for i in range(1001)]
    replay(overheard, _embedding(lite_model, COFFEE), marks, None)
    assert len(overheard.asked) == MAX_REPLAY


def test_a_mark_that_agrees_with_the_mask_changes_nothing(lite_model: Model) -> None:
    embedding = _embedding(lite_model, COFFEE)
    overheard = Overheard(lite_model)
    once = replay(lite_model, embedding, [keep(300, 150)], None)
    again = replay(overheard, embedding, [keep(300, 150), keep(302, 152)], None)
    np.testing.assert_array_equal(again.logits > 0, once.logits > 0)
    assert len(overheard.asked) == 1


def test_a_stroke_asks_where_the_mask_is_wrong(lite_model: Model) -> None:
    overheard = Overheard(lite_model)
    line = Mark(kind=MarkKind.STROKE, points=((300, 150), (60, 60)), radius=6)
    before = replay(lite_model, _embedding(lite_model, COFFEE), [keep(300, 150)], None)
    replay(overheard, _embedding(lite_model, COFFEE), [keep(300, 150), line], None)
    asked = overheard.asked[-1].coords[0, 1:]
    assert 1 <= len(asked) <= 3
    for x, y in asked:
        assert before.logits[int(y / 4), int(x / 4)] <= 0


def test_marks_outside_are_refused(lite_model: Model) -> None:
    with pytest.raises(MarkOutsideImage):
        replay(lite_model, _embedding(lite_model, COFFEE), [keep(601, 10)], None)


def test_stability_is_the_overlap_of_two_thresholds() -> None:
    ramp = np.linspace(-1, 1, 200, dtype=np.float32)[None].repeat(4, axis=0)
    assert stability(ramp, 0.5) == pytest.approx(50 / 150, abs=0.01)
    assert stability(np.full((4, 4), -9, np.float32), 0.5) == 1


@pytest.mark.parametrize("case", choices.CASES, ids=lambda case: case["what"])
def test_the_mask_chosen_is_the_golden_one(case: dict[str, Any]) -> None:
    width, height = case["image"]
    dynamic = case["dynamic"]
    said = choices.clicks(case)
    chosen = choose(
        choices.logits(case["masks"]),
        np.array(case["iou"], np.float32),
        said,
        Frame.of((width, height), Fit.PAD),
        dynamic=None if dynamic is None else (dynamic[0], dynamic[1]),
    )
    assert chosen == case["chosen"]


def test_a_start_of_another_size_is_brought_to_mask_space() -> None:
    frame = Frame.of((1000, 500), Fit.PAD)
    logits = np.full((100, 200), 3, np.float32)
    logits[:, :100] = -3
    found = to_mask_space(SoftMask(logits, (0.2, 0.2)), frame)
    assert (found[:128, :127] < 0).all()
    assert (found[:128, 129:] > 0).all()
    assert (found[128:] < -30).all()


@pytest.mark.parametrize("case", replays.CASES, ids=lambda case: case["what"])
def test_a_whole_replay_as_the_editor_s(case: dict[str, Any]) -> None:
    """Prompts, fed logits and the mask, bit by bit: web/src/editor/decode/replay.test.ts."""
    assert replays.replayed(case) == {key: case[key] for key in ("asked", "pixels", "sha256")}
