"""A model: encoder and decoder, each opened when first used (a decoding process needs no encoder)."""

import threading
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from models.errors import EmbeddingMismatch
from models.manifest import Manifest
from models.sessions.base import (
    DecoderOutput,
    Embedding,
    Fit,
    Float,
    ImageEncoder,
    Prompts,
    RgbImage,
    Session,
    View,
)
from models.sessions.prior import SalientObjects

MASK_SIDE = 256
MAX_PROMPTS = (
    4  # B a run; each more costs memory (4096x256 floats a layer) and gains no time: benchmarks/decode.py
)


class Model:
    """Implements `Encoder` and `Decoder`. Thread-safe."""

    def __init__(
        self,
        manifest: Manifest,
        open_encoder: Callable[[], ImageEncoder],
        open_decoder: Callable[[], Session],
        read_basis: Callable[[], bytes | None] = lambda: None,
        open_prior: Callable[[], SalientObjects | None] = lambda: None,
    ) -> None:
        self.manifest = manifest
        self._open_encoder = open_encoder
        self._open_decoder = open_decoder
        self._read_basis = read_basis
        self._open_prior = open_prior
        self._lock = threading.Lock()

    @cached_property
    def _encoder(self) -> ImageEncoder:
        return self._open_encoder()

    @cached_property
    def _decoder(self) -> Session:
        return self._open_decoder()

    @cached_property
    def _prior(self) -> SalientObjects | None:
        return self._open_prior()

    @cached_property
    def codec_basis(self) -> bytes | None:
        """What packs embeddings small, for app.segmentation.codec; None where none was fitted."""
        return self._read_basis()

    @property
    def revision(self) -> str:
        return self.manifest.revision

    @property
    def notes(self) -> tuple[str, ...]:
        """What runs other than was asked for, e.g. on the CPU for want of a GPU. Opens the encoder."""
        with self._lock:
            return self._encoder.notes

    @property
    def max_batch(self) -> int:
        """The most images that one run of the encoder takes. Opens the encoder."""
        with self._lock:
            return self._encoder.max_batch

    @property
    def fit(self) -> Fit:
        return Fit(self.manifest.geometry.fit)

    @property
    def dynamic_multimask(self) -> tuple[float, float] | None:
        rule = self.manifest.decoder.stability
        return None if rule is None else (rule.delta, rule.threshold)

    def warmup(self) -> None:
        """Opens both halves and runs each once, so that no job pays for it."""
        with self._lock:
            self._encoder.warmup()
        blank = np.zeros((MASK_SIDE, MASK_SIDE, 3), np.uint8)
        (embedding,) = self.encode([blank], [(MASK_SIDE, MASK_SIDE)])
        self.decode(embedding, Prompts(np.full((1, 1, 2), 512, np.float32), np.ones((1, 1), np.float32)))
        self.look(blank, View())

    def encode(self, images: Sequence[RgbImage], sizes: Sequence[tuple[int, int]]) -> list[Embedding]:
        """`images`: working images uint8 [h, w, 3]; `sizes`: (width, height) of their oriented originals."""
        with self._lock:
            encoder = self._encoder
        manifest = self.manifest
        return [
            Embedding(manifest.name, manifest.revision, size, tensors)
            for size, tensors in zip(sizes, encoder.encode(images), strict=True)
        ]

    def decode(self, embedding: Embedding, prompts: Prompts) -> DecoderOutput:
        """B prompts over one embedding. Raises EmbeddingMismatch for one of another model or revision."""
        self._check(embedding)
        with self._lock:
            decoder = self._decoder
        count = len(prompts.coords)
        outputs = [
            decoder.run(decoder_inputs(embedding, prompts, slice(start, start + MAX_PROMPTS)))
            for start in range(0, count, MAX_PROMPTS)
        ]
        score = "object_score" in self.manifest.decoder.outputs
        return DecoderOutput(
            logits=np.concatenate([one["logits"] for one in outputs]),
            iou=np.concatenate([one["iou"] for one in outputs]),
            object_score=np.concatenate([one["object_score"] for one in outputs]) if score else None,
        )

    def look(self, image: RgbImage, view: View) -> Float | None:
        """The prior's view of a working image (models/sessions/prior.py); None for a model without."""
        with self._lock:
            prior = self._prior
        return None if prior is None else prior.look(image, view)

    def _check(self, embedding: Embedding) -> None:
        mine, its = (self.manifest.name, self.manifest.revision), (embedding.model, embedding.revision)
        if mine != its:
            raise EmbeddingMismatch(
                f"the embedding is of {its[0]} ({its[1]}), this decoder of {mine[0]} ({mine[1]})"
            )


def decoder_inputs(embedding: Embedding, prompts: Prompts, part: slice = slice(None)) -> dict[str, Float]:
    """What the decoder's graph is given for `part` of the prompts; the pad is added here."""
    coords, labels = prompts.coords[part], prompts.labels[part]
    masks = prompts.mask_input[part] if prompts.mask_input is not None else None
    no_mask = np.zeros((1, 1, MASK_SIDE, MASK_SIDE), np.float32)
    return {
        **embedding.tensors,
        # exactly one (0, 0, -1) pad, always: three more change SAM 2's logits by 34 % (DESIGN §6)
        "point_coords": np.pad(coords, ((0, 0), (0, 1), (0, 0))).astype(np.float32),
        "point_labels": np.pad(labels, ((0, 0), (0, 1)), constant_values=-1).astype(np.float32),
        "mask_input": no_mask if masks is None else masks.astype(np.float32),
        "has_mask_input": np.array([masks is not None], np.float32),
    }
