"""A picture to a file: pixels, profile and resolution; no EXIF, XMP or text of the original."""

import hashlib
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from struct import pack
from typing import Any, BinaryIO, Literal

import numpy as np
import pyvips
from numpy.typing import NDArray

import app.imaging.hardening  # noqa: F401  libvips' settings
from app.imaging.errors import CannotEncode
from app.imaging.png import Effort, Raster, Sink, write_png
from app.imaging.types import EncodedFile, Format, Picture

Channels = Literal["rgba", "alpha"]
WHITE = (255, 255, 255)

_JPG_QUALITY = 92
_WEBP_QUALITY = 92
_WEBP_EFFORT = 2
_LONGEST = {Format.WEBP: 16_383, Format.JPG: 65_535}
"""The longest side that the file formats can name."""


def encode(
    picture: Picture,
    out: Path,
    format: Format = Format.PNG,
    *,
    dpi: float | None = 300,
    channels: Channels = "rgba",
    background: tuple[int, int, int] = WHITE,
    effort: Effort = Effort.BALANCED,
) -> EncodedFile:
    """Write the picture under `out`, all or nothing.

    dpi: resolution written to the file; None leaves it out. background: what JPG, which has no alpha, shows
    through transparent pixels. channels: `alpha` writes the matte alone as grey. effort: how small a PNG.
    Raises CannotEncode when the format cannot hold the picture.
    """
    _check(picture, format, channels)
    with _whole_file(out) as file:
        match format:
            case Format.PNG:
                _write_png(file, picture, dpi, channels, effort)
            case Format.WEBP:
                file.write(_webp(picture, dpi, channels))
            case Format.JPG:
                file.write(_jpg(picture, dpi, channels, background))
            case Format.ZIP:
                file.write(_zip(picture, dpi, effort))
    return EncodedFile(
        picture.width, picture.height, file.written, file.digest.hexdigest(), format.content_type
    )


def _check(picture: Picture, format: Format, channels: Channels) -> None:
    side = _LONGEST.get(format)
    if side is not None and max(picture.width, picture.height) > side:
        raise CannotEncode(f"{format.value.upper()} holds at most {side} pixels a side", limit=side)
    if format is Format.ZIP and channels == "alpha":
        raise CannotEncode("a ZIP holds colour and alpha; channels=alpha needs another format")


def _write_png(file: Sink, picture: Picture, dpi: float | None, channels: Channels, effort: Effort) -> None:
    if channels == "alpha":
        write_png(file, Raster(_alpha(picture)), dpi=dpi, effort=effort)
    else:
        write_png(file, Raster(picture.pixels, picture.alpha), icc=picture.icc, dpi=dpi, effort=effort)


def _webp(picture: Picture, dpi: float | None, channels: Channels) -> bytes:
    # WebP has no field for the resolution but EXIF; libvips writes a fresh one that holds little else.
    webp: bytes = _image(picture, channels, dpi).webpsave_buffer(
        Q=_WEBP_QUALITY, alpha_q=100, effort=_WEBP_EFFORT, keep="icc" if dpi is None else "icc|exif"
    )
    return webp


def _jpg(picture: Picture, dpi: float | None, channels: Channels, background: tuple[int, int, int]) -> bytes:
    image = _image(picture, channels, dpi)
    if image.hasalpha():
        image = image.flatten(background=list(background)).cast("uchar")
    jpg: bytes = image.jpegsave_buffer(Q=_JPG_QUALITY, subsample_mode="off", keep="icc")
    return jpg if dpi is None else _with_jfif(jpg, dpi)


def _with_jfif(jpg: bytes, dpi: float) -> bytes:
    # libvips names a resolution only beside EXIF; every reader looks at the JFIF segment (ITU-T T.871).
    per_inch = min(round(dpi), 0xFFFF)
    return jpg[:2] + b"\xff\xe0\x00\x10JFIF\0\x01\x02" + pack(">BHHBB", 1, per_inch, per_inch, 0, 0) + jpg[2:]


def _zip(picture: Picture, dpi: float | None, effort: Effort) -> bytes:
    # remove.bg's layout: the colours under every pixel, and the matte beside them, both compressed already.
    buffer, alpha = BytesIO(), BytesIO()
    _write_png(alpha, picture, dpi, "alpha", effort)
    colours = Picture(picture.pixels, None, picture.icc)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("color.jpg", _jpg(colours, dpi, "rgba", WHITE))
        archive.writestr("alpha.png", alpha.getbuffer())
    return buffer.getvalue()


def _image(picture: Picture, channels: Channels, dpi: float | None) -> Any:
    per_mm = 0.0 if dpi is None else dpi / 25.4
    if channels == "alpha":
        return pyvips.Image.new_from_array(_alpha(picture), interpretation="b-w").copy(
            xres=per_mm, yres=per_mm
        )
    image = pyvips.Image.new_from_array(np.ascontiguousarray(picture.pixels), interpretation="srgb")
    if picture.alpha is not None:
        image = image.bandjoin(pyvips.Image.new_from_array(np.ascontiguousarray(picture.alpha)))
    image = image.copy(xres=per_mm, yres=per_mm)
    if picture.icc:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", picture.icc)
    return image


def _alpha(picture: Picture) -> NDArray[np.uint8]:
    if picture.alpha is None:
        return np.full((picture.height, picture.width), 255, np.uint8)
    return np.ascontiguousarray(picture.alpha)


class _Measured:
    """A file that knows how much was written to it, and the digest of that."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.written = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.written += len(data)
        return self._file.write(data)


@contextmanager
def _whole_file(out: Path) -> Iterator[_Measured]:
    """Bytes go to a hidden neighbour, which takes the name `out` only when all went well."""
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield _Measured(file)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
