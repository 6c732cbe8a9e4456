"""A preview is the same cutout of a smaller ImageSpace: everything with a length shrinks with it."""

from collections.abc import Sequence
from dataclasses import replace

from app.imaging.types import Box
from app.matting.options import CutoutOptions, Length
from app.segmentation.marks import Mark
from app.segmentation.masks import SoftMask

PREVIEW_SIDE = 1024
"""Long side of a preview (DESIGN §9)."""


def scaled_mask(mask: SoftMask, by: float) -> SoftMask:
    x, y = mask.scale
    return replace(mask, scale=(x / by, y / by))


def scaled_marks(marks: Sequence[Mark], by: float) -> tuple[Mark, ...]:
    return tuple(
        mark.model_copy(
            update={"points": tuple((x * by, y * by) for x, y in mark.points), "radius": mark.radius * by}
        )
        for mark in marks
    )


def scaled_crops(crops: Sequence[Box], by: float, size: tuple[int, int]) -> tuple[Box, ...]:
    """Within a preview of `size` = (width, height), where a crop may be too small to be seen."""
    ends = (*size, *size)
    scaled = (tuple(min(round(edge * by), end) for edge, end in zip(box, ends, strict=True)) for box in crops)
    return tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in scaled if x0 < x1 and y0 < y1)


def scaled_options(options: CutoutOptions, by: float) -> CutoutOptions:
    """Lengths in ImageSpace pixels times `by`; shares, colours and the output's resolution stay."""
    return options.model_copy(
        update={
            "roi": None if options.roi is None else tuple(edge * by for edge in options.roi),
            "smooth": options.smooth * by,
            "offset": options.offset * by,
            "feather": options.feather * by,
            "margin": " ".join(_scaled_length(length, by) for length in options.margins),
            "canvas": _scaled_canvas(options, by),
            "max_side": min(PREVIEW_SIDE, options.max_side or PREVIEW_SIDE),
        }
    )


def _scaled_length(length: Length, by: float) -> str:
    if length.percent:
        return f"{length.value:g}%"
    return f"{length.value * by:.6f}"


def _scaled_canvas(options: CutoutOptions, by: float) -> str | None:
    size = options.canvas_size
    if size is None:
        return None
    width, height = (max(1, round(side * by)) for side in size)
    return f"{width}x{height}"
