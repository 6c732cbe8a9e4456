"""Every path gives the logits of Meta's predictor: random weights, real photos, the same working image."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from models.export.export import TorchDecoder
from models.export.parity import TOLERANCE, Parity, compare
from models.manifest import Manifest
from models.model import Model
from models.registry import Registry
from models.sam2.build import load
from models.sam2.decoder import MaskDecoder
from models.sam2.encoder import ImageEncoder
from models.sessions.base import Embedding, Float, Prompts, RgbImage
from models.sessions.ort import OrtSession
from models.sessions.torch import Placement, TorchEncoder
from tests.data.photos import ASTRONAUT, COFFEE, Photo
from tests.models.predictor import PROMPTS, Subject, model_space, predictor, seen_by_meta

# one worker for all of SAM 2: torch and its weights take a gigabyte and 20 s to make
pytestmark = pytest.mark.xdist_group("sam2")


@pytest.fixture(scope="module")
def manifest(fake_registry: Registry) -> Manifest:
    return fake_registry.manifest("fake-tiny")


@pytest.fixture(scope="module")
def checkpoint(fake_registry: Registry) -> bytes:
    return fake_registry.read("fake-tiny", "checkpoint")


@pytest.fixture(scope="module")
def model(fake_registry: Registry) -> Model:
    """Torch encodes, the exported ONNX decodes: what production runs."""
    return fake_registry.open("fake-tiny", device="cpu")


@pytest.fixture(scope="module")
def sam(checkpoint: bytes, manifest: Manifest) -> Any:
    return load(checkpoint, str(manifest.encoder.config), "reference")


@pytest.fixture(scope="module")
def subjects(sam: Any) -> Callable[[Photo], Subject]:
    return functools.cache(functools.partial(seen_by_meta, predictor(sam)))


@pytest.fixture(scope="module", params=[ASTRONAUT, COFFEE], ids=lambda photo: photo.name)
def subject(request: pytest.FixtureRequest, subjects: Callable[[Photo], Subject]) -> Subject:
    return subjects(request.param)


@pytest.fixture(scope="module")
def embedding(model: Model, subject: Subject) -> Embedding:
    return encoded(model, subject.image)


def encoded(model: Model, image: RgbImage) -> Embedding:
    (embedding,) = model.encode([image], [image.shape[1::-1]])
    return embedding


Decode = Callable[[Embedding, Prompts], Float]


def decoding(model: Model) -> Decode:
    return lambda embedding, prompts: model.decode(embedding, prompts).logits


def against_meta(
    subject: Subject, embedding: Embedding, decode: Decode, *, shift: float = 0.0, pads: int = 0
) -> list[Parity]:
    results = []
    for name, prompt in PROMPTS.items():
        given = model_space(prompt, subject.image, subject.previous)
        given = replace(
            given,
            coords=np.pad(given.coords + np.float32(shift), ((0, 0), (0, pads), (0, 0))),
            labels=np.pad(given.labels, ((0, 0), (0, pads)), constant_values=-1),
        )
        results.append(compare(name, subject.reference[name], decode(embedding, given)[0]))
    return results


def assert_equal(results: list[Parity]) -> None:
    assert max(one.error for one in results) <= TOLERANCE
    assert sum(one.disagreeing for one in results) == 0


def test_the_exported_decoder_gives_the_masks_of_meta(
    model: Model, subject: Subject, embedding: Embedding
) -> None:
    assert_equal(against_meta(subject, embedding, decoding(model)))


def test_the_torch_decoder_gives_the_masks_of_meta(
    sam: Any, manifest: Manifest, model: Model, subject: Subject, embedding: Embedding
) -> None:
    in_torch = Model(manifest, lambda: model._encoder, lambda: TorchDecoder(MaskDecoder(sam), manifest))
    assert_equal(against_meta(subject, embedding, decoding(in_torch)))


def test_the_decoder_with_halved_weights_gives_the_masks_of_meta(
    fake_registry: Registry, manifest: Manifest, model: Model, subject: Subject, embedding: Embedding
) -> None:
    content = fake_registry.read("fake-tiny", "decoder_fp16")
    half = Model(manifest, lambda: model._encoder, lambda: OrtSession(content, "half"))
    assert_equal(against_meta(subject, embedding, decoding(half)))


@pytest.fixture(scope="module")
def astronaut(subjects: Callable[[Photo], Subject]) -> Subject:
    return subjects(ASTRONAUT)


@pytest.fixture(scope="module")
def right(model: Model, astronaut: Subject) -> Embedding:
    return encoded(model, astronaut.image)


def assert_broken(results: list[Parity]) -> None:
    """On every prompt: a test that this does not break would not be one."""
    assert min(one.error for one in results) > TOLERANCE


def test_one_pad_too_many_breaks_parity(model: Model, astronaut: Subject, right: Embedding) -> None:
    assert_broken(against_meta(astronaut, right, decoding(model), pads=1))


def test_half_a_pixel_breaks_parity(model: Model, astronaut: Subject, right: Embedding) -> None:
    assert_broken(against_meta(astronaut, right, decoding(model), shift=0.5))


def test_swapped_channels_break_parity(model: Model, astronaut: Subject) -> None:
    swapped = encoded(model, astronaut.image[:, :, ::-1])
    assert_broken(against_meta(astronaut, swapped, decoding(model)))


def test_features_in_half_precision_break_parity(model: Model, astronaut: Subject, right: Embedding) -> None:
    tensors = {name: value.astype(np.float16).astype(np.float32) for name, value in right.tensors.items()}
    assert_broken(against_meta(astronaut, replace(right, tensors=tensors), decoding(model)))


def test_a_wrong_mean_breaks_parity(
    sam: Any, manifest: Manifest, model: Model, astronaut: Subject, right: Embedding
) -> None:
    normalisation = manifest.normalisation.model_copy(update={"mean": (0.5, 0.5, 0.5)})
    wrong = manifest.model_copy(update={"normalisation": normalisation})
    (tensors,) = TorchEncoder(wrong, ImageEncoder(sam), Placement(torch.device("cpu"))).encode(
        [astronaut.image]
    )
    assert_broken(against_meta(astronaut, replace(right, tensors=tensors), decoding(model)))
