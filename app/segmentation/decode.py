"""Prompts → mask: marks replayed in their order, each over the mask before it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.segmentation.choose import Asked, choose, meant
from app.segmentation.marks import Label, Mark, MarkKind
from app.segmentation.masks import LOGIT_LIMIT, FloatImage, SoftMask
from app.segmentation.obey import enforced, touched
from app.segmentation.prompts import Clicks, check_inside, clicks, prompts, stroke_points
from app.segmentation.resample import resample
from app.segmentation.spaces import MASK_SIDE, Frame, ImagePoints, MaskPoints
from app.segmentation.spread import deepest_points
from models.sessions.base import Decoder, Embedding

MAX_REPLAY = 16
"""Decodes of one replay (0.1 s each on 2 cores): earlier marks are all given to the first of them."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What there is after some marks."""

    logits: FloatImage | None
    """[256, 256] MaskSpace; None is nothing."""
    asked: tuple[Asked, ...] = ()
    """What the marks were there to change, since the subject was named."""


def replay(decoder: Decoder, embedding: Embedding, marks: Sequence[Mark], start: SoftMask | None) -> SoftMask:
    """The mask after `marks` were drawn one by one over `start` (None: nothing), each fed the logits before.

    Points and strokes are hard constraints: what they touch is as they say. A point may change the whole
    mask where that is likelier; a stroke changes what it supports (obey.py). Raises MarkOutsideImage.
    """
    frame = Frame.of(embedding.image_size, decoder.fit)
    check_inside(marks, frame.image)
    drawn = Drawn(None if start is None else to_mask_space(start, frame))
    for count in range(max(1, len(marks) - MAX_REPLAY + 1), len(marks) + 1):
        drawn = after_last(decoder, embedding, frame, marks[:count], drawn)
    return SoftMask(nothing() if drawn.logits is None else drawn.logits, frame.mask_scale, decoded=True)


def after_last(
    decoder: Decoder, embedding: Embedding, frame: Frame, marks: Sequence[Mark], drawn: Drawn
) -> Drawn:
    """What there is after the last of `marks`, over what was `drawn` before it."""
    before, last = drawn.logits, marks[-1]
    if before is None or last.kind is MarkKind.BOX:
        # a box names a subject anew; old logits would hold the decoder to the old one
        return _anew(decoder, embedding, frame, marks)
    keep = last.label is Label.KEEP
    width, height = frame.mask_content()
    seen = before[:height, :width]
    wrong = (touched([last], frame) != 0) & ((seen <= 0) if keep else (seen > 0))
    if not wrong.any():
        return drawn
    said = clicks(marks, frame.image, last=_where(last, wrong, frame))
    if not clicks(marks[:-1], frame.image).positive:  # the subject is the proposal's
        said = _anchored(said, seen, frame)
    output = decoder.decode(embedding, prompts(said, frame, before))
    asked = (*drawn.asked, Asked(seen > 0, wrong, keep))
    local = last.kind is MarkKind.STROKE
    answer = meant(output.logits[0, :, :height, :width], output.iou[0], seen, asked, local=local)
    return Drawn(_obeying(answer, marks, frame), asked)


def _anew(decoder: Decoder, embedding: Embedding, frame: Frame, marks: Sequence[Mark]) -> Drawn:
    said = clicks(marks, frame.image)
    if not said.positive:
        return Drawn(None)  # only "remove" over nothing: nothing stays nothing
    at = touched(marks, frame) > 0
    asked = (Asked(np.zeros_like(at), at, keep=True),) if len(marks) == 1 and at.any() else ()
    output = decoder.decode(embedding, prompts(said, frame))
    rule = decoder.dynamic_multimask
    best = choose(output.logits[0], output.iou[0], said, frame, dynamic=rule, asked=asked)
    width, height = frame.mask_content()
    return Drawn(_obeying(output.logits[0, best, :height, :width], marks, frame), asked)


def _anchored(said: Clicks, seen: FloatImage, frame: Frame) -> Clicks:
    """With a keep point in the subject's depth: a proposal has none, and a decoder told only no loses it."""
    deepest = frame.from_mask(MaskPoints(deepest_points(seen > 0, 1)))
    points = ImagePoints(np.concatenate([deepest, said.points]))
    return Clicks(points, (True,) * len(deepest) + said.keep, said.box)


def _where(mark: Mark, wrong: NDArray[np.bool_], frame: Frame) -> ImagePoints:
    """Where to ask the decoder for `mark`: inside what is wrong, as many points as its length is worth."""
    if mark.kind is MarkKind.POINT:
        return ImagePoints(np.array(mark.points, np.float64))
    return frame.from_mask(MaskPoints(deepest_points(wrong, stroke_points(mark, frame.image))))


def _obeying(logits: FloatImage, marks: Sequence[Mark], frame: Frame) -> FloatImage:
    """[h, w] over the image → [256, 256] as it will be fed back, with what the marks decide."""
    return framed(enforced(logits, touched(marks, frame)))


def nothing() -> FloatImage:
    """MaskSpace logits without a subject."""
    return np.full((MASK_SIDE, MASK_SIDE), -LOGIT_LIMIT, np.float32)


def to_mask_space(mask: SoftMask, frame: Frame) -> FloatImage:
    """`mask` as the decoder wants it back: float32 [256, 256], the padding surely background."""
    if mask.logits.shape == (MASK_SIDE, MASK_SIDE) and mask.scale == frame.mask_scale:
        return mask.logits
    step = (mask.scale[0] / frame.mask_scale[0], mask.scale[1] / frame.mask_scale[1])
    return framed(resample(mask.logits, frame.mask_content(), step))


def framed(logits: FloatImage) -> FloatImage:
    """[h, w] over the image → [256, 256], clamped, the padding surely background."""
    height, width = logits.shape
    whole = nothing()
    whole[:height, :width] = np.clip(logits, -LOGIT_LIMIT, LOGIT_LIMIT)
    return whole
