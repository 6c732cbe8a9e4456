"""The pixel spaces of DESIGN §3 and the only transforms between them.

    ImageSpace ──working──▶ WorkingSpace ──encoder's resize──▶ ModelSpace (1024²) ──÷ 4──▶ MaskSpace (256²)

All coordinates are continuous: pixel (i, j) covers [i, i+1) x [j, j+1) and its centre lies at +0.5. Each
space holds the whole image, so each transform is one scale per axis, (size there) / (size here). Sizes are
whole pixels, rounded once at each arrow; scaling by the rounded sizes makes mask and image meet at both edges
(segment_anything/utils/transforms.py, `apply_coords`, does the same).

The decoder's graph adds SAM's own +0.5 to a prompt; callers of Meta's predictor pass x·scale, and so do we.
"""

from dataclasses import dataclass
from typing import NewType

import numpy as np
from numpy.typing import NDArray

from app.imaging.sizes import fitted
from app.imaging.types import WORKING_SIDE
from models.sessions.base import Fit

Points = NDArray[np.float64]
ImagePoints = NewType("ImagePoints", Points)
"""[n, 2] (x, y) in ImageSpace."""
WorkingPoints = NewType("WorkingPoints", Points)
"""[n, 2] (x, y) in WorkingSpace."""
ModelPoints = NewType("ModelPoints", Points)
"""[n, 2] (x, y) in ModelSpace."""
MaskPoints = NewType("MaskPoints", Points)
"""[n, 2] (x, y) in MaskSpace."""

Size = tuple[int, int]
"""(width, height)"""

MODEL_SIDE = 1024  # the encoders' input (segment_anything/build_sam.py, sam2.1_hiera_*.yaml)
MASK_SIDE = 256  # the decoders' logits
MASK_STRIDE = MODEL_SIDE // MASK_SIDE
EMBEDDING_STRIDE = 16  # image_embed is 64² over 1024²


def working_size(image: Size) -> Size:
    """Size of the working image: the image itself up to 2048, else fitted to it."""
    return image if max(image) <= WORKING_SIDE else fitted(*image, WORKING_SIDE)


def content_size(how: Fit, working: Size) -> Size:
    """The part of ModelSpace, from its origin, that the image covers."""
    return (MODEL_SIDE, MODEL_SIDE) if how is Fit.STRETCH else fitted(*working, MODEL_SIDE)


@dataclass(frozen=True, slots=True)
class Frame:
    """One image in all its spaces. Sizes are (width, height) in whole pixels."""

    image: Size
    working: Size
    content: Size
    """What the image covers of ModelSpace; the rest is padding."""

    @classmethod
    def of(cls, image: Size, how: Fit) -> "Frame":
        working = working_size(image)
        return cls(image, working, content_size(how, working))

    @property
    def model_scale(self) -> tuple[float, float]:
        """ModelSpace pixels per ImageSpace pixel, (x, y)."""
        return self.content[0] / self.image[0], self.content[1] / self.image[1]

    @property
    def mask_scale(self) -> tuple[float, float]:
        """MaskSpace pixels per ImageSpace pixel, (x, y)."""
        x, y = self.model_scale
        return x / MASK_STRIDE, y / MASK_STRIDE

    @property
    def mask_file(self) -> Size:
        """Size of a mask's file: MODEL_SIDE along the image's longer side, and never stretched."""
        return fitted(*self.working, MODEL_SIDE)

    def mask_content(self) -> Size:
        """MaskSpace pixels that the image covers, the partly covered ones included."""
        return -(-self.content[0] // MASK_STRIDE), -(-self.content[1] // MASK_STRIDE)

    def embedding_content(self) -> Size:
        """Cells of the 64² embedding that the image covers, the partly covered ones included."""
        return -(-self.content[0] // EMBEDDING_STRIDE), -(-self.content[1] // EMBEDDING_STRIDE)

    def to_working(self, points: ImagePoints) -> WorkingPoints:
        return WorkingPoints(points * (np.array(self.working) / self.image))

    def to_model(self, points: ImagePoints) -> ModelPoints:
        return ModelPoints(points * np.array(self.model_scale))

    def to_mask(self, points: ImagePoints) -> MaskPoints:
        return MaskPoints(points * np.array(self.mask_scale))

    def from_model(self, points: ModelPoints) -> ImagePoints:
        return ImagePoints(points / np.array(self.model_scale))

    def from_mask(self, points: MaskPoints) -> ImagePoints:
        return ImagePoints(points / np.array(self.mask_scale))
