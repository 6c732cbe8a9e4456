import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import models
from app.imaging.probe import probe
from app.imaging.working import working_image
from app.segmentation import codec, entropy
from app.segmentation.basis import Area, Basis, TensorBasis
from app.segmentation.codec import Codec, cells
from app.segmentation.container import Reader, unseal
from app.segmentation.decode import replay
from app.segmentation.errors import EmbeddingMismatch, EmbeddingUnreadable
from app.segmentation.marks import Mark, MarkKind
from app.segmentation.spaces import Frame
from models.model import Model
from models.sessions.base import Embedding, Fit
from tests.data.photos import COFFEE
from tests.golden import packing


@pytest.fixture
def embedding() -> Embedding:
    random = np.random.default_rng(1)
    return Embedding(
        "sam2.1-hiera-tiny",
        "1",
        (640, 427),
        {
            "image_embed": random.normal(size=(1, 16, 8, 8)).astype(np.float32),
            "high_res_feats_0": random.normal(size=(1, 4, 32, 32)).astype(np.float32),
        },
    )


def test_half_precision_comes_back(embedding: Embedding) -> None:
    back = codec.unpack(codec.pack(embedding))
    assert (back.model, back.revision, back.image_size) == ("sam2.1-hiera-tiny", "1", (640, 427))
    assert list(back.tensors) == list(embedding.tensors)
    for name, tensor in embedding.tensors.items():
        assert back.tensors[name].dtype == np.float32
        np.testing.assert_allclose(back.tensors[name], tensor, rtol=1e-3, atol=1e-6)


def test_packing_what_was_unpacked_changes_nothing(embedding: Embedding) -> None:
    packed = codec.pack(embedding)
    assert codec.pack(codec.unpack(packed)) == packed


def test_damage_is_told(embedding: Embedding) -> None:
    packed = codec.pack(embedding)
    newer = packed[:4] + bytes([99]) + packed[5:]
    for data in (b"", packed[:6], packed[:40], packed[:-1], b"PNG" + packed, newer):
        with pytest.raises(EmbeddingUnreadable):
            codec.unpack(data)


