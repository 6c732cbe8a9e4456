"""Embedding ↔ bytes: whole in half precision, or small in the model's basis (docs/codec.md)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.segmentation import entropy
from app.segmentation.basis import UNIT, Area, Basis, TensorBasis
from app.segmentation.container import Reader, seal, unseal
from app.segmentation.errors import EmbeddingMismatch, EmbeddingUnreadable
from app.segmentation.spaces import MODEL_SIDE, Frame, Size
from models.sessions.base import Embedding, Fit, Float

FP16 = "fp16"
KL1 = "kl1"
"""Karhunen-Loeve in the decoder's metric, first form."""

MAX_VALUES = 1 << 24
"""Of one tensor: SAM 2.1's largest has 2^21."""


class Codec:
    """How embeddings of one model are stored and sent. Thread-safe."""

    def __init__(self, basis: Basis | None, fit: Fit) -> None:
        """Without a basis everything is half precision."""
        self._basis = basis
        self._fit = fit

    @classmethod
    def of(cls, basis: bytes | None, fit: Fit) -> "Codec":
        """With a basis file. Raises EmbeddingUnreadable."""
        return cls(None if basis is None else Basis.from_bytes(basis), fit)

    @property
    def name(self) -> str:
        return FP16 if self._basis is None else KL1

    def warmup(self) -> None:
        """Compiles the coder, or loads what was compiled here before: 7 s or 0.6 s."""
        if self._basis is not None:
            name, revision = self._basis.model, self._basis.revision
            tensors = {
                one.name: np.zeros((1, one.channels, 64, 64), np.float32) for one in self._basis.tensors
            }
            self.unpack(self.pack(Embedding(name, revision, (64, 48), tensors)))

    def pack(self, embedding: Embedding) -> bytes:
        """The small form where there is a basis."""
        basis = self._basis
        if basis is None:
            return pack(embedding)
        _check_basis(basis, embedding.model, embedding.revision)
        content = Frame.of(embedding.image_size, self._fit).content
        entries, parts = [], []
        for tensor in basis.tensors:
            values = embedding.tensors[tensor.name][0]
            size = cells(content, values.shape[-1])
            packed = _packed(values, size, tensor, (basis.step, basis.padding_step))
            entries.append(
                {
                    "name": tensor.name,
                    "shape": list(embedding.tensors[tensor.name].shape),
                    "content": size,
                    "bytes": [len(part) for part in packed],
                }
            )
            parts += packed
        header = _header(KL1, embedding)
        header |= {"basis": basis.id, "steps": [basis.step, basis.padding_step], "tensors": entries}
        return seal(header, b"".join(parts))

    def unpack(self, data: bytes) -> Embedding:
        """Either form. Raises EmbeddingUnreadable, EmbeddingMismatch."""
        header, payload = unseal(data)
        try:
            if header["codec"] == FP16:
                return _unpack_fp16(header, Reader(payload))
            if header["codec"] == KL1:
                return self._unpack_kl1(header, Reader(payload))
        except (KeyError, TypeError, ValueError) as error:
            raise EmbeddingUnreadable("the stored embedding is damaged") from error
        raise EmbeddingUnreadable(f"unknown embedding codec {header['codec']!r}")

    def _unpack_kl1(self, header: dict[str, Any], reader: Reader) -> Embedding:
        basis = self._basis
        if basis is None or header["basis"] != basis.id:
            raise EmbeddingMismatch(
                f"the embedding was packed with the basis {header['basis']}, not with ours"
            )
        _check_basis(basis, header["model"], header["revision"])
        tensors = {}
        for tensor, entry in zip(basis.tensors, header["tensors"], strict=True):
            shape = _shape(entry)
            tensors[tensor.name] = _unpacked(reader, entry, shape, tensor, header["steps"])[None]
        return _embedding(header, tensors)


def pack(embedding: Embedding) -> bytes:
    """The embedding in half precision, the form that loses nothing visible (lite: 2 MB)."""
    payload = [np.ascontiguousarray(tensor, "<f2").tobytes() for tensor in embedding.tensors.values()]
    header = _header(FP16, embedding)
    header["tensors"] = [
        {"name": name, "shape": list(tensor.shape), "bytes": len(data)}
        for (name, tensor), data in zip(embedding.tensors.items(), payload, strict=True)
    ]
    return seal(header, b"".join(payload))


