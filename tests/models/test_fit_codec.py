"""Learning a codec basis: the decoder's gradients, the command, and what the basis then packs."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import helper
from typer.testing import CliRunner

from app import cli
from app.commands import fit_codec
from app.imaging.probe import probe
from app.imaging.working import working_image
from app.segmentation import codec
from app.segmentation.basis import TensorBasis
from app.segmentation.codec import KL1, Codec
from app.segmentation.decode import replay
from app.segmentation.marks import Mark, MarkKind
from models.errors import GraphUnsupported
from models.export.fit_codec import fit
from models.export.gradients import TorchGraph
from models.model import Model, decoder_inputs
from models.registry import Registry
from models.sessions.base import Embedding, Prompts
from tests.data.photos import ASTRONAUT, CAT, COFFEE, Photo

CLICK = Prompts(np.full((1, 1, 2), 500, np.float32), np.ones((1, 1), np.float32))


def embedded(model: Model, photo: Photo) -> Embedding:
    info = probe(photo.path)
    return model.encode([working_image(photo.path, info)], [(info.width, info.height)])[0]


def torch_inputs(embedding: Embedding) -> dict[str, torch.Tensor]:
    return {
        name: torch.from_numpy(np.array(value)) for name, value in decoder_inputs(embedding, CLICK).items()
    }


def answers_alike(model: Model, graph: TorchGraph, embedding: Embedding) -> None:
    found, expected = graph(torch_inputs(embedding)), model.decode(embedding, CLICK)
    np.testing.assert_allclose(found["iou"].numpy(), expected.iou, atol=1e-4)
    assert np.abs(found["logits"].numpy() - expected.logits).max() < 1e-3 * expected.logits.std()


def test_torch_answers_as_onnxruntime(registry: Registry, lite_model: Model) -> None:
    graph = TorchGraph(registry.read("lite", "decoder"))
    answers_alike(lite_model, graph, embedded(lite_model, COFFEE))


def test_gradients_tell_what_small_changes_do(registry: Registry, lite_model: Model) -> None:
    graph, embedding = TorchGraph(registry.read("lite", "decoder")), embedded(lite_model, COFFEE)
    inputs = torch_inputs(embedding)
    tensor = inputs["image_embed"].requires_grad_(True)
    (gradient,) = torch.autograd.grad(graph(inputs)["logits"][0, 1].mean(), [tensor])
    step = 2e-3 * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ahead, behind = (
            graph(inputs | {"image_embed": tensor + sign * step})["logits"][0, 1].mean() for sign in (1, -1)
        )
    assert float((ahead - behind) / 2) == pytest.approx(float((gradient * step).sum()), rel=0.05)


def test_the_command_learns_a_basis_that_packs_small_and_keeps_the_mask(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, photos = tmp_path / "models", tmp_path / "photos"
    (root / "files").mkdir(parents=True)
    for file in registry.manifest("lite").files:
        (root / "files" / file.sha256).symlink_to(registry.file(file.sha256))
    photos.mkdir()
    (photos / "notes.txt").write_text("not a photo")
    for photo in (ASTRONAUT, CAT, COFFEE):
        shutil.copy(photo.path, photos)
    environment = {"CUTOUT_MODELS_DIR": str(root)}
    command = ["models", "fit-codec", "lite", str(photos), "--out", str(tmp_path / "own.basis")]
    few = CliRunner().invoke(cli.app, command, env=environment)
    assert isinstance(few.exception, fit_codec.TooFewPhotos)
    monkeypatch.setattr(fit_codec, "FEW", 3)
    result = CliRunner().invoke(cli.app, command, env=environment)
    assert result.exit_code == 0, result.output

    made, shipped = Registry(root).open("lite"), registry.manifest("lite")
    assert (made.manifest.codec, made.revision.partition("+")[0]) == (KL1, shipped.revision)
    assert made.revision != shipped.revision
    assert made.codec_basis == (tmp_path / "own.basis").read_bytes()
    embedding, small_form = embedded(made, COFFEE), Codec.of(made.codec_basis, made.fit)
    packed = small_form.pack(embedding)
    assert len(packed) < len(codec.pack(embedding)) / 7
    marks = [Mark(kind=MarkKind.POINT, points=(COFFEE.click,))]
    whole = replay(made, embedding, marks, None).logits > 0
    small = replay(made, small_form.unpack(packed), marks, None).logits > 0
    assert (whole & small).sum() / (whole | small).sum() > 0.97


def test_every_tensor_of_sam2_gets_a_basis(fake_registry: Registry) -> None:
    model = fake_registry.open("fake-tiny", device="cpu")
    embedding = embedded(model, CAT)
    graph = TorchGraph(fake_registry.read("fake-tiny", "decoder"))
    answers_alike(model, graph, embedding)
    found = fit(model.manifest, model, graph, [embedding], [embedding.image_size])
    basis = fit_codec.named(model.manifest, [TensorBasis.fitted(one) for one in found], 0.1, 0.1)
    assert [one.name for one in basis.tensors] == list(embedding.tensors)
    renamed = Embedding(basis.model, basis.revision, embedding.image_size, embedding.tensors)
    small_form = Codec(basis, model.fit)
    back = small_form.unpack(small_form.pack(renamed))
    for tensor in basis.tensors:
        error = tensor.forward @ (back.tensors[tensor.name] - embedding.tensors[tensor.name]).reshape(
            tensor.channels, -1
        )
        assert np.abs(error).max() < 0.0505, tensor.name


def test_an_operator_without_gradients_is_named() -> None:
    node = helper.make_node("Det", ["x"], ["y"])
    square, number = ((name, 1, shape) for name, shape in (("x", [2, 2]), ("y", [])))
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info(*square)], [helper.make_tensor_value_info(*number)]
    )
    with pytest.raises(GraphUnsupported, match="Det"):
        TorchGraph(helper.make_model(graph).SerializeToString())
