"""What the user draws (DESIGN §3), in ImageSpace."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, model_validator

MAX_MARKS = 2000
MAX_POINTS = 20_000
MAX_ALL_POINTS = 50_000
"""Of all marks together: as badly as can be they take 10 s to draw on 12 MP (benchmarks/strokes.py)."""
SCALES = 3
"""What a single click can mean: a part, the object, the group; each is one of the multimask outputs."""


class MarkKind(StrEnum):
    POINT = "point"
    STROKE = "stroke"
    BOX = "box"


class Label(StrEnum):
    KEEP = "keep"
    REMOVE = "remove"


class Mark(BaseModel):
    """A point (1 point), stroke (≥ 1 point, `radius` px) or box (2 opposite corners), ImageSpace pixels.

    `scale`: which size a keep point means where it stands alone over nothing; 0 is the likeliest, each step
    the next larger one, the smallest after the largest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: MarkKind
    label: Label = Label.KEEP
    points: Annotated[tuple[tuple[FiniteFloat, FiniteFloat], ...], Field(min_length=1, max_length=MAX_POINTS)]
    radius: Annotated[FiniteFloat, Field(ge=0, le=4096)] = 0.0
    scale: Annotated[int, Field(ge=0, lt=SCALES)] = 0

    @model_validator(mode="after")
    def _points_fit_the_kind(self) -> Self:
        wanted = {MarkKind.POINT: 1, MarkKind.BOX: 2}.get(self.kind)
        if wanted is not None and len(self.points) != wanted:
            raise ValueError(f"a {self.kind} mark has {wanted} point(s), not {len(self.points)}")
        if self.kind is MarkKind.BOX and self.label is Label.REMOVE:
            raise ValueError("a box mark can only keep; use a stroke to remove")
        if self.scale and (self.kind is not MarkKind.POINT or self.label is Label.REMOVE):
            raise ValueError("only a keep point has a scale; leave it out here")
        return self


def _few_points(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
    count = sum(len(mark.points) for mark in marks)
    if count > MAX_ALL_POINTS:
        raise ValueError(f"the marks have {count:,} points, more than {MAX_ALL_POINTS:,}; leave some out")
    return marks


Marks = Annotated[tuple[Mark, ...], Field(max_length=MAX_MARKS), AfterValidator(_few_points)]
