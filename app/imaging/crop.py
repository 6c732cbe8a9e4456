"""A part of an image at its full resolution."""

from pathlib import Path
from typing import Any

from app.imaging.colour import to_srgb
from app.imaging.decode import open_image
from app.imaging.types import Box, ImageInfo


def open_crop(path: Path, info: ImageInfo, box: Box) -> Any:
    """The libvips pipeline of `box` (ImageSpace, within the image): uchar RGB or RGBA, oriented, in sRGB.

    To be run within `decoding`: raises whatever decoders raise.
    """
    x0, y0, x1, y1 = box
    opened = open_image(path, info, None)
    return to_srgb(opened.image.crop(x0, y0, x1 - x0, y1 - y0), opened.icc)
