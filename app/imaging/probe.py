"""The header of a file: what it is, how large, and whether we take it. No pixel is decoded."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvips
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
)
from PIL.ImageFile import ImageFile
from pillow_heif import HeifImageFile

from app.imaging.containers import MOST_SCANS, jpeg_scans, largest_heif_item, tiff_pages
from app.imaging.errors import (
    Animated,
    Damaged,
    DecodeLimit,
    EmptyFile,
    TooLargeBytes,
    TooManyPixels,
    Truncated,
    UnsupportedType,
)
from app.imaging.hardening import strict_warnings
from app.imaging.magic import ends_early, sniff
from app.imaging.types import MAX_BYTES, MAX_PIXELS, ImageInfo, SourceFormat

_ORIENTATION_TAG = 0x0112

# Plugin classes rather than Image.open: only the reader of the sniffed format ever sees the bytes, and a
# JPEG with further frames behind it (MPO) is simply its first frame.
PILLOW_READERS: dict[SourceFormat, Callable[[Path], ImageFile]] = {
    SourceFormat.JPEG: JpegImagePlugin.JpegImageFile,
    SourceFormat.PNG: PngImagePlugin.PngImageFile,
    SourceFormat.TIFF: TiffImagePlugin.TiffImageFile,
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

    Raises EmptyFile, TooLargeBytes, NotAnImage, UnsupportedType, TooManyPixels, DecodeLimit, Animated,
    Truncated, Damaged.
    """
    size = path.stat().st_size
    if size == 0:
        raise EmptyFile("the file is empty")
    if size > MAX_BYTES:
        raise TooLargeBytes(f"the file has {size:,} bytes; the limit is {MAX_BYTES:,}", limit=MAX_BYTES)
    format = sniff(path)
    if format in (SourceFormat.AVIF, SourceFormat.HEIC) and largest_heif_item(path) > MAX_PIXELS:
        raise _too_many_pixels()
    if format is SourceFormat.JPEG and jpeg_scans(path) > MOST_SCANS:
        raise DecodeLimit(f"the JPEG has more than {MOST_SCANS} scans")
    header = _read_header(path, format)
    if header.width * header.height > MAX_PIXELS:
        raise _too_many_pixels()
    if header.frames > 1:
        raise Animated("the file has more than one frame or page; send a single image")
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
    return Damaged(f"the {format.value.upper()} file cannot be read: it is damaged, or of a rare kind")


def _too_many_pixels() -> TooManyPixels:
    return TooManyPixels(f"the image has more than {MAX_PIXELS:,} pixels", limit=MAX_PIXELS)


def _read_header(path: Path, format: SourceFormat) -> _Header:
    try:
        with strict_warnings():
            # libvips for WebP: Pillow's reader allocates two canvases to read a header.
            header = _webp_header(path) if format is SourceFormat.WEBP else _pillow_header(path, format)
    except UnsupportedType:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except Exception as error:  # readers of hostile headers raise whatever their arithmetic raises
        raise broken(path, format) from error
    if header.width < 1 or header.height < 1:
        raise broken(path, format)
    return header


def _pillow_header(path: Path, format: SourceFormat) -> _Header:
    pages = tiff_pages(path) if format is SourceFormat.TIFF else None  # first: the reader may choke on a raw
    with PILLOW_READERS[format](path) as image:
        return _Header(
            width=image.size[0],
            height=image.size[1],
            frames=pages or _frames(image, format),
            orientation=_orientation(image, format),
            has_alpha=image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info,
            has_icc=bool(image.info.get("icc_profile")),
            dpi=_dpi(image.info.get("dpi", (0, 0))[0]),
        )


def _frames(image: ImageFile, format: SourceFormat) -> int:
    if format in (SourceFormat.JPEG, SourceFormat.HEIC):
        # Behind the first or primary image, which is the one taken, lie previews, depth maps, bursts, films.
        return 1
    # Not `n_frames`, for which a GIF is read to its end: a bomb may have millions.
    return 2 if getattr(image, "is_animated", False) else 1


def _webp_header(path: Path) -> _Header:
    image = pyvips.Image.webpload(str(path))
    fields = set(image.get_fields())
    orientation = int(image.get("orientation")) if "orientation" in fields else 1
    return _Header(
        width=image.width,
        height=image.height,
        frames=int(image.get("n-pages")) if "n-pages" in fields else 1,
        orientation=orientation if 1 <= orientation <= 8 else 1,
        has_alpha=bool(image.hasalpha()),
        has_icc="icc-profile-data" in fields,
        dpi=None,
    )


def _orientation(image: ImageFile, format: SourceFormat) -> int:
    if format is SourceFormat.TIFF:  # Pillow's TIFF reader turns the image itself
        return 1
    try:
        # Not PngImageFile.getexif, which decodes the whole image in search of a chunk behind the pixels.
        value = Image.Image.getexif(image).get(_ORIENTATION_TAG, 1)
    except Exception:  # broken EXIF beside good pixels is common (cameras, editors); it then says nothing
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _dpi(value: Any) -> float | None:
    dpi = float(value)
    return dpi if math.isfinite(dpi) and 1 <= dpi <= 100_000 else None