def unpack(data: bytes) -> Embedding:
    """Inverse of `pack`; for the small form see Codec. Raises EmbeddingUnreadable, EmbeddingMismatch."""
    return Codec(None, Fit.STRETCH).unpack(data)


def cells(content: Size, side: int) -> Size:
    """Cells of a side x side tensor that the image covers, the partly covered ones included."""
    stride = MODEL_SIDE // side
    return -(-content[0] // stride), -(-content[1] // stride)


def _unpack_fp16(header: dict[str, Any], reader: Reader) -> Embedding:
    tensors = {}
    for entry in header["tensors"]:
        tensors[str(entry["name"])] = reader.array("<f2", *_shape(entry)).astype(np.float32)
    return _embedding(header, tensors)


def _packed(values: Float, content: Size, basis: TensorBasis, steps: tuple[int, int]) -> list[bytes]:
    """[C, side, side] → the image's part and the padding's."""
    parts = []
    for region, area, step in _areas(content, values.shape[-1], basis, steps):
        part = values[:, region[0], region[1]]
        flat = part.reshape(len(part), -1) - area.mean[:, None]
        planes = np.rint(basis.forward @ flat * (UNIT / step)).astype(np.int32)
        parts.append(entropy.encode(planes.reshape(-1, *part.shape[1:]), basis.model(area, step)))
    return parts


def _unpacked(
    reader: Reader, entry: dict[str, Any], shape: tuple[int, ...], basis: TensorBasis, steps: list[int]
) -> Float:
    """Inverse of `_packed`."""
    _, channels, side, _ = shape
    if channels != basis.inverse.shape[1] or shape != (1, channels, side, side) or MODEL_SIDE % side:
        raise EmbeddingUnreadable("the stored embedding is damaged")
    width, height = (int(edge) for edge in entry["content"])
    values = np.empty((channels, side, side), np.float32)
    lengths = iter(entry["bytes"])
    for region, area, step in _areas((width, height), side, basis, (int(steps[0]), int(steps[1]))):
        inside = values[:, region[0], region[1]].shape[1:]
        planes = entropy.decode(
            reader.take(next(lengths)), (len(basis.inverse), *inside), basis.model(area, step)
        )
        flat = planes.reshape(len(planes), -1).astype(np.float32) * np.float32(step / UNIT)
        part = basis.inverse.T @ flat + area.mean[:, None]
        values[:, region[0], region[1]] = part.reshape(channels, *inside)
    return values


def _areas(
    content: Size, side: int, basis: TensorBasis, steps: tuple[int, int]
) -> list[tuple[tuple[slice, slice], Area, int]]:
    """((rows, columns), statistics, step) of the image, and of the padding below or beside if any."""
    width, height = content
    if not (0 < width <= side and 0 < height <= side and max(content) == side and min(steps) > 0):
        raise EmbeddingUnreadable("the stored embedding is damaged")
    areas = [((slice(0, height), slice(0, width)), basis.image, steps[0])]
    if height < side:
        areas.append(((slice(height, side), slice(0, side)), basis.padding, steps[1]))
    elif width < side:
        areas.append(((slice(0, side), slice(width, side)), basis.padding, steps[1]))
    return areas


def _header(codec: str, embedding: Embedding) -> dict[str, Any]:
    return {
        "codec": codec,
        "model": embedding.model,
        "revision": embedding.revision,
        "image_size": list(embedding.image_size),
    }


def _embedding(header: dict[str, Any], tensors: dict[str, NDArray[np.float32]]) -> Embedding:
    width, height = header["image_size"]
    return Embedding(header["model"], header["revision"], (int(width), int(height)), tensors)


def _shape(entry: dict[str, Any]) -> tuple[int, ...]:
    shape = tuple(int(edge) for edge in entry["shape"])
    if len(shape) != 4 or min(shape) < 1 or np.prod(shape, dtype=np.int64) > MAX_VALUES:
        raise EmbeddingUnreadable("the stored embedding is damaged")
    return shape


def _check_basis(basis: Basis, model: str, revision: str) -> None:
    if (basis.model, basis.revision) != (model, revision):
        raise EmbeddingMismatch(
            f"the embedding is of {model} ({revision}), the basis of {basis.model} ({basis.revision})"
        )
