"""What engines do: any of them an image → its cutout; ours also the steps between, for people with marks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from app.engines.names import EngineName
from app.imaging.types import Box, EncodedFile
from app.matting.options import CutoutOptions
from app.matting.types import MattingReport
from app.segmentation.marks import Mark
from app.segmentation.masks import SoftMask
from app.segmentation.subject import Proposal
from models.sessions.base import Embedding, RgbImage

Progress = Callable[[float, str], None]
"""(share done 0..1, step); may raise to cancel."""


def no_progress(share: float, step: str) -> None:
    """For callers who do not watch."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the encoder takes of one image."""

    working: RgbImage
    size: tuple[int, int]
    """(width, height) of the oriented original: ImageSpace."""


@dataclass(frozen=True, slots=True)
class Packed:
    """An embedding as bytes."""

    codec: str
    sent: bytes
    """What every reader takes: a decoder here or in the browser."""
    whole: bytes
    """In half precision, for who asks for it; the same as `sent` where that is fp16."""

    @property
    def file(self) -> bytes:
        """As stored: `sent`, and behind it `whole` where that is another (docs/codec.md)."""
        return self.sent if self.whole is self.sent else self.sent + self.whole


@dataclass(frozen=True, slots=True)
class Encoded:
    """One image, encoded. What is stored is what later steps read, on every path (HTTP, CLI, direct)."""

    embedding: Embedding
    """As unpacked from what is sent."""
    packed: Packed
    proposal: Proposal | None
    """Its mask as read back from `mask`; None when not asked for or nothing was found."""
    mask: bytes | None
    """The proposal's mask PNG."""


@dataclass(frozen=True, slots=True)
class CutoutResult:
    file: EncodedFile
    format: str
    trim_box: Box
    """x0, y0, x1, y1 in ImageSpace."""
    content_box: Box
    dpi: float | None
    matting: MattingReport
    notes: tuple[str, ...]
    """What could not be done as asked (DESIGN §9)."""

    def as_json(self) -> dict[str, Any]:
        """`result` of apply/remove, less its `url`."""
        return {
            "width": self.file.width,
            "height": self.file.height,
            "format": self.format,
            "bytes": self.file.bytes,
            "sha256": self.file.sha256,
            "trim_box": list(self.trim_box),
            "content_box": list(self.content_box),
            "dpi": self.dpi,
            "matting": self.matting.as_json(),
            "notes": list(self.notes),
        }


class Engine(Protocol):
    """Thread-safe; every method blocks."""

    name: EngineName

    def remove(
        self,
        path: Path,
        options: CutoutOptions,
        out: Path,
        *,
        background: Path | None = None,
        progress: Progress = no_progress,
    ) -> CutoutResult:
        """The cutout of the image at `path`, whose subject is found without a human.

        Raises what app.imaging and app.matting raise, SubjectNotFound, and the engine's own.
        """
        ...


class Segmenter(Engine, Protocol):
    """An engine that shows its steps."""

    def encode(self, path: Path, *, auto: bool = True) -> Encoded:
        """Raises what `app.imaging` raises for a file that is not an image within the limits."""
        ...

    def segment(
        self, embedding: Embedding, marks: Sequence[Mark], start: SoftMask | None, *, refine: bool = False
    ) -> SoftMask:
        """Marks replayed in order over `start`, which `refine` makes finer first. Raises MarkOutsideImage."""
        ...

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
        """The file of `mask` applied to the image at `path`; strokes among `marks` are hard constraints.

        crops: boxes of ImageSpace where the mask was decoded from a crop, and is finer. preview: at most
        PREVIEW_SIDE px on the long side. Raises what app.imaging and app.matting raise.
        """
        ...
