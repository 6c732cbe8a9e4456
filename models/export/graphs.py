"""SAM 2's encoder and decoder as ONNX."""

import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.jit._trace import TracerWarning

from models.manifest import DecoderSpec, Manifest, Shape

OPSET = 17  # the first in which LayerNormalization is one node; every runtime reads it
HALVED = 500_000  # elements and up: the four MLP matrices, half of the file


def decoder_onnx(module: nn.Module, spec: DecoderSpec) -> bytes:
    """`module`: a MaskDecoder. Its axes that have a name in `spec` are free in the graph."""
    sample = tuple(torch.ones(_sampled(shape)) for shape in spec.inputs.values())
    return _exported(module, sample, spec.inputs, spec.outputs)


def encoder_onnx(module: nn.Module, manifest: Manifest) -> bytes:
    """`module`: an ImageEncoder. One image a run: on a CPU a batch gains nothing."""
    spec, side = manifest.encoder, manifest.geometry.side
    shape: Shape = (1, 3, side, side)
    outputs = {name: tensor.shape for name, tensor in zip(spec.outputs, manifest.tensors, strict=True)}
    return _exported(module, (torch.zeros(1, 3, side, side),), {spec.input: shape}, outputs)


def half_weights(graph: bytes) -> bytes:
    """The same graph with its largest weights stored as float16 and widened on load: a quarter smaller.

    Arithmetic stays float32. Logits move by 6e-4 of their standard deviation at most, for `lite`'s real
    weights as for random ones; with all weights halved it is 5e-3, more than the 1e-3 that counts as equal.
    """
    model = onnx.load_from_string(graph)
    widened = []
    for weight in model.graph.initializer:
        if weight.data_type != TensorProto.FLOAT or numpy_helper.to_array(weight).size < HALVED:
            continue
        name, stored = weight.name, f"{weight.name}.half"
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype("float16"), stored))
        widened.append(helper.make_node("Cast", [stored], [name], name=f"widen {name}", to=TensorProto.FLOAT))
    nodes = [*widened, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _sampled(shape: Shape) -> tuple[int, ...]:
    sizes = {"B": 2, "N": 3, "M": 1}
    return tuple(sizes[axis] if isinstance(axis, str) else axis for axis in shape)


def _exported(
    module: nn.Module, sample: tuple[Tensor, ...], inputs: Mapping[str, Shape], outputs: Mapping[str, Shape]
) -> bytes:
    free = {
        name: {i: axis for i, axis in enumerate(shape) if isinstance(axis, str)}
        for name, shape in {**inputs, **outputs}.items()
    }
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.inference_mode():
        path = Path(folder) / "graph.onnx"
        # torch.export, which is to follow this exporter, cannot express an axis that is 1 or B (mask_input's)
        warnings.simplefilter("ignore", DeprecationWarning)
        # shapes that are constants of these models, and traced as such on purpose
        warnings.simplefilter("ignore", TracerWarning)
        # what the exporter cannot fold, the runtime folds when it loads the graph
        warnings.filterwarnings("ignore", "Constant folding", UserWarning)
        torch.onnx.export(
            module.eval(),
            sample,
            path,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: axes for name, axes in free.items() if axes},
            opset_version=OPSET,
            dynamo=False,
        )
        model = onnx.load(path)
    for value in model.graph.output:  # the tracer loses them at the last reshape
        value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, outputs[value.name]))
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content
