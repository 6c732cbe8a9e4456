"""The crops of docs/quality.md, at 200 %, from the photos of tests/data (public domain and CC0).

    python -m benchmarks._quality_pictures

From left to right: the photo; the decoder's mask as it is, stretched; our edge without matting; with it.
`backdrop`: the photo; colour clean-up off; on. `failures`: proposals that are not what the reference wants.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.engines.sam2 import Sam2Engine
from app.imaging.sandbox import decode, probe
from app.imaging.types import Picture
from app.matting.background import over
from app.matting.options import CutoutOptions
from app.matting.pipeline import make_cutout
from app.segmentation.masks import SoftMask
from app.segmentation.resample import resample
from benchmarks._photos import lite
from tests.data.photos import ASTRONAUT, CAMERA, CAT, COFFEE, ROCKET, Photo

OUT = Path(__file__).parent.parent / "docs" / "images"
GAP = 4
COLOURS = {"green": (0, 170, 60), "white": (255, 255, 255), "black": (0, 0, 0)}

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Crop:
    name: str
    photo: Photo
    box: tuple[int, int, int, int]
    """ImageSpace."""
    under: str
    clean: bool = False
    """Show colour clean-up, off and on."""


CROPS = (
    Crop("hair", ASTRONAUT, (140, 4, 310, 104), "green"),
    Crop("fur", CAT, (290, 0, 430, 120), "green"),
    Crop("edge", COFFEE, (360, 230, 500, 350), "white"),
    Crop("backdrop", ASTRONAUT, (140, 10, 240, 110), "black", clean=True),
)

FAILURES = (ASTRONAUT, CAMERA, ROCKET)
FAILURE_HEIGHT = 160  # doubled like every picture here


def main() -> None:
    engine = Sam2Engine(lite(2))
    for crop in CROPS:
        found = engine.encode(crop.photo.path).proposal
        assert found is not None
        picture = decode(crop.photo.path, probe(crop.photo.path))
        panels = cleaned(picture, found.mask, crop) if crop.clean else compared(picture, found.mask, crop)
        path = OUT / f"quality-{crop.name}.png"
        side_by_side(panels).save(path, optimize=True)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
    side_by_side([veiled(engine, photo) for photo in FAILURES]).save(
        OUT / "quality-failures.png", optimize=True
    )


def veiled(engine: Sam2Engine, photo: Photo) -> Bytes:
    """The photo, small, darkened where the proposal says background."""
    found = engine.encode(photo.path).proposal
    assert found is not None
    picture = decode(photo.path, probe(photo.path))
    inside = resample(found.mask.logits, (picture.width, picture.height), found.mask.scale) > 0
    veiled = np.where(inside[..., None], picture.pixels, picture.pixels // 4).astype(np.uint8)
    width = round(picture.width * FAILURE_HEIGHT / picture.height)
    small = Image.fromarray(veiled).resize((width, FAILURE_HEIGHT), Image.Resampling.LANCZOS)
    return np.asarray(small.convert("RGB"))


def compared(picture: Picture, mask: SoftMask, crop: Crop) -> list[Bytes]:
    logits = resample(mask.logits, (picture.width, picture.height), mask.scale)
    stretched = np.where(logits > 0, 255, 0).astype(np.uint8)
    plain = Picture(picture.pixels, stretched)
    cutouts = [make_cutout(picture, mask, (), _options(matting=mode)).picture for mode in ("off", "auto")]
    return [_part(picture.pixels, crop), *(shown(each, crop) for each in (plain, *cutouts))]


def cleaned(picture: Picture, mask: SoftMask, crop: Crop) -> list[Bytes]:
    cutouts = [make_cutout(picture, mask, (), _options(decontaminate=on)).picture for on in (False, True)]
    return [_part(picture.pixels, crop), *(shown(each, crop) for each in cutouts)]


def _options(**chosen: object) -> CutoutOptions:
    return CutoutOptions.model_validate({"trim": False, **chosen})


def shown(picture: Picture, crop: Crop) -> Bytes:
    assert picture.alpha is not None
    pixels = _part(picture.pixels, crop)
    under = np.broadcast_to(np.array(COLOURS[crop.under], np.uint8), pixels.shape)
    return over(pixels, _part(picture.alpha, crop), under)


def _part(image: Bytes, crop: Crop) -> Bytes:
    x0, y0, x1, y1 = crop.box
    return np.ascontiguousarray(image[y0:y1, x0:x1])


def side_by_side(panels: list[Bytes]) -> Image.Image:
    gap = np.full((panels[0].shape[0], GAP // 2, 3), 255, np.uint8)
    row = np.hstack([piece for panel in panels for piece in (panel, gap)][:-1])
    whole = Image.fromarray(row)
    return whole.resize((2 * whole.width, 2 * whole.height), Image.Resampling.NEAREST)


if __name__ == "__main__":
    main()
