"""A decoder's ONNX graph run by torch, to have its gradients. Only the operators that our decoders use."""

from collections.abc import Callable, Mapping
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor
from torch.nn import functional

from models.errors import GraphUnsupported

Attributes = Mapping[str, Any]
Operator = Callable[[list[Tensor], Attributes], Tensor]


class TorchGraph:
    """float32, on the CPU."""

    def __init__(self, graph: bytes) -> None:
        """Raises GraphUnsupported."""
        proto = onnx.load_from_string(graph).graph
        self.outputs = [output.name for output in proto.output]
        self._values = {
            item.name: torch.from_numpy(numpy_helper.to_array(item).copy()) for item in proto.initializer
        }
        self._nodes = []
        for node in proto.node:
            attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
            if node.op_type == "Constant":
                self._values[node.output[0]] = _constant(attributes["value"])
            elif node.op_type in OPERATORS:
                self._nodes.append((OPERATORS[node.op_type], list(node.input), node.output[0], attributes))
            else:
                raise GraphUnsupported(f"fit-codec does not know the ONNX operator {node.op_type}")

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        values = {**self._values, **inputs}
        for operator, names, output, attributes in self._nodes:
            values[output] = operator([values[name] for name in names if name], attributes)
        return {name: values[name] for name in self.outputs}


def _constant(value: onnx.TensorProto) -> Tensor:
    return torch.tensor(numpy_helper.to_array(value))


def _whole(tensor: Tensor) -> list[int]:
    return [int(value) for value in tensor.reshape(-1).tolist()]


def _gather(x: list[Tensor], attributes: Attributes) -> Tensor:
    source, index, axis = x[0], x[1], attributes.get("axis", 0)
    index = torch.where(index < 0, index + source.shape[axis], index)
    taken = torch.index_select(source, axis, index.reshape(-1))
    return taken.reshape((*source.shape[:axis], *index.shape, *source.shape[axis + 1 :]))


def _unsqueeze(x: list[Tensor], _: Attributes) -> Tensor:
    out = x[0]
    for axis in sorted(_whole(x[1])):
        out = out.unsqueeze(axis)
    return out


def _squeeze(x: list[Tensor], _: Attributes) -> Tensor:
    return x[0].squeeze(tuple(_whole(x[1]))) if len(x) > 1 else x[0].squeeze()


def _reshape(x: list[Tensor], _: Attributes) -> Tensor:
    return x[0].reshape([x[0].shape[i] if n == 0 else n for i, n in enumerate(_whole(x[1]))])


def _gemm(x: list[Tensor], attributes: Attributes) -> Tensor:
    product = x[0] @ (x[1].T if attributes.get("transB") else x[1])
    return product + x[2] if len(x) > 2 else product


