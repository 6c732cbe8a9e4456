import functools
import io
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.errors import DeviceLost, ModelCorrupt, OutOfMemory
from models.manifest import Manifest
from models.registry import Registry
from models.sam2.build import load
from models.sessions.base import RgbImage
from models.sessions.torch import Placement, TorchEncoder, place

# one worker for all of SAM 2: torch and its weights take a gigabyte and 20 s to make
pytestmark = pytest.mark.xdist_group("sam2")

CPU = Placement(torch.device("cpu"))


class Shrinker(nn.Module):
    """Tensors of the right kind without the weights: each image's planes, made smaller. Notes its batches."""

    def __init__(self, before: Callable[[int], None] = lambda _size: None) -> None:
        super().__init__()
        self.batches: list[int] = []
        self._before = before

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self._before(len(images))
        self.batches.append(len(images))
        return images[:, :, ::16, ::16], images[:, :, ::4, ::4], images[:, :, ::8, ::8]


@pytest.fixture(scope="module")
def manifest(registry: Registry) -> Manifest:
    return registry.manifest("sam2.1-hiera-tiny")


def encoder(manifest: Manifest, module: nn.Module, batch: int) -> TorchEncoder:
    encoder = TorchEncoder(manifest, module, CPU)
    encoder.max_batch = batch
    return encoder


def greys(*values: int) -> list[RgbImage]:
    return [np.full((20, 30, 3), value, np.uint8) for value in values]


def test_images_are_run_in_batches_and_come_back_in_order(manifest: Manifest) -> None:
    module = Shrinker()
    results = encoder(manifest, module, 2).encode(greys(10, 20, 30, 40, 50))
    assert module.batches == [2, 2, 1]
    for value, tensors in zip((10, 20, 30, 40, 50), results, strict=True):
        assert list(tensors) == ["image_embed", "high_res_feats_0", "high_res_feats_1"]
        assert tensors["image_embed"].shape == (1, 3, 64, 64)
        assert tensors["image_embed"].dtype == np.float32
        np.testing.assert_allclose(tensors["image_embed"][0, 0], (value / 255 - 0.485) / 0.229, rtol=1e-5)


def test_out_of_memory_halves_the_batch_and_goes_on(manifest: Manifest) -> None:
    def full(size: int) -> None:
        if size > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    module = Shrinker(full)
    halving = encoder(manifest, module, 8)
    results = halving.encode(greys(*range(10)))
    assert len(results) == 10
    assert module.batches == [2] * 5
    assert halving.max_batch == 2
    ninth = (9 / 255 - 0.485) / 0.229
    np.testing.assert_allclose(results[9]["image_embed"][0, 0], ninth, rtol=1e-5)


def test_one_image_that_does_not_fit_is_an_error(manifest: Manifest) -> None:
    def full(_size: int) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    with pytest.raises(OutOfMemory, match="one image does not fit: CUDA out of memory"):
        encoder(manifest, Shrinker(full), 4).encode(greys(1, 2, 3))


def test_a_lost_gpu_is_named(manifest: Manifest) -> None:
    def lost(_size: int) -> None:
        raise torch.AcceleratorError("CUDA error: unspecified launch failure\nCUDA kernel errors might be…")

    with pytest.raises(DeviceLost, match=r"the GPU failed: CUDA error: unspecified launch failure$"):
        encoder(manifest, Shrinker(lost), 1).encode(greys(1))


def test_without_a_driver_it_is_the_cpu_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for wanted in ("auto", "cuda"):
        placement = place(wanted)
        assert placement.device.type == "cpu"
        assert placement.notes[0].startswith("encoder on CPU: ")
        assert len(placement.notes[0]) > len("encoder on CPU: ")
    assert place("cpu").notes == ()


def test_the_reason_is_on_the_model(fake_registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    model = fake_registry.open("fake-tiny")
    assert model.notes == place("auto").notes
    assert model.max_batch == 1


@pytest.fixture(scope="module")
def checkpoint(fake_registry: Registry) -> bytes:
    return fake_registry.read("fake-tiny", "checkpoint")


TINY = "configs/sam2.1/sam2.1_hiera_t.yaml"
SMALL = "configs/sam2.1/sam2.1_hiera_s.yaml"


def saved(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def test_a_truncated_checkpoint_is_corrupt(checkpoint: bytes) -> None:
    for length in (0, 100, len(checkpoint) // 2, len(checkpoint) - 1):
        with pytest.raises(ModelCorrupt, match=r"^toy: not a SAM 2 checkpoint"):
            load(checkpoint[:length], TINY, "toy")


@pytest.mark.parametrize(
    "content", [{"weights": {}}, [1, 2], {"model": 3}], ids=["no model", "list", "number"]
)
def test_what_is_no_checkpoint_is_corrupt(content: object) -> None:
    with pytest.raises(ModelCorrupt, match=r"^toy: "):
        load(saved(content), TINY, "toy")


def test_a_checkpoint_of_another_model_is_corrupt(checkpoint: bytes) -> None:
    with pytest.raises(ModelCorrupt, match=r"not one of configs/sam2\.1/sam2\.1_hiera_s"):
        load(checkpoint, SMALL, "toy")


class Bomb:
    """Unpickled with trust, it leaves a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self._path,)


@pytest.mark.parametrize(
    "save", [saved, functools.partial(pickle.dumps, protocol=2)], ids=["zip", "bare pickle"]
)
def test_code_in_a_checkpoint_is_not_run(save: Callable[[object], bytes], tmp_path: Path) -> None:
    fuse = tmp_path / "ran"
    content = save({"model": Bomb(fuse)})
    with pytest.raises(ModelCorrupt, match=r"^toy: not a SAM 2 checkpoint"):
        load(content, TINY, "toy")
    assert not fuse.exists()
    pickle.loads(pickle.dumps(Bomb(fuse)))
    assert fuse.exists()  # so the bomb was live
