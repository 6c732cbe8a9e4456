"""Embedding ↔ bytes: a versioned container of named tensors (docs/codec.md).

"CUTE" · u8 version · u8[3] zero · u32 header length (little-endian) · header (UTF-8 JSON) · payload
"""

import json
import struct
from typing import Any

import numpy as np

from app.segmentation.errors import EmbeddingUnreadable
from models.sessions.base import Embedding, Float

MAGIC = b"CUTE"
VERSION = 1
_PREFIX = struct.Struct("<4sB3xI")
MAX_HEADER = 1 << 20
FP16 = "fp16"


def pack(embedding: Embedding) -> bytes:
    """The embedding in half precision, the form that loses nothing visible (lite: 2 MB)."""
    payload = [np.ascontiguousarray(tensor, "<f2").tobytes() for tensor in embedding.tensors.values()]
    header = {
        "codec": FP16,
        "model": embedding.model,
        "revision": embedding.revision,
        "image_size": list(embedding.image_size),
        "tensors": [
            {"name": name, "shape": list(tensor.shape), "bytes": len(data)}
            for (name, tensor), data in zip(embedding.tensors.items(), payload, strict=True)
        ],
    }
    return seal(header, b"".join(payload))


def unpack(data: bytes) -> Embedding:
    """Inverse of `pack`. Raises EmbeddingUnreadable."""
    header, payload = open_container(data)
    if header["codec"] != FP16:
        raise EmbeddingUnreadable(f"unknown embedding codec {header['codec']!r}")
    tensors: dict[str, Float] = {}
    offset = 0
    try:
        for entry in header["tensors"]:
            part = payload[offset : offset + entry["bytes"]]
            tensors[entry["name"]] = np.frombuffer(part, "<f2").astype(np.float32).reshape(entry["shape"])
            offset += entry["bytes"]
        width, height = header["image_size"]
        return Embedding(header["model"], header["revision"], (int(width), int(height)), tensors)
    except (KeyError, TypeError, ValueError) as error:
        raise EmbeddingUnreadable("the stored embedding is damaged") from error


def seal(header: dict[str, Any], payload: bytes) -> bytes:
    text = json.dumps(header, separators=(",", ":")).encode()
    return _PREFIX.pack(MAGIC, VERSION, len(text)) + text + payload


def open_container(data: bytes) -> tuple[dict[str, Any], memoryview]:
    """(header, payload). Raises EmbeddingUnreadable on a foreign, newer or truncated container."""
    if len(data) < _PREFIX.size:
        raise EmbeddingUnreadable("the stored embedding is truncated")
    magic, version, length = _PREFIX.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        raise EmbeddingUnreadable(f"not an embedding of version {VERSION}")
    if length > MAX_HEADER or _PREFIX.size + length > len(data):
        raise EmbeddingUnreadable("the stored embedding is truncated")
    try:
        header = json.loads(data[_PREFIX.size : _PREFIX.size + length])
    except ValueError as error:
        raise EmbeddingUnreadable("the stored embedding is damaged") from error
    if not isinstance(header, dict) or "codec" not in header:
        raise EmbeddingUnreadable("the stored embedding is damaged")
    return header, memoryview(data)[_PREFIX.size + length :]
