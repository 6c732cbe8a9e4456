import numpy as np
import pytest

from app.imaging.probe import probe
from app.imaging.working import working_image
from app.segmentation.masks import SoftMask
from app.segmentation.spaces import Frame
from app.segmentation.subject import (
    Proposal,
    bounds,
    candidates,
    distinctness,
    propose,
    without_doubtful_holes,
)
from models.model import Model
from models.sessions.base import DecoderOutput, Embedding, Fit, Prompts, View
from tests.data.photos import ASTRONAUT, CAMERA, CAT, COFFEE, RETINA, ROCKET, Photo, iou


def _proposal(model: Model, photo: Photo) -> Proposal:
    info = probe(photo.path)
    working = working_image(photo.path, info)
    (embedding,) = model.encode([working], [(info.width, info.height)])
    proposal = propose(model, embedding, lambda view: model.look(working, view))
    assert proposal is not None
    return proposal


def blind(view: View) -> None:
    """For a model without a prior."""


PHOTOS = [(ASTRONAUT, 0.7), (CAMERA, 0.8), (CAT, 0.9), (COFFEE, 0.95), (RETINA, 0.95), (ROCKET, 0.6)]


@pytest.mark.parametrize(("photo", "least"), PHOTOS, ids=lambda value: getattr(value, "name", ""))
def test_the_subject_is_found_without_a_click(lite_model: Model, photo: Photo, least: float) -> None:
    """The astronaut comes with her flag and the rocket with its tower: salient, and not the reference."""
    proposal = _proposal(lite_model, photo)
    assert iou(proposal.mask, photo.truth) >= least
    inside = proposal.mask.logits > 0
    for point in proposal.points:
        x, y = (int(at * by) for at, by in zip(point, proposal.mask.scale, strict=True))
        assert inside[y, x]


@pytest.mark.parametrize("photo", [CAT, COFFEE, RETINA], ids=lambda photo: photo.name)
def test_a_sure_proposal_says_so_and_where(lite_model: Model, photo: Photo) -> None:
    proposal = _proposal(lite_model, photo)
    assert 0.8 < proposal.score <= 1
    ys, xs = np.nonzero(photo.truth)
    truth = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    np.testing.assert_allclose(proposal.box, truth, atol=0.05 * max(photo.truth.shape))


def _two_halves() -> Embedding:
    cells = np.zeros((1, 8, 64, 64), np.float32)
    cells[0, 0] = 1
    cells[0, :, 20:40, 24:44] = np.arange(8)[:, None, None]
    return Embedding("lite", "1", (1024, 1024), {"image_embed": cells})


def test_what_differs_from_the_border_is_distinct_and_is_tried() -> None:
    frame = Frame.of((1024, 1024), Fit.PAD)
    found = distinctness(_two_halves(), frame)
    assert found[20:40, 24:44].min() > found[:20].max() + 0.5
    x, y = candidates(found, frame)[-1]
    assert 24 * 16 <= x <= 44 * 16
    assert 20 * 16 <= y <= 40 * 16


def test_padding_is_not_part_of_the_image() -> None:
    assert distinctness(_two_halves(), Frame.of((1000, 500), Fit.PAD)).shape == (32, 64)


def test_the_box_ends_at_the_image() -> None:
    frame = Frame.of((1000, 333), Fit.PAD)
    logits = np.full((256, 256), -1, np.float32)
    logits[10:, 20:] = 1
    x0, y0, x1, y1 = bounds(logits, frame)
    assert (x0, y0) == pytest.approx((20 / frame.mask_scale[0], 10 / frame.mask_scale[1]))
    assert (x1, y1) == (1000, 333)


class Blind:
    """A decoder that sees nothing anywhere."""

    fit = Fit.PAD
    dynamic_multimask = None

    def decode(self, embedding: Embedding, prompts: Prompts) -> DecoderOutput:
        count = len(prompts.coords)
        return DecoderOutput(np.full((count, 4, 256, 256), -5, np.float32), np.ones((count, 4), np.float32))


def test_nothing_found_is_no_proposal() -> None:
    assert propose(Blind(), _two_halves(), blind) is None


def test_a_proposal_can_carry_its_stored_mask(lite_model: Model) -> None:
    proposal = _proposal(lite_model, COFFEE)
    mask = SoftMask(np.zeros((2, 2), np.float32), (1, 1))
    assert proposal.with_mask(mask).mask is mask
    assert proposal.with_mask(mask).box == proposal.box


def test_without_a_prior_the_embedding_decides(lite_model: Model) -> None:
    info = probe(RETINA.path)
    (embedding,) = lite_model.encode([working_image(RETINA.path, info)], [(info.width, info.height)])
    proposal = propose(lite_model, embedding, blind)
    assert proposal is not None
    assert iou(proposal.mask, RETINA.truth) >= 0.85


VIEWS = {"plain": View(), "mirrored": View(mirrored=True), "darker": View(gamma=1.8)}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_every_view_lies_as_the_image_does(lite_model: Model, view: View) -> None:
    image = np.full((200, 300, 3), 240, np.uint8)
    image[60:140, 30:110] = (180, 20, 20)
    truth = np.zeros((320, 320), np.bool_)
    truth[96:224, 32:117] = True
    seen = lite_model.look(image, view)
    assert seen is not None
    assert ((seen > 0.5) & truth).sum() > 0.9 * ((seen > 0.5) | truth).sum()


def test_a_darker_view_sees_what_is_white_on_white(lite_model: Model) -> None:
    image = np.full((240, 240, 3), 250, np.uint8)
    image[40:110, 90:150] = (60, 120, 60)  # a plant
    image[110:200, 80:160] = 246  # its pot
    plain, darker = (lite_model.look(image, view) for view in (View(), View(gamma=1.8)))
    assert plain is not None
    assert darker is not None
    pot = np.s_[200:255, 120:200]
    assert darker[pot].mean() > plain[pot].mean() + 0.2, (darker[pot].mean(), plain[pot].mean())


def test_a_hole_stays_where_a_pixel_of_it_is_sure() -> None:
    logits = np.full((40, 60), 5, np.float32)
    logits[:, :8] = -0.5  # the backdrop reaches the border, however unsure
    logits[10:14, 20:24] = -0.6  # an eye
    logits[25:29, 40:44] = -0.6  # a handle's opening
    logits[26, 41] = -4
    closed = without_doubtful_holes(logits) > 0
    assert closed[10:14, 20:24].all()
    assert not closed[25:29, 40:44].any()
    assert not closed[:, :8].any()
    assert np.array_equal(without_doubtful_holes(logits[:, :30] * 0 + 3), np.full((40, 30), 3, np.float32))
