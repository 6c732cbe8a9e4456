"""Photos with reference masks: tests/data, or folders `<set>/images/*` with `<set>/gt/<stem>.png`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.imaging.probe import probe
from app.imaging.working import working_image
from app.segmentation.spread import depth_of
from models.model import Model
from models.registry import Registry
from models.sessions.base import Embedding, RgbImage

REPOSITORY = Path(__file__).parent.parent
MAX_SIDE = 1024  # masks are scored at no more: a click is sought by a distance transform of every mask
OPAQUE = 255
MATTE_SETS = ("prodcomp", "tuxcomp", "alphamatting", "hires_matting")
"""Their reference is an alpha; the other sets hold 255 subject, 128 to be ignored, 0 background."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Sample:
    name: str
    set: str
    image: Path
    truth: Mask
    """[h, w] at MAX_SIDE or below, over the whole image."""
    counted: Mask
    """[h, w]: where the reference is sure."""


def samples(data: Path | None) -> Iterator[Sample]:
    if data is None:
        folder = REPOSITORY / "tests" / "data"
        pairs = [("photos", path, folder / "masks" / f"{path.stem}.png") for path in folder.glob("photos/*")]
    else:
        pairs = [
            (path.parent.parent.name, path, path.parent.parent / "gt" / f"{path.stem}.png")
            for path in data.glob("*/images/*")
        ]
    for name, path, reference in sorted(pairs):
        if reference.exists():
            truth, counted = _reference(reference, alpha=name.startswith(MATTE_SETS))
            if truth.any():
                yield Sample(path.stem, name, path, truth, counted)


def _reference(path: Path, *, alpha: bool) -> tuple[Mask, Mask]:
    with Image.open(path) as file:
        grey = file.convert("L")
        grey.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.NEAREST)
    values = np.asarray(grey)
    if alpha:
        return values >= 128, np.ones(values.shape, np.bool_)
    return values == OPAQUE, (values == OPAQUE) | (values == 0)


def lite(threads: int) -> Model:
    registry = Registry(REPOSITORY / ".cutout" / "models")
    registry.pull("lite")
    return registry.open("lite", threads=threads)


def embed(model: Model, path: Path) -> tuple[RgbImage, Embedding]:
    """The working image and its embedding."""
    info = probe(path)
    working = working_image(path, info)
    return working, model.encode([working], [(info.width, info.height)])[0]


def deepest(mask: Mask) -> tuple[float, float, float]:
    """x, y of the pixel centre farthest from the mask's edge and the image's, and how far; 0 if empty."""
    distance = depth_of(mask)
    y, x = np.unravel_index(int(distance.argmax()), distance.shape)
    return float(x) + 0.5, float(y) + 0.5, float(distance[y, x])


def iou(mask: Mask, truth: Mask, counted: Mask | None = None) -> float:
    """Intersection over union; 1 when both are empty."""
    where = np.ones(truth.shape, np.bool_) if counted is None else counted
    union = ((mask | truth) & where).sum()
    return float((mask & truth & where).sum() / union) if union else 1.0
