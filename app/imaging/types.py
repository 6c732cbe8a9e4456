"""What an image is before decoding, in memory, and as a written file."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Box: TypeAlias = tuple[int, int, int, int]
"""x0, y0, x1, y1; half open."""

MAX_BYTES = 50_000_000
"""The largest file that is accepted (DESIGN §14)."""
MAX_PIXELS = 100_000_000
"""The largest image that is accepted, width by height."""
WORKING_SIDE = 2048
"""The longest side of a working image (DESIGN §3)."""


class SourceFormat(StrEnum):
    """What a file may be, told by its content and never by its name."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    TIFF = "tiff"
    BMP = "bmp"
    GIF = "gif"
    AVIF = "avif"
    HEIC = "heic"

    @property
    def content_type(self) -> str:
        return f"image/{self.value}"

    @property
    def extension(self) -> str:
        return {"jpeg": "jpg", "tiff": "tif"}.get(self.value, self.value)


class Format(StrEnum):
    """What a cutout may be written as."""

    PNG = "png"
    WEBP = "webp"
    JPG = "jpg"
    ZIP = "zip"

    @property
    def content_type(self) -> str:
        return {"jpg": "image/jpeg", "zip": "application/zip"}.get(self.value, f"image/{self.value}")


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the header says. `width` and `height` are ImageSpace: after the EXIF orientation."""

    format: SourceFormat
    width: int
    height: int
    bytes: int
    orientation: int = 1
    """EXIF value 1..8: how the stored rows and columns become ImageSpace."""
    has_alpha: bool = False
    has_icc: bool = False
    dpi: float | None = None

    @property
    def content_type(self) -> str:
        return self.format.content_type


@dataclass(frozen=True, slots=True)
class Picture:
    """Decoded pixels in ImageSpace (or a uniformly scaled copy of it when `decode` was given `max_side`)."""

    pixels: NDArray[np.uint8]
    """[height, width, 3], in the colours of `icc`, not multiplied by `alpha`."""
    alpha: NDArray[np.uint8] | None = None
    """[height, width], 255 = opaque; None when every pixel is opaque."""
    icc: bytes | None = None
    """The RGB profile of `pixels`; None means sRGB."""
    dpi: float | None = None
    notes: tuple[str, ...] = ()
    """What could not be kept: `cmyk_converted`, `icc_dropped` …"""

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


@dataclass(frozen=True, slots=True)
class EncodedFile:
    """A file that is completely on disk under its final name."""

    width: int
    height: int
    bytes: int
    sha256: str
    content_type: str
