"""A picture to a file: pixels, profile and resolution; no EXIF, XMP or text of the original."""

import hashlib
import os
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyvips

import app.imaging.hardening  # noqa: F401  libvips' settings
from app.imaging.errors import CannotEncode
from app.imaging.types import EncodedFile, Format, Picture

Channels = Literal["rgba", "alpha"]
WHITE = (255, 255, 255)

_JPG_QUALITY = 92
_WEBP_QUALITY = 92
_WEBP_SIDE = 16_383
_JPG_SIDE = 65_535


def encode(
    picture: Picture,
    out: Path,
    format: Format = Format.PNG,
    *,
    dpi: float | None = 300,
    channels: Channels = "rgba",
    background: tuple[int, int, int] = WHITE,
    fast: bool = False,
) -> EncodedFile:
    """Write the picture under `out`, all or nothing.

    dpi: resolution written to the file; None leaves it out. background: what JPG, which has no alpha, shows
    through transparent pixels. channels: `alpha` writes the matte alone as grey. fast: a larger PNG, sooner.
    Raises CannotEncode when the format cannot hold the picture.
    """
    data = _encoded(picture, format, dpi, channels=channels, background=background, fast=fast)
    _write_atomically(out, data)
    return EncodedFile(
        picture.width, picture.height, len(data), hashlib.sha256(data).hexdigest(), format.content_type
    )


def _encoded(
    picture: Picture,
    format: Format,
    dpi: float | None,
    *,
    channels: Channels,
    background: tuple[int, int, int],
    fast: bool,
) -> bytes:
    if format is Format.ZIP:
        if channels == "alpha":
            raise CannotEncode("a ZIP holds colour and alpha; channels=alpha needs another format")
        return _zip(picture, dpi, fast)
    image = _alpha_image(picture) if channels == "alpha" else _image(picture)
    match format:
        case Format.PNG:
            return _png(image, dpi, fast)
        case Format.WEBP:
            return _webp(image, dpi)
        case _:
            return _jpg(image, dpi, background)


def _zip(picture: Picture, dpi: float | None, fast: bool) -> bytes:
    # remove.bg's layout: the colours under every pixel, and the matte beside them, both compressed already.
    buffer = BytesIO()
    opaque = Picture(picture.pixels, None, picture.icc)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("color.jpg", _jpg(_image(opaque), dpi, WHITE))
        archive.writestr("alpha.png", _png(_alpha_image(picture), dpi, fast))
    return buffer.getvalue()


def _png(image: Any, dpi: float | None, fast: bool) -> bytes:
    png: bytes = _resolved(image, dpi).pngsave_buffer(
        compression=1 if fast else 3, filter="sub" if fast else "paeth", bitdepth=8, keep="icc"
    )
    return png


def _webp(image: Any, dpi: float | None) -> bytes:
    if max(image.width, image.height) > _WEBP_SIDE:
        raise CannotEncode(f"WebP holds at most {_WEBP_SIDE} pixels a side", limit=_WEBP_SIDE)
    # WebP has no field for the resolution but EXIF; libvips writes a fresh one that holds little else.
    webp: bytes = _resolved(image, dpi).webpsave_buffer(
        Q=_WEBP_QUALITY, alpha_q=100, effort=2, keep="icc" if dpi is None else "icc|exif"
    )
    return webp


def _jpg(image: Any, dpi: float | None, background: tuple[int, int, int]) -> bytes:
    if max(image.width, image.height) > _JPG_SIDE:
        raise CannotEncode(f"JPG holds at most {_JPG_SIDE} pixels a side", limit=_JPG_SIDE)
    if image.hasalpha():
        image = image.flatten(background=list(background)).cast("uchar")
    jpg: bytes = _resolved(image, dpi).jpegsave_buffer(Q=_JPG_QUALITY, subsample_mode="off", keep="icc")
    return jpg


def _image(picture: Picture) -> Any:
    pixels = picture.pixels
    if picture.alpha is not None:
        pixels = np.dstack([pixels, picture.alpha])
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels)).copy(interpretation="srgb")
    if picture.icc:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", picture.icc)
    return image


def _alpha_image(picture: Picture) -> Any:
    alpha = picture.alpha
    if alpha is None:
        alpha = np.full(picture.pixels.shape[:2], 255, np.uint8)
    return pyvips.Image.new_from_array(np.ascontiguousarray(alpha)).copy(interpretation="b-w")


def _resolved(image: Any, dpi: float | None) -> Any:
    per_mm = 0.0 if dpi is None else dpi / 25.4
    return image.copy(xres=per_mm, yres=per_mm)


def _write_atomically(out: Path, data: bytes) -> None:
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
