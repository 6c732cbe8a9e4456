"""remove.bg's parameters and what they are here. What cannot be honoured is refused, never passed over."""

import re
from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from PIL import ImageColor
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from app.api.errors import UnknownParameter
from app.api.removebg.errors import InvalidParameter
from app.imaging.types import Format
from app.matting.options import CutoutOptions

MEGAPIXELS = {
    "preview": 0.25,
    "small": 0.25,
    "regular": 0.25,
    "medium": 1.5,
    "hd": 4,
    "full": 25,
    "4k": 25,
    "auto": 25,
    "50MP": 50,
}
"""By `size`: what the result has at most."""
_HAIRY = frozenset({"person", "animal"})
_LENGTH = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)(px|%)?")
_SHARE = re.compile(r"\d{1,3}(?:\.\d{1,6})?")
_HEX = re.compile(r"[0-9a-fA-F]{3,8}")


class RemovebgRequest(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", coerce_numbers_to_str=True, use_attribute_docstrings=True
    )

    image_url: str | None = None
    """Or `image_file` as a file, or `image_file_b64`."""
    size: Literal["preview", "small", "regular", "medium", "hd", "full", "4k", "auto", "50MP"] = "preview"
    """How many megapixels the result has at most."""
    type: Literal["auto", "person", "product", "car", "animal", "graphic", "transportation"] = "auto"
    """Of a person or an animal the whole edge is matted for hair."""
    type_level: Literal["none", "1", "2", "latest"] = "1"
    """`X-Type` is the type that was asked for, else `other`, at every level."""
    format: Literal["auto", "png", "jpg", "webp", "zip"] = "auto"
    """auto: JPG on an opaque background, else PNG."""
    roi: str = "0% 0% 100% 100%"
    """x1 y1 x2 y2, in px or %."""
    crop: bool = False
    crop_margin: str = "0"
    """One, two or four lengths in px or %; only with crop."""
    scale: str = "original"
    """10% to 100% of the image's canvas."""
    position: str | None = None
    """`original` (default), `center` (default once scaled), or x% y%."""
    channels: Literal["rgba", "alpha"] = "rgba"
    shadow_type: Literal["none"] = "none"
    """No shadows are made."""
    shadow_opacity: float = Field(50, ge=0, le=100)
    """Of a shadow that is not there: without effect, as theirs without one."""
    add_shadow: Literal[False] = False
    semitransparency: bool = True
    """false: no matting, only the outline is soft."""
    bg_color: str | None = None
    """Hex digits, three to eight, or a CSS name."""
    bg_image_url: str | None = None
    """Or `bg_image_file` as a file."""

    @field_validator("shadow_type", mode="before")
    @classmethod
    def _no_shadow(cls, value: object) -> object:
        if value != "none":
            raise ValueError("this service makes no shadows; leave it out or send none")
        return value

    @field_validator("add_shadow", mode="before")
    @classmethod
    def _nor_by_its_old_name(cls, value: object) -> bool:
        if str(value).lower() not in {"false", "0"}:
            raise ValueError("this service makes no shadows; leave it out or send false")
        return False

    @field_validator("bg_color")
    @classmethod
    def _colour(cls, value: str | None) -> str | None:
        """As `#RRGGBBAA`."""
        if value is None:
            return None
        try:
            red, green, blue, *alpha = ImageColor.getrgb(f"#{value}" if _HEX.fullmatch(value) else value)
        except ValueError:
            raise ValueError("a colour is hex digits as in 81d4fa, or a CSS name") from None
        return "#" + bytes([red, green, blue, *(alpha or [255])]).hex()

    @field_validator("scale")
    @classmethod
    def _scale(cls, value: str) -> str:
        return f"{value}%" if _SHARE.fullmatch(value) else value

    @field_validator("position")
    @classmethod
    def _position(cls, value: str | None) -> str | None:
        return value and " ".join(f"{part}%" if _SHARE.fullmatch(part) else part for part in value.split())

    @model_validator(mode="after")
    def _crop_leaves_no_canvas(self) -> "RemovebgRequest":
        if self.crop and (self.scale != "original" or self.position not in {None, "original"}):
            raise ValueError(
                "scale: scale and position place the subject on the image's canvas, which crop cuts away"
            )
        return self

    @property
    def opaque(self) -> bool:
        return self.bg_image_url is not None or (self.bg_color or "").endswith("ff")


