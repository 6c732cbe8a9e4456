"""The output options of DESIGN §9: names, defaults and limits live here and nowhere else."""

import re
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?")
_CANVAS = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(px|%)?")
MAX_OUTPUT_SIDE = 20_000


class Format(StrEnum):
    PNG = "png"
    WEBP = "webp"
    JPG = "jpg"
    ZIP = "zip"


class CutoutOptions(BaseModel):
    """How a mask becomes a file. Lengths are ImageSpace pixels; applied in the order they are written in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roi: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat] | None = None
    """x0, y0, x1, y1: outside of it alpha is 0."""
    smooth: Annotated[FiniteFloat, Field(ge=0, le=100)] = 0
    offset: Annotated[FiniteFloat, Field(ge=-50, le=50)] = 0
    matting: Literal["auto", "off", "hair"] = "auto"
    feather: Annotated[FiniteFloat, Field(ge=0, le=100)] = 0
    decontaminate: bool = True
    background: str | None = None
    """`#RRGGBB[AA]` or the id of an image of the same user."""
    trim: bool = True
    margin: str = "0"
    """`12`, `12px` or `5%` (of the longer side of the trimmed subject)."""
    scale: str | None = None
    """`10%`…`100%` of the canvas, or `original`."""
    position: str = "center"
    """`center`, `original`, or `x% y%`."""
    canvas: str | None = None
    """`2000x2000`."""
    max_side: Annotated[int, Field(ge=1, le=MAX_OUTPUT_SIDE)] | None = None
    format: Format = Format.PNG
    channels: Literal["rgba", "alpha"] = "rgba"
    dpi: Annotated[int, Field(ge=1, le=2400)] | Literal["keep"] = 300
