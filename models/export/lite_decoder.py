"""`lite`'s decoder with the interface of all models, cut out of the published one.

The published graph (SAM's own export) picks one of its four masks and resizes it. Inside are all four at 256²
with their predicted IoU; this keeps these and drops what follows. Three edges are rewired so that B prompts
over one embedding run as one: the export tiles the image tensors B times first, which costs more than B runs
(1.38 s to 0.87 s, 6 prompts, 2 cores); left at batch 1 they broadcast where tokens meet them (0.76 s).
"""

from collections.abc import MutableSequence

import onnx
from onnx import GraphProto, NodeProto, TensorProto, helper

from models.errors import ModelCorrupt
from models.export.token_order import reorder
from models.manifest import DecoderSpec, Shape

_REWIRED = {
    "/Reshape_3_output_0": "image_embeddings",  # B copies of the embedding → the embedding
    "/Reshape_6_output_0": "/Unsqueeze_1_output_0",  # B copies of the positional encoding → itself
    "/Gather_2_output_0": "/Gather_1_output_0",  # the batch, read from those copies → from the tokens
}
_RENAMED = {
    "image_embeddings": "image_embed",
    "/Reshape_9_output_0": "logits",
    "/iou_prediction_head/layers.2/Gemm_output_0": "iou",
}


def derive(published: bytes, interface: DecoderSpec) -> bytes:
    """The decoder of `interface` as ONNX: the same bytes for the same input, whatever the machine.

    Raises ModelCorrupt when the graph is not the one this knows.
    """
    model = onnx.load_from_string(published)
    graph = model.graph
    produced = {name for node in graph.node for name in node.output}
    if missing := ({*_REWIRED, *_RENAMED} - produced) - {"image_embeddings"}:
        raise ModelCorrupt(f"the published decoder has no tensor {sorted(missing)[0]}")
    for node in graph.node:
        _substitute(node.input, _REWIRED)
    reorder(graph, "/Reshape_9_output_0")
    nodes = _needed(graph, {"/Reshape_9_output_0", "/iou_prediction_head/layers.2/Gemm_output_0"})
    used = {name for node in nodes for name in node.input}
    for node in nodes:
        _substitute(node.input, _RENAMED)
        _substitute(node.output, _RENAMED)
    pruned = helper.make_graph(
        nodes,
        "decoder",
        [_value(name, shape) for name, shape in interface.inputs.items()],
        [_value(name, shape) for name, shape in interface.outputs.items()],
        [weight for weight in graph.initializer if weight.name in used],
    )
    derived = helper.make_model(pruned, opset_imports=model.opset_import, producer_name="cutout")
    # the default is the installed onnx's newest: other bytes on other machines, unreadable to older runtimes
    derived.ir_version = model.ir_version
    onnx.checker.check_model(derived, full_check=True)
    content: bytes = derived.SerializeToString(deterministic=True)
    return content


def _needed(graph: GraphProto, outputs: set[str]) -> list[NodeProto]:
    """The nodes that `outputs` depend on, in the graph's order."""
    wanted = set(outputs)
    nodes: list[NodeProto] = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            nodes.append(node)
            wanted.update(node.input)
    return nodes[::-1]


def _substitute(names: MutableSequence[str], mapping: dict[str, str]) -> None:
    names[:] = [mapping.get(name, name) for name in names]


def _value(name: str, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
