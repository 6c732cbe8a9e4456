"""What a model can do, whatever runs it: a `Session` runs a graph, a `Model` speaks images and prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Float: TypeAlias = NDArray[np.float32]
Tensors: TypeAlias = Mapping[str, Float]
RgbImage: TypeAlias = NDArray[np.uint8]
"""uint8 [h, w, 3], sRGB, the working image (DESIGN §3)."""


@dataclass(frozen=True, slots=True)
class View:
    """How a network that looks for the subject is shown an image."""

    mirrored: bool = False
    gamma: float = 1.0
    """Above 1 it is darker, and what is white on white stands out."""


class Fit(StrEnum):
    """How the working image fills the encoder's 1024² frame; the manifest's `geometry.fit`."""

    PAD = "pad"
    """Long side 1024, padded right and below (`lite`)."""
    STRETCH = "stretch"
    """Both sides 1024 (SAM 2.1)."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """The encoder's output for one image and one model revision."""

    model: str
    revision: str
    image_size: tuple[int, int]
    """(width, height) of the oriented original: ImageSpace."""
    tensors: Tensors
    """float32, batch axis 1 kept; names as in the manifest (`image_embed`, …)."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """B prompts over one embedding, in ModelSpace (the encoder's 1024² frame)."""

    coords: Float
    """[B, N, 2] (x, y). Box corners are two points with labels 2 and 3, and stand first."""
    labels: Float
    """[B, N]: 1 keep, 0 remove, 2/3 box corners, -1 pad. The session adds the one (0,0,-1) pad itself."""
    mask_input: Float | None = None
    """[B, 1, 256, 256] previous logits, or None."""


@dataclass(frozen=True, slots=True)
class DecoderOutput:
    logits: Float
    """[B, 4, 256, 256] MaskSpace. Index 0 is the single-mask output, 1 to 3 the multimask outputs."""
    iou: Float
    """[B, 4] predicted IoU."""
    object_score: Float | None = None
    """[B] object-presence logit (SAM 2), None for SAM 1 decoders."""


class Session(Protocol):
    """A graph with weights. Thread-safe."""

    def run(self, inputs: Tensors) -> dict[str, Float]: ...


class ImageEncoder(Protocol):
    """A session with its preprocessing: working images in, tensors of their embeddings out. Thread-safe."""

    notes: tuple[str, ...]
    """What runs other than was asked for, for `/readyz` and the log; empty when all is as asked."""
    max_batch: int
    """More images than this are run in several batches; it may shrink when memory runs out."""

    def warmup(self) -> None: ...

    def encode(self, images: Sequence[RgbImage]) -> list[Tensors]: ...


class Encoder(Protocol):
    def encode(self, images: Sequence[RgbImage], sizes: Sequence[tuple[int, int]]) -> list[Embedding]:
        """`images` are working images; `sizes` the (width, height) of their oriented originals."""
        ...


class Decoder(Protocol):
    @property
    def fit(self) -> Fit: ...

    @property
    def dynamic_multimask(self) -> tuple[float, float] | None:
        """(delta, threshold) of SAM 2's rule for its single-mask output; None for SAM 1 decoders."""
        ...

    def decode(self, embedding: Embedding, prompts: Prompts) -> DecoderOutput: ...
