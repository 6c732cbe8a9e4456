"""Working image → the encoder's input, exactly as its training did (DESIGN §6)."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.manifest import Geometry, Manifest, Normalisation
from models.sessions.base import Float, RgbImage


def encoder_input(image: RgbImage, manifest: Manifest) -> Float:
    """uint8 [h, w, 3] sRGB → float32 [1, 3, side, side] in ModelSpace, normalised, then padded with 0."""
    height, width = fitted(image.shape[1], image.shape[0], manifest.geometry)[::-1]
    resized = _resize(image, width, height, manifest.geometry.resample)
    side = manifest.geometry.side
    planes = np.zeros((1, 3, side, side), np.float32)
    inside = planes[0, :, :height, :width]
    if resized.dtype == np.uint8:  # 256 values a channel: looked up in 5 ms where arithmetic takes 25
        table = _normalise(np.arange(256, dtype=np.uint8)[:, None].repeat(3, 1), manifest.normalisation)
        for channel in range(3):
            inside[channel] = table[:, channel][resized[:, :, channel]]
    else:
        inside[:] = _normalise(resized, manifest.normalisation).transpose(2, 0, 1)
    return planes


def fitted(width: int, height: int, geometry: Geometry) -> tuple[int, int]:
    """(width, height) in ModelSpace that the image fills."""
    if geometry.fit == "stretch":
        return geometry.side, geometry.side
    twice = 2 * max(width, height)
    # round half up, as SAM's ResizeLongestSide.get_preprocess_shape, in whole numbers like the editor
    across, down = (max(1, (2 * edge * geometry.side + twice // 2) // twice) for edge in (width, height))
    return across, down


def _resize(image: RgbImage, width: int, height: int, resample: str) -> NDArray[np.uint8] | Float:
    size, bilinear = (width, height), Image.Resampling.BILINEAR
    if resample == "uint8":
        return np.asarray(Image.fromarray(image).resize(size, bilinear))
    # Pillow resizes float planes one at a time; the same antialiased triangle filter as torch's
    planes = [Image.fromarray(image[:, :, i].astype(np.float32)).resize(size, bilinear) for i in range(3)]
    return np.stack([np.asarray(plane, np.float32) for plane in planes], axis=-1)


def _normalise(pixels: NDArray[np.uint8] | Float, how: Normalisation) -> Float:
    mean, std = np.array(how.mean, np.float32), np.array(how.std, np.float32)
    return (pixels.astype(np.float32) / np.float32(how.divide) - mean) / std
