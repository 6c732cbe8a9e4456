"""What the steps pass on: a request that never changes and a draft that each step replaces."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.imaging.types import Box, Picture
from app.matting.options import CutoutOptions
from app.segmentation.marks import Mark
from app.segmentation.masks import SoftMask

Matte: TypeAlias = NDArray[np.uint8]
"""uint8 [h, w], alpha 0..255, ImageSpace. 8 bits are what the file holds; steps keep 0 and 255 exact."""
Pixels: TypeAlias = NDArray[np.uint8]
"""uint8 [h, w, 3] in the source's own RGB profile."""
Progress: TypeAlias = Callable[[float, str], None]
"""(share done 0..1, name of the step). It may raise to cancel; a step is never torn."""


@dataclass(frozen=True, slots=True)
class Request:
    picture: Picture
    mask: SoftMask
    marks: tuple[Mark, ...]
    options: CutoutOptions
    background: Picture | None = None
    crops: tuple[Box, ...] = ()
    """Of ImageSpace: there the mask was decoded from a crop, the last one's where they overlap."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of ImageSpace."""
        height, width = self.picture.pixels.shape[:2]
        return width, height


@dataclass(frozen=True, slots=True)
class MattingReport:
    """What the matting step did, for `result.matting`."""

    mode: str = "off"
    tiles: int = 0
    """Tiles that matting solved; 0 where no edge needed it."""
    fallback_tiles: int = 0
    """Of these, tiles that found no solution and keep the mask's edge."""
    unknown_pixels: int = 0
    hair_share: float = 0.0
    """Of the edge's length, how much is hair, fur or the like."""

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Draft:
    """The cutout so far. A step returns a new draft and leaves the arrays of the old one as they are."""

    pixels: Pixels
    matte: Matte
    mixture: Matte | None = None
    """The matte before feathering: how the photo itself mixes subject and background. None: `matte` is
    that."""
    box: Box = (0, 0, 0, 0)
    """The part of ImageSpace shown; may reach beyond the image by the margin."""
    content_box: Box = (0, 0, 0, 0)
    """Smallest box of ImageSpace around what is visible."""
    report: MattingReport = field(default_factory=MattingReport)
    notes: tuple[str, ...] = ()


Step: TypeAlias = Callable[[Request, Draft], Draft]


@dataclass(frozen=True, slots=True)
class Cutout:
    picture: Picture
    """RGB and alpha; colours under alpha 0 are not the photo's background."""
    trim_box: Box
    """ImageSpace box that the picture shows before scaling; reaches beyond the image where a margin does."""
    content_box: Box
    """ImageSpace box around what is visible, trimmed to or not."""
    matting: MattingReport
    notes: tuple[str, ...]
