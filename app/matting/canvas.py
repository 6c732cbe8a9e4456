"""Steps `canvas` and `max_side`: where the subject stands and how large."""

import math
from dataclasses import dataclass, replace

import numpy as np

from app.imaging.types import Box
from app.matting.frame import check_size
from app.matting.options import CutoutOptions
from app.matting.resize import resized
from app.matting.types import Draft, Request

UPSCALED = "upscaled: the subject was enlarged to {0:.0f}% to fill the canvas"
SHRUNK = "scale: the subject at its original size is larger than the canvas, it was made smaller to fit"


@dataclass(frozen=True, slots=True)
class Place:
    canvas: tuple[int, int]
    size: tuple[int, int]
    at: tuple[int, int]
    """Left upper corner of the subject on the canvas."""


def canvas(request: Request, draft: Draft) -> Draft:
    """`scale` and `position` without a canvas take one of the image's own size, as remove.bg does."""
    options = request.options
    target = options.canvas_size
    if target is None and (options.scale is not None or options.position != "center"):
        target = request.size
    if target is None:
        return draft
    place, notes = _placed(options, target, draft.box, request.size)
    pixels, matte = resized(draft.pixels, draft.matte, place.size)
    rows = slice(place.at[1], place.at[1] + place.size[1])
    columns = slice(place.at[0], place.at[0] + place.size[0])
    whole = np.zeros((target[1], target[0], 3), np.uint8)
    alpha = np.zeros((target[1], target[0]), np.uint8)
    whole[rows, columns], alpha[rows, columns] = pixels, matte
    return replace(draft, pixels=whole, matte=alpha, notes=draft.notes + notes)


def max_side(request: Request, draft: Draft) -> Draft:
    """`max_pixels` too: smaller, never larger; a canvas shrinks with its subject."""
    height, width = draft.matte.shape
    sides, pixels = request.options.max_side or math.inf, request.options.max_pixels or math.inf
    ratio = min(sides / max(width, height), math.sqrt(pixels / (width * height)))
    if ratio >= 1:
        check_size(width, height)
        return draft
    # rounded down where pixels are counted: rounding up could pass the limit
    whole = round if ratio == sides / max(width, height) else math.floor
    size = max(1, whole(width * ratio)), max(1, whole(height * ratio))
    small, matte = resized(draft.pixels, draft.matte, size)
    return replace(draft, pixels=small, matte=matte)


def _placed(
    options: CutoutOptions, target: tuple[int, int], box: Box, image: tuple[int, int]
) -> tuple[Place, tuple[str, ...]]:
    width, height = box[2] - box[0], box[3] - box[1]
    fit = min(target[0] / width, target[1] / height)
    ratio, notes = fit * (options.scale_share or 1.0), tuple[str, ...]()
    if options.scale == "original" or (options.scale is None and options.canvas is None):
        ratio, notes = (fit, (SHRUNK,)) if fit < 1 else (1.0, ())
    elif ratio > 1:
        notes = (UPSCALED.format(100 * ratio),)
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    return Place(target, size, _corner(options, target, size, box, image)), notes


def _corner(
    options: CutoutOptions, target: tuple[int, int], size: tuple[int, int], box: Box, image: tuple[int, int]
) -> tuple[int, int]:
    shares = options.position_shares
    corner = []
    for axis in (0, 1):
        free = target[axis] - size[axis]
        if shares is not None:
            corner.append(round(free * shares[axis]))
        else:  # `original`: the subject's centre keeps its place relative to the frame
            centre = (box[axis] + box[axis + 2]) / 2 / image[axis] * target[axis]
            corner.append(min(max(round(centre - size[axis] / 2), 0), free))
    return corner[0], corner[1]
