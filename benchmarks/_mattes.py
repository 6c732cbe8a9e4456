"""Pictures with a true alpha, drawn here or from folders, and how a matte is scored against it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter

from tests.matting import samples as drawn

Bytes = NDArray[np.uint8]
Share = NDArray[np.float32]
Where = NDArray[np.bool_]
SIZE = (1280, 960)


@dataclass(frozen=True)
class Sample:
    name: str
    set: str
    pixels: Bytes
    """[h, w, 3]"""
    alpha: Share
    """[h, w], 0..1"""
    front: Bytes | None = None
    """The subject's true colours, where they are known."""
    trimaps: tuple[Bytes, ...] = ()
    """Tight, then wide; 0, 128, 255."""


def samples(data: Path | None, sets: tuple[str, ...]) -> Iterator[Sample]:
    """`<data>/<set>/images/*` with `gt`, `fg` and `trimap*` beside it; drawn ones without `data`."""
    if data is None:
        yield from _drawn()
        return
    for path in sorted(path for name in sets for path in (data / name / "images").glob("*")):
        folder, stem = path.parent.parent, f"{path.stem}.png"
        pixels, alpha = _read(path, "RGB"), _read(folder / "gt" / stem, "L")
        front = _read(folder / "fg" / stem, "RGB") if (folder / "fg" / stem).exists() else None
        files = (folder / kind / stem for kind in ("trimap", "trimap_wide"))
        trimaps = tuple(_read(file, "L") for file in files if file.exists())
        share = alpha.astype(np.float32) / np.float32(255)
        yield Sample(path.stem, folder.name, pixels, share, front, trimaps)


def _read(path: Path, mode: str) -> Bytes:
    with Image.open(path) as file:
        return np.asarray(file.convert(mode))


def _drawn() -> Iterator[Sample]:
    for name, alpha in (("disc", drawn.disc(SIZE, 330)), ("strands", drawn.strands(SIZE))):
        for colour, backdrop in (("blue", drawn.BLUE), ("green", drawn.GREEN), ("grey", (225, 225, 225))):
            front = drawn.field(SIZE, drawn.RED, 6)
            picture = drawn.composite(alpha, front, drawn.field(SIZE, backdrop, 6, seed=1))
            subject = np.clip(front + 0.5, 0, 255).astype(np.uint8)
            unknown = (distance_transform_edt(alpha < 0.5) < 90) & (distance_transform_edt(alpha > 0.5) < 40)
            trimap = np.where(unknown, 128, np.where(alpha > 0.5, 255, 0)).astype(np.uint8)
            yield Sample(f"{name} on {colour}", "drawn", picture.pixels, alpha, subject, (trimap,))


def contour(inside: Where) -> Where:
    """Pixels beside one of the other kind."""
    out = np.zeros_like(inside)
    across, down = inside[:, 1:] != inside[:, :-1], inside[1:] != inside[:-1]
    out[:, 1:] |= across
    out[:, :-1] |= across
    out[1:] |= down
    out[:-1] |= down
    return out


def boundary_f(alpha: Share | Where, truth: Share | Where, reach: float = 2.0) -> float:
    """F measure of the contours at half coverage, within `reach` px of each other."""
    found, wanted = contour(alpha > 0.5), contour(truth > 0.5)
    if not found.any() or not wanted.any():
        return 0.0
    precision = float((distance_transform_edt(~wanted)[found] <= reach).mean())
    recall = float((distance_transform_edt(~found)[wanted] <= reach).mean())
    return 2 * precision * recall / max(precision + recall, 1e-9)


def edge_error(alpha: Share, truth: Share, reach: float = 4.0) -> float:
    """Mean absolute alpha error within `reach` px of the true contour."""
    near = distance_transform_edt(~contour(truth > 0.5)) <= reach
    return float(np.abs(alpha - truth)[near].mean())


def matte_errors(alpha: Share, truth: Share, unknown: Where) -> tuple[float, float, float]:
    """SAD / 1000, MSE and gradient error / 1000 in the unknown band (Rhemann et al., CVPR 2009)."""
    difference = (alpha - truth)[unknown]
    slope = [
        np.hypot(*(gaussian_filter(image, 1.4, order=order) for order in ((0, 1), (1, 0))))
        for image in (alpha, truth)
    ]
    gradient = float(((slope[0] - slope[1])[unknown] ** 2).sum()) / 1000
    return float(np.abs(difference).sum()) / 1000, float((difference**2).mean()), gradient
