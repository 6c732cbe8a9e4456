"""The container of what a server keeps and a browser fetches of embeddings (docs/codec.md).

"CUTE" · u8 version · u8[3] zero · u32 header length (little-endian) · header (UTF-8 JSON) · payload
"""

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from app.segmentation.errors import EmbeddingUnreadable

MAGIC = b"CUTE"
VERSION = 1
MAX_HEADER = 1 << 20
_PREFIX = struct.Struct("<4sB3xI")


def seal(header: dict[str, Any], payload: bytes) -> bytes:
    text = json.dumps(header, separators=(",", ":")).encode()
    return _PREFIX.pack(MAGIC, VERSION, len(text)) + text + payload


def unseal(data: bytes) -> tuple[dict[str, Any], memoryview]:
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


class Reader:
    """Takes a payload apart, front to back. Raises EmbeddingUnreadable when it is too short."""

    def __init__(self, payload: memoryview) -> None:
        self._payload = payload
        self._at = 0

    def take(self, count: int) -> memoryview:
        part = self._payload[self._at : self._at + count]
        if count < 0 or len(part) != count:
            raise EmbeddingUnreadable("the stored embedding is truncated")
        self._at += count
        return part

    def array(self, dtype: DTypeLike, *shape: int) -> NDArray[Any]:
        kind = np.dtype(dtype)
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(self.take(count * kind.itemsize), kind).reshape(shape)
