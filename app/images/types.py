"""An image and what derives from it (DESIGN §3, §7)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.imaging.types import Box, SourceFormat

MAX_CROPS = 64
"""Of one image."""


@dataclass(frozen=True, slots=True)
class Image:
    """What the user uploaded, or a part of it. `width` and `height` are ImageSpace."""

    id: UUID
    user_id: UUID
    storage_key: str
    working_key: str | None
    sha256: str
    width: int
    height: int
    format: SourceFormat
    bytes: int
    filename: str | None
    created_at: datetime
    expires_at: datetime | None
    crop_of: UUID | None
    """The image that this is a part of; it is deleted with that one."""
    box: Box | None
    """Which part: ImageSpace of the image that `crop_of` names."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.width, self.height


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """The automatic subject of an image, as `result.auto` shows it."""

    mask_key: str
    score: float
    box: tuple[float, float, float, float]
    """x0, y0, x1, y1 in ImageSpace."""
    points: tuple[tuple[float, float], ...]
    """ImageSpace."""

    def to_json(self) -> dict[str, Any]:
        return {
            "mask_key": self.mask_key,
            "score": self.score,
            "box": list(self.box),
            "points": [list(point) for point in self.points],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "ProposalRow":
        x0, y0, x1, y1 = data["box"]
        return cls(
            data["mask_key"], data["score"], (x0, y0, x1, y1), tuple((x, y) for x, y in data["points"])
        )


@dataclass(frozen=True, slots=True)
class EmbeddingRow:
    image_id: UUID
    model: str
    revision: str
    codec: str
    key: str
    bytes: int
    """What is sent, the first so many bytes of the file; what follows is the embedding in half precision."""
    proposed: bool
    """The automatic subject was looked for."""
    proposal: ProposalRow | None
    """None: not looked for, or nothing found."""

    def as_result(self) -> dict[str, Any]:
        """`result` of encode (DESIGN §9), with keys where the API puts URLs."""
        embedding = {"bytes": self.bytes, "codec": self.codec, "model": self.model, "revision": self.revision}
        return {"embedding": embedding, "auto": self.proposal.to_json() if self.proposal else None}
