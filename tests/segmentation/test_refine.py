import numpy as np
import pytest
from numpy.typing import NDArray

from app.imaging.probe import probe
from app.imaging.working import working_image
from app.segmentation.masks import SoftMask
from app.segmentation.refine import refined
from app.segmentation.resample import resample
from app.segmentation.spaces import Frame
from models.model import Model
from models.sessions.base import Embedding
from tests.data.photos import CAT, RETINA, Photo
from tests.golden.replays import square
from tests.segmentation.decoders import Answering, Overheard

BLANK = Embedding("lite", "test", (256, 256), {})


def disc(x: float, y: float, radius: float) -> NDArray[np.float32]:
    return square([[x, y, radius]])


def answering(*answers: NDArray[np.float32]) -> Answering:
    return Answering(np.stack(answers))


def start(logits: NDArray[np.float32]) -> SoftMask:
    return SoftMask(logits, (1.0, 1.0))


def test_the_answer_most_like_the_mask_is_taken() -> None:
    mine, others = disc(100, 100, 50), (disc(180, 180, 50), disc(100, 100, 90), disc(20, 20, 9))
    decoder = answering(*others[:2], disc(101, 100, 51), others[2])
    np.testing.assert_array_equal(refined(decoder, BLANK, start(mine)).logits, disc(101, 100, 51))


def test_the_decoder_is_told_the_mask_and_where_its_subject_and_background_lie() -> None:
    decoder = answering(*[disc(100, 100, 50)] * 4)
    refined(decoder, BLANK, start(disc(100, 100, 50)))
    (asked,) = decoder.asked
    assert asked.mask_input is not None
    np.testing.assert_array_equal(asked.mask_input[0, 0], disc(100, 100, 50))
    away = np.hypot(*(asked.coords[0] / 4 - 100).T)
    np.testing.assert_array_equal(away < 50, asked.labels[0] == 1)
    assert set(asked.labels[0].tolist()) == {0.0, 1.0}


def test_another_subject_is_not_what_was_asked_for() -> None:
    decoder = answering(*[disc(180, 180, 50)] * 4)
    np.testing.assert_array_equal(
        refined(decoder, BLANK, start(disc(100, 100, 50))).logits, disc(100, 100, 50)
    )


@pytest.mark.parametrize("level", [-10, 10], ids=["nothing", "everything"])
def test_without_an_edge_there_is_nothing_to_ask(level: float) -> None:
    decoder = answering(*[disc(100, 100, 50)] * 4)
    flat = np.full((256, 256), level, np.float32)
    np.testing.assert_array_equal(refined(decoder, BLANK, start(flat)).logits, flat)
    assert not decoder.asked


@pytest.mark.parametrize("photo", [CAT, RETINA], ids=lambda photo: photo.name)
def test_a_coarse_mask_gets_the_edge_of_what_it_covers(lite_model: Model, photo: Photo) -> None:
    info = probe(photo.path)
    size = (info.width, info.height)
    (embedding,) = lite_model.encode([working_image(photo.path, info)], [size])
    coarse = _coarse(photo.truth, 16)
    overheard = Overheard(lite_model)
    found = refined(overheard, embedding, coarse)
    assert found.scale == Frame.of(size, lite_model.fit).mask_scale
    assert len(overheard.asked) == 1
    assert _error(found, photo) < 0.7 * _error(coarse, photo)


def _coarse(truth: NDArray[np.bool_], cells: int) -> SoftMask:
    """Of `cells` logits along the longer side."""
    height, width = truth.shape
    per = max(width, height) / cells
    values = resample(truth.astype(np.float32) * 8 - 4, (round(width / per), round(height / per)), (per, per))
    return SoftMask(values, (values.shape[1] / width, values.shape[0] / height))


def _error(mask: SoftMask, photo: Photo) -> float:
    """1 - IoU."""
    height, width = photo.truth.shape
    found = resample(mask.logits, (width, height), mask.scale) > 0
    return float(1 - (found & photo.truth).sum() / (found | photo.truth).sum())
