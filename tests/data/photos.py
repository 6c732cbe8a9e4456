"""The photos with their reference masks, and a keep point that a person would click."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.segmentation.masks import SoftMask
from app.segmentation.resample import resample

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Photo:
    name: str
    click: tuple[float, float]
    """ImageSpace."""

    @property
    def path(self) -> Path:
        return HERE / "photos" / f"{self.name}.jpg"

    @property
    def truth(self) -> NDArray[np.bool_]:
        with Image.open(HERE / "masks" / f"{self.name}.png") as mask:
            return np.asarray(mask) > 127

    @property
    def shapes(self) -> dict[str, object]:
        shapes: dict[str, object] = json.loads((HERE / "polygons.json").read_text())[self.name]
        return shapes


ASTRONAUT = Photo("astronaut", (222, 330))
CAMERA = Photo("camera", (120, 250))
CAT = Photo("cat", (250, 150))
COFFEE = Photo("coffee", (300, 150))
RETINA = Photo("retina", (256, 330))
ROCKET = Photo("rocket", (322, 240))
PHOTOS = (ASTRONAUT, CAMERA, CAT, COFFEE, RETINA, ROCKET)


def iou(mask: SoftMask, truth: NDArray[np.bool_]) -> float:
    """Intersection over union at the photo's own size."""
    height, width = truth.shape
    subject = resample(mask.logits, (width, height), mask.scale) > 0
    return float((subject & truth).sum() / (subject | truth).sum())
