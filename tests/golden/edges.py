"""Golden vectors of guided upsampling: `python -m tests.golden.edges` writes edges.json.

Python and the editor are both held to them. Picture and mask follow from whole numbers, so that both draw
the same: a disc with a strap through it on a textured ground, a speck of its colour, and a mask of both that
is a mask pixel off.
"""

import base64
import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.matting.upsample import evidence, upsampled
from app.segmentation.maskio import to_logits
from app.segmentation.masks import SoftMask

FILE = Path(__file__).with_suffix(".json")
SIZES = {
    # level of the grid: 0, 1, 2
    "small": ((300, 200), (1024, 683)),
    "tall": ((600, 900), (683, 1024)),
    "large": ((1500, 1100), (1024, 751)),
}
"""(width, height) of the image and of the mask's file."""


@dataclass(frozen=True, slots=True)
class Case:
    pixels: NDArray[np.uint8]
    values: NDArray[np.uint8]

    def matte(self) -> NDArray[np.uint8]:
        size = self.pixels.shape[1], self.pixels.shape[0]
        scale = self.values.shape[1] / size[0], self.values.shape[0] / size[1]
        subject, scale, binding = evidence(SoftMask(to_logits(self.values), scale), size)
        return upsampled(subject, scale, binding, self.pixels)


def case(name: str) -> Case:
    size, mask_size = SIZES[name]
    return Case(_pixels(*size), _values(*mask_size))


def _pixels(width: int, height: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    radius = min(width, height) // 3
    inside = (2 * x - width) ** 2 + (2 * y - height) ** 2 < 4 * radius**2
    inside |= (abs(2 * x - width) < width // 40) & (y > height // 8)
    inside |= _speck(width, height)
    front = np.stack([190 + (x * 7 + y * 13) % 23, 80 + (x * 5 + y * 3) % 17, 60 + (x + y) % 11], 2)
    back = np.stack([70 + (x * 3 + y * 11) % 19, 100 + (x * 2 + y) % 29, 120 + (x * 5 + y * 7) % 13], 2)
    pixels: NDArray[np.uint8] = np.where(inside[:, :, None], front, back).astype(np.uint8)
    return pixels


def _speck(width: int, height: int) -> NDArray[np.bool_]:
    """Smaller than anything a decoder knows: it must go."""
    y, x = np.mgrid[:height, :width]
    side = max(2, width // 190)
    across, down = x - width // 8, y - height // 8
    return np.asarray((across >= 0) & (across < side) & (down >= 0) & (down < side))


def _values(width: int, height: int) -> NDArray[np.uint8]:
    """A disc 4 px (one pixel of the decoder) too small, with an edge 24 px wide."""
    y, x = np.mgrid[:height, :width]
    far = np.sqrt((x + 0.5 - width / 2) ** 2 + (y + 0.5 - height / 2) ** 2)
    inside = min(width, height) / 3 - 4 - far
    values = np.clip(np.floor(128 + inside * 255 / 24), 0, 255)
    return np.asarray(np.where(_speck(width, height), 255, values), np.uint8)


def expected(name: str) -> NDArray[np.uint8]:
    width, height = SIZES[name][0]
    data = zlib.decompress(base64.b64decode(json.loads(FILE.read_text())[name]["matte"]))
    return np.frombuffer(data, np.uint8).reshape(height, width)


def main() -> None:
    cases = {}
    for name, (size, mask_size) in SIZES.items():
        matte = base64.b64encode(zlib.compress(case(name).matte().tobytes(), 9)).decode()
        cases[name] = {"image": size, "mask": mask_size, "matte": matte}
    FILE.write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
