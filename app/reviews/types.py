"""Shadow comparisons and what people think of them."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Verdict(StrEnum):
    """Our cutout against ClippingMagic's."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"


class Category(StrEnum):
    """What makes the image easy or hard."""

    PLAIN = "plain"
    HAIR = "hair"
    TRANSPARENT = "transparent"
    THIN = "thin"
    LOW_CONTRAST = "low_contrast"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Review:
    """A comparison that waits for a verdict."""

    id: UUID
    iou: float
    edge_difference: float


@dataclass(frozen=True, slots=True)
class CategoryResult:
    """`category` None: not reviewed yet."""

    category: str | None
    comparisons: int
    iou: float | None
    """Mean; None where all of them failed."""
    edge_difference: float | None
    better: int
    same: int
    worse: int