def parse(values: Mapping[str, Any]) -> RemovebgRequest:
    """Raises UnknownParameter, InvalidParameter."""
    try:
        return RemovebgRequest.model_validate(values)
    except ValidationError as refused:
        problem = refused.errors(include_url=False, include_context=False, include_input=False)[0]
    message = problem["msg"].removeprefix("Value error, ")
    # a rule about several parameters names the first of them in its words
    name = str(problem["loc"][0]) if problem["loc"] else message.partition(":")[0]
    if problem["type"] == "extra_forbidden":
        raise UnknownParameter(f"{name} is not a parameter of this call")
    raise InvalidParameter(f"{name}: {message.removeprefix(f'{name}: ')}", parameter=name)


def options_of(wanted: RemovebgRequest, size: tuple[int, int], background: UUID | None) -> CutoutOptions:
    """`size`: the image's (width, height), ImageSpace; `background`: the stored bg_image.

    Raises InvalidParameter.
    """
    placed = wanted.scale != "original" or wanted.position not in {None, "original"}
    values = {
        "roi": roi_of(wanted.roi, size),
        "matting": _matting(wanted),
        "background": str(background) if background else wanted.bg_color,
        # without crop the canvas is the image's own; a subject that is placed is cut out of it first
        "trim": wanted.crop or placed,
        "margin": wanted.crop_margin if wanted.crop else "0",
        "scale": wanted.scale if placed else None,
        "position": (wanted.position or "center") if placed else "center",
        "max_pixels": round(MEGAPIXELS[wanted.size] * 1e6),
        "format": _format(wanted, opaque=wanted.opaque or background is not None),
        "channels": wanted.channels,
    }
    try:
        return CutoutOptions.model_validate(values)
    except ValidationError as refused:
        problem = refused.errors(include_url=False, include_context=False, include_input=False)[0]
    ours = str(problem["loc"][0]) if problem["loc"] else "roi"
    name = {"margin": "crop_margin", "background": "bg_color"}.get(ours, ours)
    raise InvalidParameter(f"{name}: {problem['msg'].removeprefix('Value error, ')}", parameter=name)


def roi_of(text: str, size: tuple[int, int]) -> tuple[float, float, float, float] | None:
    """In ImageSpace; None for the whole image. Raises InvalidParameter."""
    matches = [_LENGTH.fullmatch(part) for part in text.split()]
    if len(matches) != 4:
        raise InvalidParameter("roi is four lengths, x1 y1 x2 y2, in px or %", parameter="roi")
    edges = []
    for index, match in enumerate(matches):
        if match is None:
            raise InvalidParameter("roi is four lengths, x1 y1 x2 y2, in px or %", parameter="roi")
        whole = size[index % 2]
        edges.append(float(match[1]) * whole / 100 if match[2] == "%" else float(match[1]))
    x0, y0, x1, y1 = edges
    if not (x0 < x1 <= size[0] and y0 < y1 <= size[1]):
        raise InvalidParameter(
            f"roi must lie in the image of {size[0]} x {size[1]} px and have an area", parameter="roi"
        )
    return None if edges == [0, 0, *size] else (x0, y0, x1, y1)


def _matting(wanted: RemovebgRequest) -> str:
    if not wanted.semitransparency:
        return "off"
    return "hair" if wanted.type in _HAIRY else "auto"


def _format(wanted: RemovebgRequest, *, opaque: bool) -> Format:
    if wanted.format == "zip" and wanted.channels == "alpha":
        raise InvalidParameter("format: a ZIP holds colour and alpha, leave channels out", parameter="format")
    if wanted.format != "auto":
        return Format(wanted.format)
    return Format.JPG if opaque and wanted.channels == "rgba" else Format.PNG