def _slice(x: list[Tensor], _: Attributes) -> Tensor:
    out, starts, ends = x[0], _whole(x[1]), _whole(x[2])
    axes = _whole(x[3]) if len(x) > 3 else list(range(len(starts)))
    steps = _whole(x[4]) if len(x) > 4 else [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        kept = range(out.shape[axis])[start:end:step]
        out = torch.index_select(out, axis, torch.tensor(list(kept), dtype=torch.int64))
    return out


def _mean(x: list[Tensor], attributes: Attributes) -> Tensor:
    axes = list(attributes["axes"]) if "axes" in attributes else _whole(x[1])
    return x[0].mean(dim=axes, keepdim=bool(attributes.get("keepdims", 1)))


def _convolve(run: Callable[..., Tensor]) -> Operator:
    def convolve(x: list[Tensor], attributes: Attributes) -> Tensor:
        bias = x[2] if len(x) > 2 else None
        padding = attributes.get("pads", [0, 0])[:2]
        out: Tensor = run(x[0], x[1], bias, stride=attributes.get("strides", 1), padding=padding)
        return out

    return convolve


def _fill(x: list[Tensor], attributes: Attributes) -> Tensor:
    value = _constant(attributes["value"]) if "value" in attributes else torch.zeros(1)
    return torch.full(_whole(x[0]), value.item(), dtype=value.dtype)


def _one_hot(x: list[Tensor], attributes: Attributes) -> Tensor:
    depth, (off, on) = int(x[1]), x[2]
    hot = functional.one_hot(x[0].long() % depth, depth).to(x[2].dtype) * (on - off) + off
    moved: Tensor = hot.movedim(-1, attributes.get("axis", -1))
    return moved


def _depth_to_space(x: list[Tensor], attributes: Attributes) -> Tensor:
    (count, channels, height, width), side = x[0].shape, attributes["blocksize"]
    apart = x[0].reshape(count, side, side, channels // side**2, height, width)
    return apart.permute(0, 3, 4, 1, 5, 2).reshape(count, -1, height * side, width * side)


def _divide(x: list[Tensor], _: Attributes) -> Tensor:
    return x[0] / x[1] if x[0].is_floating_point() else torch.div(x[0], x[1], rounding_mode="trunc")


def _unary(run: Callable[[Tensor], Tensor]) -> Operator:
    return lambda x, _: run(x[0])


def _binary(run: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    return lambda x, _: run(x[0], x[1])


_KINDS = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 11: torch.float64}
"""onnx.TensorProto.DataType"""

OPERATORS: dict[str, Operator] = {
    "Add": _binary(torch.add),
    "Cast": lambda x, attributes: x[0].to(_KINDS[attributes["to"]]),
    "Concat": lambda x, attributes: torch.cat(x, attributes["axis"]),
    "ConstantOfShape": _fill,
    "Conv": _convolve(functional.conv2d),
    "ConvTranspose": _convolve(functional.conv_transpose2d),
    "Cos": _unary(torch.cos),
    "DepthToSpace": _depth_to_space,
    "Div": _divide,
    "Equal": _binary(torch.eq),
    "Erf": _unary(torch.erf),
    "Expand": lambda x, _: x[0] * torch.ones(_whole(x[1]), dtype=x[0].dtype),
    "Flatten": lambda x, attributes: x[0].flatten(attributes.get("axis", 1)),
    "Gather": _gather,
    "Gelu": _unary(functional.gelu),
    "Gemm": _gemm,
    "Greater": _binary(torch.gt),
    "Identity": _unary(lambda x: x),
    "LayerNormalization": lambda x, attributes: functional.layer_norm(
        x[0], x[1].shape, x[1], x[2], attributes.get("epsilon", 1e-5)
    ),
    "MatMul": _binary(torch.matmul),
    "Mul": _binary(torch.mul),
    "Neg": _unary(torch.neg),
    "Not": _unary(torch.logical_not),
    "OneHot": _one_hot,
    "Pow": _binary(torch.pow),
    "Range": lambda x, _: torch.arange(int(x[0]), int(x[1]), int(x[2])),
    "Reciprocal": _unary(torch.reciprocal),
    "ReduceMean": _mean,
    "Relu": _unary(torch.relu),
    "Reshape": _reshape,
    "Shape": lambda x, _: torch.tensor(x[0].shape, dtype=torch.int64),
    "Sigmoid": _unary(torch.sigmoid),
    "Sin": _unary(torch.sin),
    "Slice": _slice,
    "Softmax": lambda x, attributes: torch.softmax(x[0], attributes.get("axis", -1)),
    "Sqrt": _unary(torch.sqrt),
    "Squeeze": _squeeze,
    "Sub": _binary(torch.sub),
    "Tile": lambda x, _: x[0].repeat(_whole(x[1])),
    "Transpose": lambda x, attributes: x[0].permute(attributes["perm"]),
    "Unsqueeze": _unsqueeze,
    "Where": lambda x, _: torch.where(x[0], x[1], x[2]),
}
