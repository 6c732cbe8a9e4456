"""Masks as files: 8-bit grey PNG over the whole image, value = round(255·sigmoid(logit)), edge at 128.

A file says in a text chunk that a decoder made it: of products on white its logits look like a drawing.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Resampling
from PIL.PngImagePlugin import PngInfo

from app.imaging.sizes import fit
from app.segmentation.errors import MaskAspect, MaskUnreadable
from app.segmentation.masks import FloatImage, SoftMask
from app.segmentation.resample import resample
from app.segmentation.spaces import Frame, Size

ASPECT_TOLERANCE = 1.0  # px of the mask's shorter-than-expected side (DESIGN §9)
DECODED = ("Cutout-Mask", "decoded")
"""Keyword and text of the chunk: web/src/editor/render/png.ts writes it too."""
MAX_MASK_SIDE = 20_000
MAX_MASK_PIXELS = 100_000_000  # as for images, DESIGN §14


def mask_png(mask: SoftMask, frame: Frame) -> bytes:
    """The mask at `frame.mask_file`: it covers the image exactly, without the padding, in its shape."""
    width, height = frame.mask_file
    step = (mask.scale[0] * frame.image[0] / width, mask.scale[1] * frame.image[1] / height)
    values = to_values(resample(mask.logits, frame.mask_file, step))
    file, said = io.BytesIO(), PngInfo()
    if mask.decoded:
        said.add_text(*DECODED)
    Image.fromarray(values).save(file, "PNG", compress_level=4, pnginfo=said)
    return file.getvalue()


def from_png(data: bytes, image: Size, longest: int | None = None) -> SoftMask:
    """A mask file over the whole image of `image` = (width, height) px; `longest`: no more pixels a side.

    Raises MaskUnreadable when it is not an 8-bit grey PNG, MaskAspect when its shape is not the image's.
    """
    with _opened(io.BytesIO(data), image) as file:
        grey = file if file.mode == "L" else file.convert("L")
        if (size := fit(*file.size, longest)) != file.size:
            grey = grey.resize(size, Resampling.BOX)
        values, decoded = np.asarray(grey), file.info.get(DECODED[0]) == DECODED[1]
    height, width = values.shape
    return SoftMask(to_logits(values), (width / image[0], height / image[1]), decoded)


def check_mask(path: Path, image: Size) -> None:
    """Raises what `from_png` would raise for the file, but decodes no pixels: all that was sent is here.

    A few bytes may stand for 100 MP. A file whose sums are right and whose pixels are none fails its job.
    """
    with path.open("rb") as data, _opened(data, image) as file:
        file.verify()


def check_aspect(mask: Size, image: Size) -> None:
    """Raises MaskAspect unless `mask` is `image` scaled, within 1 px on either side."""
    across, down = mask[0] / image[0], mask[1] / image[1]
    if min(abs(mask[1] - image[1] * across), abs(mask[0] - image[0] * down)) > ASPECT_TOLERANCE:
        raise MaskAspect(
            f"the mask is {mask[0]}x{mask[1]} px, which is not the shape of the image, {image[0]}x{image[1]}"
        )


def to_values(logits: FloatImage) -> NDArray[np.uint8]:
    """round(255·sigmoid(logit)), halves up."""
    return np.floor(255.0 / (1.0 + np.exp(-logits.astype(np.float64))) + 0.5).astype(np.uint8)


_CENTRES = np.clip(np.arange(256, dtype=np.float64), 0.25, 254.75)  # 0 and 255 stand for half an interval
_LOGITS = np.log(_CENTRES / (255 - _CENTRES)).astype(np.float32)


def to_logits(values: NDArray[np.uint8]) -> FloatImage:
    """Inverse of to_values within its rounding: values ≥ 128 are positive, ≤ 127 negative."""
    return _LOGITS[values]


@contextmanager
def _opened(data: IO[bytes], image: Size) -> Iterator[Image.Image]:
    """The file, whose header has passed. Raises MaskUnreadable, also for what Pillow raises in the block;
    MaskAspect."""
    try:
        with Image.open(data, formats=("PNG",)) as file:
            if file.mode not in {"L", "1"}:
                raise MaskUnreadable(f"the mask must be an 8-bit grey PNG, not {file.mode}")
            if max(file.size) > MAX_MASK_SIDE or file.size[0] * file.size[1] > MAX_MASK_PIXELS:
                raise MaskUnreadable(f"the mask is too large: {file.size[0]}x{file.size[1]} px")
            check_aspect(file.size, image)
            yield file
    except (OSError, SyntaxError, ValueError, IndexError, Image.DecompressionBombError) as error:
        raise MaskUnreadable("the mask is not a readable PNG") from error
