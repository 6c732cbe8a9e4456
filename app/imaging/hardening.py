"""Process-wide settings that must hold before any decoder sees a file. Imported for its effect."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pyvips
from PIL import Image

from app.imaging.types import MAX_PIXELS

# SVG, PDF, ImageMagick, OpenSlide … are reachable through libvips; its own list of risky loaders goes off.
pyvips.block_untrusted_set(True)
# Operations are cached by file name: a second upload under the same path would get the first one's pixels.
pyvips.cache_set_max(0)
# Pillow only warns between its limit and twice that (179 MP load by default); here the limit is the limit.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


@contextmanager
def strict_warnings() -> Iterator[None]:
    """Pillow's bomb warning is an error; its remarks about odd metadata are not for our logs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", category=Image.DecompressionBombWarning)
        yield
