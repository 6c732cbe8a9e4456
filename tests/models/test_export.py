import numpy as np
import onnx
import pytest

from models.errors import ModelMissing, ModelUnknown, ParityFailed
from models.export.export import export
from models.export.graphs import half_weights
from models.export.parity import Parity, check, compare, decoder_parity, equal
from models.model import Model
from models.registry import Registry
from models.sessions.ort import OrtSession

# one worker for all of SAM 2: torch and its weights take a gigabyte and 20 s to make
pytestmark = pytest.mark.xdist_group("sam2")


def test_the_exported_model_is_in_its_manifest(fake_registry: Registry) -> None:
    manifest = fake_registry.manifest("fake-tiny")
    assert fake_registry.installed("fake-tiny")
    assert [file.role for file in manifest.files] == ["checkpoint", "decoder", "decoder_fp16"]
    assert fake_registry.verify("fake-tiny") == manifest
    assert fake_registry.pull("fake-tiny") == manifest


def test_the_graph_has_the_interface_of_all_models(fake_registry: Registry) -> None:
    graph = onnx.load_from_string(fake_registry.read("fake-tiny", "decoder"))
    spec = fake_registry.manifest("fake-tiny").decoder
    for values, named in ((graph.graph.input, spec.inputs), (graph.graph.output, spec.outputs)):
        shapes = {
            value.name: tuple(axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim)
            for value in values
        }
        assert shapes == named
    assert next(opset.version for opset in graph.opset_import if not opset.domain) >= 17


def test_halving_weights_saves_a_quarter(fake_registry: Registry) -> None:
    manifest = fake_registry.manifest("fake-tiny")
    whole, half = manifest.file("decoder"), manifest.file("decoder_fp16")
    assert whole is not None
    assert half is not None
    assert half.bytes < 0.76 * whole.bytes


def test_halved_weights_are_equal_for_real_weights_too(registry: Registry, lite_model: Model) -> None:
    graph = registry.read("lite", "decoder")
    y, x = np.mgrid[:256, :256]
    disc = (40 + 180 * ((x - 120) ** 2 + (y - 140) ** 2 < 70**2)).astype(np.uint8)
    (embedding,) = lite_model.encode([np.repeat(disc[:, :, None], 3, axis=2)], [(256, 256)])
    results = decoder_parity(
        embedding.tensors, OrtSession(graph, "whole").run, OrtSession(half_weights(graph), "half").run
    )
    assert equal(results)
    assert max(one.error for one in results) > 1e-5  # they were halved


def test_what_differs_is_not_equal() -> None:
    reference = np.random.default_rng(0).normal(0, 5, (4, 256, 256)).astype(np.float32)
    same = compare("same", reference, reference)
    moved = compare("moved", reference, reference + np.float32(0.1))
    assert same == Parity("same", 0.0, 0)
    assert moved.error == pytest.approx(0.02, rel=0.01)
    assert moved.disagreeing > 0
    check([same])
    with pytest.raises(ParityFailed, match=r"2\.0e-02 standard deviations off \(moved\)"):
        check([same, moved])


def test_only_checkpoints_that_are_here_are_exported(registry: Registry) -> None:
    with pytest.raises(ModelUnknown, match="nothing to export"):
        export(registry, "lite")
    with pytest.raises(ModelMissing, match="cutout models pull sam2"):
        export(registry, "sam2.1-hiera-tiny")
