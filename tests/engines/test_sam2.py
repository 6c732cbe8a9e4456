from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.engines.preview import scaled_marks, scaled_mask, scaled_options
from app.engines.sam2 import Sam2Engine
from app.imaging.types import Format
from app.matting.options import CutoutOptions
from app.segmentation import codec
from app.segmentation.errors import MarkOutsideImage
from app.segmentation.marks import Label, Mark, MarkKind
from app.segmentation.maskio import from_png
from app.segmentation.masks import SoftMask
from models.model import Model
from models.registry import Registry
from tests.data.photos import CAT, COFFEE, iou


@pytest.fixture(scope="module")
def engine(lite_model: Model) -> Sam2Engine:
    return Sam2Engine(lite_model)


def test_what_is_stored_is_what_is_used(engine: Sam2Engine) -> None:
    encoded = engine.encode(COFFEE.path)
    assert encoded.proposal is not None
    assert encoded.mask is not None
    np.testing.assert_array_equal(
        encoded.proposal.mask.logits, from_png(encoded.mask, encoded.embedding.image_size).logits
    )
    for name, tensor in engine.unpack(encoded.packed.sent).tensors.items():
        np.testing.assert_array_equal(encoded.embedding.tensors[name], tensor)


def test_the_small_form_is_sent_and_the_whole_one_lies_behind_it(engine: Sam2Engine) -> None:
    prepared = engine.prepare(COFFEE.path)
    (embedding,) = engine.embed([prepared])
    packed = engine.pack(embedding)
    assert packed.codec == codec.KL1
    assert len(packed.sent) < 200_000 < len(packed.whole)
    behind = codec.unpack(packed.file[len(packed.sent) :])
    for name, tensor in embedding.tensors.items():
        np.testing.assert_allclose(behind.tensors[name], tensor, rtol=1e-3, atol=1e-6)
        np.testing.assert_array_equal(engine.unpack(packed.whole).tensors[name], behind.tensors[name])


def test_a_model_without_a_basis_sends_half_precision(lite_model: Model) -> None:
    bare = Sam2Engine(Model(lite_model.manifest, lambda: lite_model._encoder, lambda: lite_model._decoder))
    encoded = bare.encode(COFFEE.path)
    assert encoded.packed.codec == codec.FP16
    assert encoded.packed.file == encoded.packed.whole == codec.pack(encoded.embedding)
    assert encoded.proposal is not None


def test_a_model_that_stretches_cuts_out_what_is_not_square(fake_registry: Registry, tmp_path: Path) -> None:
    """SAM 2.1's geometry (weights are random): masks are stored and sent in the image's own shape."""
    stretching = Sam2Engine(fake_registry.open("fake-tiny", device="cpu"))
    encoded = stretching.encode(CAT.path, auto=False)
    size = encoded.embedding.image_size
    assert size[0] != size[1]
    stroke = Mark(kind=MarkKind.STROKE, points=((100, 150), (300, 150)), radius=40)
    mask = from_png(stretching.mask_png(stretching.segment(encoded.embedding, [stroke], None), size), size)
    options = CutoutOptions(trim=False, matting="off", decontaminate=False)
    stretching.cutout(CAT.path, mask, [stroke], options, tmp_path / "cutout.png")
    with Image.open(tmp_path / "cutout.png") as cutout:
        assert cutout.size == size
        assert np.asarray(cutout.getchannel("A"))[150, 200] == 255


@pytest.mark.parametrize("dot", [0, 60])
def test_on_one_colour_there_is_no_subject(engine: Sam2Engine, tmp_path: Path, dot: int) -> None:
    pixels = np.full((200, 300, 3), 128, np.uint8)
    pixels[80:120, 130:170] += np.uint8(dot)
    Image.fromarray(pixels).save(tmp_path / "grey.jpg")
    assert (engine.encode(tmp_path / "grey.jpg").proposal is None) == (dot == 0)


def test_nobody_asked_for_a_proposal(engine: Sam2Engine) -> None:
    encoded = engine.encode(COFFEE.path, auto=False)
    assert encoded.proposal is None
    assert encoded.mask is None


