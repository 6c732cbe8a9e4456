"""Small images with known pixels, written by Pillow: another library judges our reader and writer."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from pillow_heif import register_heif_opener

register_heif_opener()  # Pillow then writes HEIC, its orientation as the container's own rotation

WIDTH, HEIGHT = 60, 40


def scene(width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """A smooth picture without any symmetry: uint8[height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    red = 40 + 200 * x
    green = 220 - 160 * y
    blue = 60 + 120 * np.hypot(x - 0.8, y - 0.2)
    return levels(np.dstack([red, green, blue]))


def matte(width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """A soft disc left of the middle: uint8[height, width]."""
    y, x = np.mgrid[0:height, 0:width]
    distance = height / 3 - np.hypot(x - width / 3, y - height / 2)
    return levels((distance / 4 + 0.5) * 255)


def levels(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(values).clip(0, 255).astype(np.uint8, copy=False)


def image(pixels: NDArray[np.uint8] | None = None) -> Image.Image:
    return Image.fromarray(scene() if pixels is None else pixels)


def rgba() -> Image.Image:
    return Image.fromarray(np.dstack([scene(), matte()]))


def write(picture: Image.Image, path: Path, **options: Any) -> Path:
    picture.save(path, **options)
    return path


def oriented(path: Path, orientation: int, **options: Any) -> Path:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return write(image(), path, exif=exif.tobytes(), **options)


def display_p3_like() -> bytes:
    """A valid RGB profile that is not sRGB's bytes."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def worst(left: NDArray[Any], right: NDArray[Any]) -> int:
    return int(np.abs(left.astype(int) - right.astype(int)).max())
