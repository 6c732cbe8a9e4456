"""The header of a file: what it is, how large, and whether we take it. No pixel is decoded."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvips
from PIL import AvifImagePlugin, BmpImagePlugin, GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin
from PIL.ImageFile import ImageFile
from pillow_heif import HeifImageFile

from app.imaging.errors import Animated, Damaged, EmptyFile, TooLargeBytes, TooManyPixels, Truncated
from app.imaging.hardening import strict_warnings
from app.imaging.magic import ends_early, sniff
from app.imaging.types import MAX_BYTES, MAX_PIXELS, ImageInfo, SourceFormat

_ORIENTATION_TAG = 0x0112

# Plugin classes rather than Image.open: only the reader of the sniffed format ever sees the bytes, and a
# JPEG with further frames behind it (MPO) is simply its first frame.
PILLOW_READERS: dict[SourceFormat, Callable[[Path], ImageFile]] = {
    SourceFormat.JPEG: JpegImagePlugin.JpegImageFile,
    SourceFormat.PNG: PngImagePlugin.PngImageFile,
    SourceFormat.BMP: BmpImagePlugin.BmpImageFile,
    SourceFormat.GIF: GifImagePlugin.GifImageFile,
    SourceFormat.AVIF: AvifImagePlugin.AvifImageFile,
    SourceFormat.HEIC: HeifImageFile,
}


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    frames: int
    orientation: int
    has_alpha: bool
    has_icc: bool
    dpi: float | None


def probe(path: Path) -> ImageInfo:
    """Tell format, size and orientation, and refuse what is over a limit.

    Raises EmptyFile, TooLargeBytes, NotAnImage, UnsupportedType, TooManyPixels, Animated, Truncated, Damaged.
    """
    size = path.stat().st_size
    if size == 0:
        raise EmptyFile("the file is empty")
    if size > MAX_BYTES:
        raise TooLargeBytes(f"the file has {size:,} bytes; the limit is {MAX_BYTES:,}", limit=MAX_BYTES)
    format = sniff(path)
    header = _read_header(path, format)
    _check_limits(header)
    turned = header.orientation >= 5
    return ImageInfo(
        format=format,
        width=header.height if turned else header.width,
        height=header.width if turned else header.height,
        bytes=size,
        orientation=header.orientation,
        has_alpha=header.has_alpha,
        has_icc=header.has_icc,
        dpi=header.dpi,
    )


def broken(path: Path, format: SourceFormat) -> Truncated | Damaged:
    """The error for a file of which a decoder said that it cannot be read."""
    if ends_early(path, format):
        return Truncated(f"the {format.value.upper()} file ends before its image does")
    return Damaged(f"the {format.value.upper()} file is damaged")


def _check_limits(header: _Header) -> None:
    if header.width * header.height > MAX_PIXELS:
        raise TooManyPixels(
            f"the image has {header.width} x {header.height} pixels; the limit is {MAX_PIXELS:,}",
            limit=MAX_PIXELS,
        )
    if header.frames > 1:
        raise Animated("the file has more than one frame or page; send a single image")


def _read_header(path: Path, format: SourceFormat) -> _Header:
    # libvips for WebP, because Pillow's reader allocates two canvases to read a header, and for TIFF, because
    # Pillow opens no 16-bit RGB, CMYK+alpha or Lab TIFF. Pillow for the rest: it also reads BMP, HEIC and an
    # orientation that stands in XMP.
    reader = PILLOW_READERS.get(format)
    try:
        with strict_warnings():
            header = _pillow_header(path, reader) if reader else _vips_header(path, format)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels(f"the limit is {MAX_PIXELS:,} pixels", limit=MAX_PIXELS) from error
    except Exception as error:  # readers of hostile headers raise whatever their arithmetic raises
        raise broken(path, format) from error
    if header.width < 1 or header.height < 1:
        raise broken(path, format)
    return header


def _pillow_header(path: Path, reader: Callable[[Path], ImageFile]) -> _Header:
    with reader(path) as image:
        width, height = image.size
        # Counting the frames of a GIF walks the file; not before its canvas is known to be small enough.
        # A HEIC holds bursts, depth maps and previews beside its primary image, which is the one taken.
        known = width * height > MAX_PIXELS or isinstance(image, HeifImageFile)
        frames = 1 if known else int(getattr(image, "n_frames", 1))
        return _Header(
            width=width,
            height=height,
            frames=frames,
            orientation=_orientation(_exif_orientation(image)),
            has_alpha=image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info,
            has_icc=bool(image.info.get("icc_profile")),
            dpi=_dpi(image.info.get("dpi", (0, 0))[0]),
        )


def _vips_header(path: Path, format: SourceFormat) -> _Header:
    load = pyvips.Image.webpload if format is SourceFormat.WEBP else pyvips.Image.tiffload
    image = load(str(path))
    fields = set(image.get_fields())

    def field(name: str, otherwise: int) -> int:
        return int(image.get(name)) if name in fields else otherwise

    return _Header(
        width=image.width,
        height=image.height,
        frames=field("n-pages", 1),
        orientation=_orientation(field("orientation", 1)),
        has_alpha=bool(image.hasalpha()),
        has_icc="icc-profile-data" in fields,
        dpi=_dpi(image.xres * 25.4) if "resolution-unit" in fields else None,
    )


def _exif_orientation(image: ImageFile) -> Any:
    try:
        # Not PngImageFile.getexif, which decodes the whole image in search of a chunk behind the pixels.
        return Image.Image.getexif(image).get(_ORIENTATION_TAG, 1)
    except Exception:  # broken EXIF beside good pixels is common (cameras, editors); it then says nothing
        return 1


def _orientation(value: Any) -> int:
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _dpi(value: Any) -> float | None:
    dpi = float(value)
    return dpi if math.isfinite(dpi) and 1 <= dpi <= 100_000 else None