def test_a_photo_becomes_a_cutout(engine: Sam2Engine, tmp_path: Path) -> None:
    encoded = engine.encode(COFFEE.path)
    assert encoded.proposal is not None
    seen: list[float] = []
    result = engine.cutout(
        COFFEE.path,
        encoded.proposal.mask,
        (),
        CutoutOptions(trim=False),
        tmp_path / "out.png",
        progress=lambda share, step: seen.append(share),
    )
    with Image.open(tmp_path / "out.png") as file:
        alpha = np.asarray(file.getchannel("A"))
        assert file.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    subject = alpha > 127
    assert (subject & COFFEE.truth).sum() / (subject | COFFEE.truth).sum() > 0.95
    assert result.as_json()["format"] == "png"
    assert (result.file.width, result.file.height) == (600, 400)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_a_remove_stroke_is_final(engine: Sam2Engine, tmp_path: Path) -> None:
    mask = SoftMask(np.full((40, 60), 20, np.float32), (0.1, 0.1))
    stroke = Mark(kind=MarkKind.STROKE, label=Label.REMOVE, points=((100, 100), (200, 100)), radius=10)
    engine.cutout(COFFEE.path, mask, [stroke], CutoutOptions(trim=False), tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as file:
        alpha = np.asarray(file.getchannel("A"))
    assert not alpha[95:105, 100:200].any()
    assert (alpha[200:] == 255).all()


def test_marks_outside_are_refused_before_work(engine: Sam2Engine, tmp_path: Path) -> None:
    mask = SoftMask(np.full((40, 60), 20, np.float32), (0.1, 0.1))
    stroke = Mark(kind=MarkKind.STROKE, points=((100, 500),), radius=10)
    with pytest.raises(MarkOutsideImage):
        engine.cutout(COFFEE.path, mask, [stroke], CutoutOptions(), tmp_path / "out.png")
    assert not list(tmp_path.iterdir())


def test_a_preview_is_the_small_cutout_of_the_same_mask(engine: Sam2Engine, tmp_path: Path) -> None:
    with Image.open(COFFEE.path) as photo:
        photo.resize((3000, 2000)).save(tmp_path / "large.jpg")
    mask = SoftMask(np.where(np.mgrid[:20, :30][1] < 15, -20, 20).astype(np.float32), (0.01, 0.01))
    options = CutoutOptions(trim=False, format=Format.WEBP)
    stroke = Mark(kind=MarkKind.STROKE, points=((300, 1000), (600, 1000)), radius=100)
    result = engine.cutout(
        tmp_path / "large.jpg", mask, [stroke], options, tmp_path / "out.webp", preview=True
    )
    assert (result.file.width, result.file.height) == (1024, 683)
    with Image.open(tmp_path / "out.webp") as file:
        alpha = np.asarray(file.getchannel("A"))
    by = 1024 / 3000
    assert (alpha[:, round(1800 * by) :] > 250).all()
    assert (alpha[round(1000 * by), round(300 * by) : round(600 * by)] == 255).all()
    assert (alpha[round(100 * by), : round(1200 * by)] < 5).all()


def test_a_preview_of_a_strip_is_shrunk_by_its_long_side(engine: Sam2Engine, tmp_path: Path) -> None:
    """60 px become 10, a sixth; 6,000 become 1,024, a little more."""
    Image.new("RGB", (60, 6000), "grey").save(tmp_path / "strip.png")
    mask = SoftMask(np.where(np.mgrid[:600, :6][0] < 590, -20, 20).astype(np.float32), (0.1, 0.1))
    options = CutoutOptions(trim=False, matting="off")
    engine.cutout(tmp_path / "strip.png", mask, (), options, tmp_path / "out.png", preview=True)
    with Image.open(tmp_path / "out.png") as file:
        alpha = np.asarray(file.getchannel("A"))
    kept = np.flatnonzero(alpha.max(axis=1) > 127)
    assert kept[0] == pytest.approx(5900 * 1024 / 6000, abs=2)


def test_every_length_shrinks_with_a_preview() -> None:
    options = CutoutOptions(
        roi=(10, 20, 30, 40),
        smooth=8,
        offset=-4,
        feather=6,
        margin="12px 4",
        canvas="2000x1000",
        max_side=900,
    )
    small = CutoutOptions.model_validate(scaled_options(options, 0.5).model_dump())
    assert small.roi == (5, 10, 15, 20)
    assert (small.smooth, small.offset, small.feather) == (4, -2, 3)
    assert [length.px(0) for length in small.margins] == [6, 2, 6, 2]
    assert small.canvas_size == (1000, 500)
    assert small.max_side == 900
    assert scaled_options(CutoutOptions(margin="5%"), 0.5).margin == "5% 5% 5% 5%"
    (mark,) = scaled_marks([Mark(kind=MarkKind.STROKE, points=((10, 20),), radius=4)], 0.5)
    assert (mark.points, mark.radius) == (((5, 10),), 2)
    assert scaled_mask(SoftMask(np.zeros((2, 2), np.float32), (0.25, 0.5)), 0.5).scale == (0.5, 1)


def test_the_stored_embedding_segments_like_the_fresh_one(engine: Sam2Engine) -> None:
    encoded = engine.encode(COFFEE.path, auto=False)
    marks = [Mark(kind=MarkKind.POINT, points=(COFFEE.click,))]
    fresh = engine.segment(encoded.embedding, marks, None)
    stored = engine.segment(engine.unpack(encoded.packed.sent), marks, None)
    np.testing.assert_array_equal(fresh.logits, stored.logits)
    assert iou(stored, COFFEE.truth) > 0.92
