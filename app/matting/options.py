"""The output options of DESIGN §9: names, defaults and limits live here and nowhere else."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

from app.imaging.types import MAX_PIXELS, Format

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?")
_CANVAS = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")
_LENGTH = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)(px|%)?")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)%")
MAX_OUTPUT_SIDE = 20_000
MAX_OUTPUT_PIXELS = MAX_PIXELS  # what may come in (DESIGN §14) may go out
MIN_SCALE = 10.0
MAX_MARGIN_PERCENT = 100.0


class Colour(NamedTuple):
    """sRGB, 0..255."""

    red: int
    green: int
    blue: int
    alpha: int = 255


@dataclass(frozen=True, slots=True)
class Length:
    value: float
    percent: bool

    def px(self, whole: float) -> float:
        """In pixels, where 100 % is `whole` pixels."""
        return whole * self.value / 100 if self.percent else self.value


class Margins(NamedTuple):
    top: Length
    right: Length
    bottom: Length
    left: Length


class CutoutOptions(BaseModel):
    """How a mask becomes a file. Lengths are ImageSpace pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    roi: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat] | None = None
    """x0, y0, x1, y1: outside of it alpha is 0."""
    smooth: Annotated[FiniteFloat, Field(ge=0, le=100)] = 0
    """0 to 100: how much unevenness of the edge is taken away."""
    offset: Annotated[FiniteFloat, Field(ge=-50, le=50)] = 0
    """-50 to 50 px: the edge moves inwards or outwards."""
    matting: Literal["auto", "off", "hair"] = "auto"
    """Fine structures at the edge: where they are found, nowhere, or all around."""
    feather: Annotated[FiniteFloat, Field(ge=0, le=100)] = 0
    """0 to 100 px: the width over which the edge fades."""
    decontaminate: bool = True
    """Take the background's colour out of the edge."""
    background: str | None = None
    """`#RRGGBB[AA]` or the id of an image of the same user."""
    trim: bool = True
    """Cut away what is empty around the subject."""
    margin: str = "0"
    """`12`, `12px` or `5%` (of the longer side of the trimmed subject). Two of them: top and bottom, left and
    right; four: top, right, bottom, left."""
    scale: str | None = None
    """`10%`…`100%` of the canvas, or `original`."""
    position: str = "center"
    """`center`, `original`, or `x% y%`."""
    canvas: str | None = None
    """`2000x2000`."""
    max_side: Annotated[int, Field(ge=1, le=MAX_OUTPUT_SIDE)] | None = None
    """The longer side is scaled down to this, never up."""
    max_pixels: Annotated[int, Field(ge=1, le=MAX_OUTPUT_PIXELS)] | None = None
    """Width times height is scaled down to this, never up."""
    format: Format = Format.PNG
    """JPG stands on white unless a background is given; ZIP holds colour and alpha apart."""
    channels: Literal["rgba", "alpha"] = "rgba"
    """The cutout, or its alpha as a grey image."""
    dpi: Annotated[int, Field(ge=1, le=2400)] | Literal["keep"] = 300
    """Written into the file; `keep` is the photo's own."""

    @field_validator("background")
    @classmethod
    def _background_is_colour_or_image(cls, value: str | None) -> str | None:
        if value is not None and not _COLOUR.fullmatch(value) and _uuid(value) is None:
            raise ValueError("a background is #RRGGBB, #RRGGBBAA or the id of an image")
        return value

    @field_validator("margin")
    @classmethod
    def _margin_is_a_length(cls, value: str) -> str:
        for length in _margins(value):
            if length.percent and length.value > MAX_MARGIN_PERCENT:
                raise ValueError(f"a margin is at most {MAX_MARGIN_PERCENT:g}%")
            if length.value > MAX_OUTPUT_SIDE:
                raise ValueError(f"a margin is at most {MAX_OUTPUT_SIDE} px")
        return value

    @field_validator("scale")
    @classmethod
    def _scale_is_a_share_of_the_canvas(cls, value: str | None) -> str | None:
        if value is not None and value != "original":
            match = _PERCENT.fullmatch(value)
            if match is None or not MIN_SCALE <= float(match[1]) <= 100:
                raise ValueError("scale is `original` or 10% to 100%")
        return value

    @field_validator("position")
    @classmethod
    def _position_is_named_or_two_shares(cls, value: str) -> str:
        if value not in {"center", "original"}:
            _shares(value)
        return value

    @field_validator("canvas")
    @classmethod
    def _canvas_is_within_the_limits(cls, value: str | None) -> str | None:
        if value is not None:
            match = _CANVAS.fullmatch(value)
            if match is None:
                raise ValueError("a canvas is WIDTHxHEIGHT in pixels, as in 2000x2000")
            width, height = int(match[1]), int(match[2])
            if max(width, height) > MAX_OUTPUT_SIDE or width * height > MAX_OUTPUT_PIXELS:
                raise ValueError(f"a canvas has at most {MAX_OUTPUT_PIXELS // 10**6} megapixels")
        return value

    @model_validator(mode="after")
    def _roi_has_an_area(self) -> Self:
        if self.roi is not None and (self.roi[0] >= self.roi[2] or self.roi[1] >= self.roi[3]):
            raise ValueError("roi is x0, y0, x1, y1 with x0 < x1 and y0 < y1")
        return self

    @property
    def background_colour(self) -> Colour | None:
        if self.background is None or not self.background.startswith("#"):
            return None
        return Colour(*bytes.fromhex(self.background[1:]))

    @property
    def background_image(self) -> UUID | None:
        return None if self.background is None else _uuid(self.background)

    @property
    def margins(self) -> Margins:
        return _margins(self.margin)

    @property
    def canvas_size(self) -> tuple[int, int] | None:
        """(width, height)"""
        if self.canvas is None:
            return None
        width, _, height = self.canvas.partition("x")
        return int(width), int(height)

    @property
    def scale_share(self) -> float | None:
        """0.1..1 of the canvas; None where `scale` is unset or `original`."""
        return None if self.scale in {None, "original"} else float(str(self.scale)[:-1]) / 100

    @property
    def position_shares(self) -> tuple[float, float] | None:
        """Share of the free space left of and above the subject; None for `original`."""
        if self.position == "original":
            return None
        return (0.5, 0.5) if self.position == "center" else _shares(self.position)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _length(text: str) -> Length:
    match = _LENGTH.fullmatch(text)
    if match is None:
        raise ValueError("a length is a number of pixels or a percentage: 12, 12px or 5%")
    return Length(float(match[1]), match[2] == "%")


def _margins(text: str) -> Margins:
    """In the order of CSS."""
    match [_length(part) for part in text.split()]:
        case [every]:
            return Margins(every, every, every, every)
        case [upright, level]:
            return Margins(upright, level, upright, level)
        case [top, right, bottom, left]:
            return Margins(top, right, bottom, left)
    raise ValueError("a margin has one, two or four lengths: 12px, `5% 10%` or `0 10 20 10`")


def _shares(text: str) -> tuple[float, float]:
    """`x% y%`, or one value for both."""
    matches = [_PERCENT.fullmatch(part) for part in text.split()]
    values = [float(match[1]) / 100 for match in matches if match is not None]
    if len(values) != len(matches) or len(values) not in {1, 2} or max(values) > 1:
        raise ValueError("position is `center`, `original` or `x% y%`")
    return values[0], values[-1]