def _smooth(random: np.random.Generator, channels: int, side: int) -> np.ndarray:
    """[1, C, side, side]: like an encoder's output, a few strong smooth channels and many weak ones."""
    coarse = random.normal(size=(channels, side // 4, side // 4)).repeat(4, axis=1).repeat(4, axis=2)
    weights = np.exp(-np.arange(channels) / 4)[:, None, None]
    values = coarse * weights + 0.02 * random.normal(size=(channels, side, side))
    return values[None].astype(np.float32)


@pytest.fixture
def basis() -> Basis:
    random = np.random.default_rng(2)
    area = Area(random.normal(size=16).astype(np.float32), np.full(16, 20_000, np.int32))
    inverse = np.linalg.qr(random.normal(size=(16, 16)))[0].astype(np.float16).astype(np.float32)
    predictor = np.tile(np.array([120, 120, -60, 20], np.int32), (16, 1))
    tensor = TensorBasis("image_embed", inverse, predictor, area, area)
    return Basis("lite-test", "lite", "1", 20_000, 80_000, (tensor,))


@pytest.mark.parametrize("size", [(640, 427), (427, 640), (500, 500), (2000, 3)])
def test_the_small_form_is_within_half_a_step_in_the_basis(basis: Basis, size: tuple[int, int]) -> None:
    values = _smooth(np.random.default_rng(3), 16, 64)
    small_form = Codec(basis, Fit.PAD)
    back = small_form.unpack(small_form.pack(Embedding("lite", "1", size, {"image_embed": values})))
    assert back.image_size == size
    error = basis.tensors[0].forward @ (back.tensors["image_embed"] - values)[0].reshape(16, -1)
    width, height = cells(Frame.of(size, Fit.PAD).content, 64)
    image = np.zeros((64, 64), np.bool_)
    image[:height, :width] = True
    assert np.abs(error[:, image.ravel()]).max() <= 0.0101
    assert np.abs(error).max() <= 0.0401


def test_the_small_form_is_small_and_the_same_every_time(basis: Basis) -> None:
    values = _smooth(np.random.default_rng(3), 16, 64)
    embedding = Embedding("lite", "1", (500, 500), {"image_embed": values})
    small_form = Codec(basis, Fit.PAD)
    packed = small_form.pack(embedding)
    assert len(packed) < len(codec.pack(embedding)) / 3
    assert small_form.pack(embedding) == packed


def test_half_precision_is_read_by_a_codec_with_a_basis(basis: Basis) -> None:
    embedding = Embedding("lite", "1", (64, 64), {"image_embed": _smooth(np.random.default_rng(3), 16, 64)})
    back = Codec(basis, Fit.PAD).unpack(codec.pack(embedding))
    np.testing.assert_allclose(
        back.tensors["image_embed"], embedding.tensors["image_embed"], rtol=1e-3, atol=1e-6
    )


def test_the_wrong_basis_and_the_wrong_model_are_refused(basis: Basis) -> None:
    embedding = Embedding("lite", "1", (64, 64), {"image_embed": _smooth(np.random.default_rng(3), 16, 64)})
    packed = Codec(basis, Fit.PAD).pack(embedding)
    with pytest.raises(EmbeddingMismatch):
        codec.unpack(packed)
    with pytest.raises(EmbeddingMismatch):
        Codec(replace(basis, id="another"), Fit.PAD).unpack(packed)
    with pytest.raises(EmbeddingMismatch):
        Codec(basis, Fit.PAD).pack(replace(embedding, revision="2"))


def test_damage_of_the_small_form_ends_in_an_error_or_an_embedding(basis: Basis) -> None:
    embedding = Embedding("lite", "1", (640, 427), {"image_embed": _smooth(np.random.default_rng(3), 16, 64)})
    small_form = Codec(basis, Fit.PAD)
    packed = small_form.pack(embedding)
    for cut in (10, 60, len(packed) // 2, len(packed) - 1):
        with pytest.raises(EmbeddingUnreadable):
            small_form.unpack(packed[:cut])
    random = np.random.default_rng(5)
    for _ in range(50):
        broken = bytearray(packed)
        broken[int(random.integers(300, len(packed)))] ^= int(random.integers(1, 256))
        try:
            found = small_form.unpack(bytes(broken))
        except EmbeddingUnreadable:
            continue
        assert found.tensors["image_embed"].shape == (1, 16, 64, 64)


def test_a_basis_comes_back_from_its_file(basis: Basis) -> None:
    back = Basis.from_bytes(basis.to_bytes())
    assert (back.id, back.model, back.step, back.padding_step) == ("lite-test", "lite", 20_000, 80_000)
    np.testing.assert_array_equal(back.tensors[0].inverse, basis.tensors[0].inverse)
    np.testing.assert_array_equal(back.tensors[0].predictor, basis.tensors[0].predictor)
    with pytest.raises(EmbeddingUnreadable):
        Basis.from_bytes(basis.to_bytes()[:-1])


def test_the_shipped_basis_keeps_the_mask_and_the_target_size(lite_model: Model) -> None:
    shipped = Basis.from_bytes((Path(models.__file__).parent / "codecs" / "lite.basis").read_bytes())
    info = probe(COFFEE.path)
    image = working_image(COFFEE.path, info)
    (embedding,) = lite_model.encode([image], [(info.width, info.height)])
    small_form = Codec(shipped, lite_model.fit)
    packed = small_form.pack(embedding)
    assert len(packed) <= 200_000
    marks = [Mark(kind=MarkKind.POINT, points=(COFFEE.click,))]
    whole = replay(lite_model, embedding, marks, None).logits > 0
    small = replay(lite_model, small_form.unpack(packed), marks, None).logits > 0
    assert (whole & small).sum() / (whole | small).sum() >= 0.98


@pytest.mark.parametrize("name", packing.SIZES)
def test_the_golden_planes_are_written_as_they_were_read(name: str) -> None:
    """Writer and reader are two functions: the bytes hold them together."""
    (tensor,) = packing.basis().tensors
    header, payload = unseal((packing.FOLDER / f"{name}.bin").read_bytes())
    (entry,), reader = header["tensors"], Reader(payload)
    width, height = entry["content"]
    shapes = [
        (height, width),
        (packing.SIDE - height, width) if height < packing.SIDE else (height, packing.SIDE - width),
    ]
    for length, step, area, shape in zip(
        entry["bytes"], header["steps"], (tensor.image, tensor.padding), shapes, strict=False
    ):
        packed, model = bytes(reader.take(length)), tensor.model(area, step)
        planes = entropy.decode(packed, (packing.CHANNELS, *shape), model)
        assert planes.any()
        assert entropy.encode(planes, model) == packed


@pytest.mark.parametrize("name", packing.SIZES)
def test_the_golden_embeddings_unpack_as_in_the_editor(name: str) -> None:
    golden = Codec(Basis.from_bytes((packing.FOLDER / "basis.bin").read_bytes()), Fit.PAD)
    data = (packing.FOLDER / f"{name}.bin").read_bytes()
    expected = json.loads((packing.FOLDER / "expected.json").read_text())[name]
    found = golden.unpack(data).tensors["image_embed"]
    np.testing.assert_allclose(found.ravel(), np.array(expected), atol=1e-5)
    original = packing.embeddings()[name].tensors["image_embed"]
    assert np.abs(found - original).max() < 0.2
