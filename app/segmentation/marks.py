"""What the user draws (DESIGN §3), in ImageSpace."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

MAX_MARKS = 2000
MAX_POINTS = 20_000


class MarkKind(StrEnum):
    POINT = "point"
    STROKE = "stroke"
    BOX = "box"


class Label(StrEnum):
    KEEP = "keep"
    REMOVE = "remove"


class Mark(BaseModel):
    """A point (1 point), stroke (≥ 1 point, `radius` px) or box (2 opposite corners), ImageSpace pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: MarkKind
    label: Label = Label.KEEP
    points: Annotated[tuple[tuple[FiniteFloat, FiniteFloat], ...], Field(min_length=1, max_length=MAX_POINTS)]
    radius: Annotated[FiniteFloat, Field(ge=0, le=4096)] = 0.0

    @model_validator(mode="after")
    def _points_fit_the_kind(self) -> Self:
        wanted = {MarkKind.POINT: 1, MarkKind.BOX: 2}.get(self.kind)
        if wanted is not None and len(self.points) != wanted:
            raise ValueError(f"a {self.kind} mark has {wanted} point(s), not {len(self.points)}")
        if self.kind is MarkKind.BOX and self.label is Label.REMOVE:
            raise ValueError("a box mark can only keep; use a stroke to remove")
        return self
