"""From mask to cutout (DESIGN §10): the steps in their order, and nothing else."""

from collections.abc import Sequence

import numpy as np

from app.imaging.types import Box, Picture
from app.matting.background import background as background_step
from app.matting.canvas import canvas, max_side
from app.matting.crops import crops as crops_step
from app.matting.decontaminate import decontaminate
from app.matting.feather import feather
from app.matting.frame import margin, trim
from app.matting.limits import limits
from app.matting.matte import matting
from app.matting.offset import offset
from app.matting.options import CutoutOptions
from app.matting.smooth import smooth
from app.matting.strokes import marks as marks_step
from app.matting.types import Cutout, Draft, Progress, Request, Step
from app.matting.upsample import upsample
from app.segmentation.marks import Mark
from app.segmentation.masks import SoftMask

FIRST = 2.0
STEPS: tuple[tuple[Step, float], ...] = (
    (crops_step, 0.5),
    (marks_step, 0.2),
    (smooth, 0.5),
    (offset, 0.5),
    (matting, 8.0),
    (feather, 0.5),
    (limits, 0.2),
    (decontaminate, 2.0),
    (trim, 0.2),
    (margin, 0.1),
    (canvas, 0.5),
    (max_side, 0.5),
    (background_step, 0.5),
)
"""Each step with its usual share of the time, for the progress. `background` comes last, not before `trim` as
in DESIGN §9: it fills the canvas too, and what is trimmed away is not composited first."""


EDGE_GIVEN: tuple[Step, ...] = (
    smooth,
    offset,
    feather,
    limits,
    trim,
    margin,
    canvas,
    max_side,
    background_step,
)
"""What is left to do where another engine has found the edge and cleaned its colours."""
_NO_MASK = SoftMask(np.zeros((1, 1), np.float32), (1.0, 1.0))  # none of these steps reads it


def finish_cutout(picture: Picture, options: CutoutOptions, *, background: Picture | None = None) -> Cutout:
    """The cutout of a picture (ImageSpace) whose alpha is the matte already.

    Raises CutoutEmpty, CutoutTooLarge.
    """
    opaque = Picture(picture.pixels, None, picture.icc, picture.dpi, picture.notes)
    request = Request(opaque, _NO_MASK, (), options, background)
    height, width = picture.pixels.shape[:2]
    matte = picture.alpha if picture.alpha is not None else np.full((height, width), 255, np.uint8)
    draft = Draft(picture.pixels, matte, box=(0, 0, width, height))
    for step in EDGE_GIVEN:
        draft = step(request, draft)
    result = Picture(draft.pixels, draft.matte, picture.icc, picture.dpi, picture.notes)
    return Cutout(result, draft.box, draft.content_box, draft.report, picture.notes + draft.notes)


def make_cutout(
    picture: Picture,
    mask: SoftMask,
    marks: Sequence[Mark],
    options: CutoutOptions,
    *,
    background: Picture | None = None,
    crops: Sequence[Box] = (),
    progress: Progress = lambda _share, _step: None,
) -> Cutout:
    """The cutout of `mask` from `picture` (both ImageSpace), not yet encoded.

    `background` is the decoded picture that `options.background` names, if it names one. `crops`: as in
    Request. `progress` is called before each step and at the end and may raise to cancel. Raises MaskInvalid,
    CutoutEmpty, CutoutTooLarge.
    """
    request = Request(picture, mask, tuple(marks), options, background, tuple(crops))
    total, done = sum((weight for _, weight in STEPS), FIRST), FIRST
    progress(0.0, upsample.__name__)
    draft = upsample(request)
    for step, weight in STEPS:
        progress(done / total, step.__name__)
        draft = step(request, draft)
        done += weight
    progress(1.0, "done")
    result = Picture(draft.pixels, draft.matte, picture.icc, picture.dpi, picture.notes)
    return Cutout(result, draft.box, draft.content_box, draft.report, picture.notes + draft.notes)
