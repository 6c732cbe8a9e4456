"""Our engine: a promptable model and our matting. The one code path of workers, CLI and API."""

from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol

import numpy as np

from app.engines.base import CutoutResult, Encoded, Packed, Prepared, Progress, no_progress
from app.engines.errors import SubjectNotFound
from app.engines.names import EngineName
from app.engines.preview import PREVIEW_SIDE, scaled_crops, scaled_marks, scaled_mask, scaled_options
from app.engines.writing import write
from app.imaging.png import Effort
from app.imaging.sandbox import decode, probe, working_image
from app.imaging.types import Box
from app.matting.options import CutoutOptions
from app.matting.pipeline import make_cutout
from app.segmentation import codec
from app.segmentation.codec import Codec
from app.segmentation.decode import replay
from app.segmentation.marks import Mark
from app.segmentation.maskio import from_png, mask_png
from app.segmentation.masks import SoftMask
from app.segmentation.prompts import check_inside
from app.segmentation.refine import refined
from app.segmentation.spaces import Frame
from app.segmentation.subject import Proposal, propose
from models.sessions.base import Decoder, Embedding, Encoder, Float, RgbImage, View

PLAIN = 4
"""Of 255, by channel: what JPEG and noise that nobody sees make of one colour."""
ENCODE_SHARE = 0.15  # of a 12-MP cutout's time is writing the file (benchmarks/imaging.py)


class PromptableModel(Encoder, Decoder, Protocol):
    """What models.model.Model is."""

    @property
    def revision(self) -> str: ...

    @property
    def codec_basis(self) -> bytes | None: ...

    @property
    def max_batch(self) -> int: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    def look(self, image: RgbImage, view: View) -> Float | None: ...

    def warmup(self) -> None: ...


class Sam2Engine:
    name = EngineName.SAM2

    def __init__(self, model: PromptableModel) -> None:
        self._model = model

    @property
    def revision(self) -> str:
        """Of the model: embeddings of another one are not ours."""
        return self._model.revision

    @property
    def max_batch(self) -> int:
        """The most images that one run of the encoder takes. Opens the encoder."""
        return self._model.max_batch

    @property
    def notes(self) -> tuple[str, ...]:
        """What runs other than was asked for, on a CPU for want of a GPU. Opens the encoder."""
        return self._model.notes

    def warmup(self) -> None:
        """Each part once, so that no job pays for loading and compiling it. Raises ModelError."""
        self._model.warmup()
        self._codec.warmup()

    def remove(
        self,
        path: Path,
        options: CutoutOptions,
        out: Path,
        *,
        background: Path | None = None,
        progress: Progress = no_progress,
    ) -> CutoutResult:
        """What the workers do for a `remove` job, in one call."""
        progress(0.0, "encode")
        proposal = self.encode(path).proposal
        if proposal is None:
            raise SubjectNotFound("no subject was found in the image")
        return self.cutout(path, proposal.mask, (), options, out, background=background, progress=progress)

    def encode(self, path: Path, *, auto: bool = True) -> Encoded:
        prepared = self.prepare(path)
        (embedding,) = self.embed([prepared])
        return self.finish(prepared, self.pack(embedding), auto=auto)

    def prepare(self, path: Path) -> Prepared:
        """The first step of `encode`. Raises as `encode`."""
        info = probe(path)
        return Prepared(working_image(path, info), (info.width, info.height))

    def embed(self, images: Sequence[Prepared]) -> list[Embedding]:
        """The second step, for any number of images at once. Raises ModelError."""
        return self._model.encode([image.working for image in images], [image.size for image in images])

    def pack(self, embedding: Embedding) -> Packed:
        """The third step: what is stored. Small where the model has a codec basis, else in half precision."""
        whole = codec.pack(embedding)
        small = whole if self._codec.name == codec.FP16 else self._codec.pack(embedding)
        return Packed(self._codec.name, small, whole)

    def unpack(self, sent: bytes) -> Embedding:
        """Either form. Raises EmbeddingUnreadable, EmbeddingMismatch."""
        return self._codec.unpack(sent)

    def finish(self, prepared: Prepared, packed: Packed, *, auto: bool) -> Encoded:
        """The last step, from the stored bytes, as every later reader."""
        embedding = self.unpack(packed.sent)
        proposal = self._propose(prepared, embedding) if auto else None
        if proposal is None:
            return Encoded(embedding, packed, None, None)
        mask = mask_png(proposal.mask, Frame.of(prepared.size, self._model.fit))
        stored = proposal.with_mask(from_png(mask, prepared.size))
        return Encoded(embedding, packed, stored, mask)

    def _propose(self, prepared: Prepared, embedding: Embedding) -> Proposal | None:
        if _is_plain(prepared.working):
            return None

        return propose(self._model, embedding, partial(self._model.look, prepared.working))

    @cached_property
    def _codec(self) -> Codec:
        return Codec.of(self._model.codec_basis, self._model.fit)

    def segment(
        self, embedding: Embedding, marks: Sequence[Mark], start: SoftMask | None, *, refine: bool = False
    ) -> SoftMask:
        if start is not None and refine:
            start = refined(self._model, embedding, start)
        return replay(self._model, embedding, marks, start)

    def mask_png(self, mask: SoftMask, size: tuple[int, int]) -> bytes:
        """The mask over the whole image of `size` = (width, height), as the API gives it."""
        return mask_png(mask, Frame.of(size, self._model.fit))

    def cutout(
        self,
        path: Path,
        mask: SoftMask,
        marks: Sequence[Mark],
        options: CutoutOptions,
        out: Path,
        *,
        background: Path | None = None,
        crops: Sequence[Box] = (),
        preview: bool = False,
        progress: Progress = no_progress,
    ) -> CutoutResult:
        info = probe(path)
        check_inside(marks, (info.width, info.height))
        picture = decode(path, info, PREVIEW_SIDE if preview else None)
        shrunk = max(picture.width, picture.height) / max(info.width, info.height)
        if shrunk < 1:
            mask, marks = scaled_mask(mask, shrunk), scaled_marks(marks, shrunk)
            options = scaled_options(options, shrunk)
            crops = scaled_crops(crops, shrunk, (picture.width, picture.height))
        under = None if background is None else decode(background, probe(background))
        cut = make_cutout(
            picture, mask, marks, options,
            background=under, crops=crops, progress=_part(progress, 1 - ENCODE_SHARE),
        )  # fmt: skip
        result = write(cut, options, picture.dpi, out, Effort.FAST if preview else Effort.BALANCED)
        progress(1.0, "done")
        return result


def _is_plain(working: RgbImage) -> bool:
    """One colour all over: whatever the decoder finds there is no subject. A few pixels tell most photos."""
    return all(np.ptp(pixels, axis=(0, 1)).max() <= PLAIN for pixels in (working[::16, ::16], working))


def _part(progress: Progress, share: float) -> Progress:
    """The first `share` of `progress`."""
    return lambda done, step: progress(done * share, step)
