"""Prompts → mask: which of the decoder's four masks answers, and marks replayed in their order."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.segmentation.marks import Label, Mark, MarkKind
from app.segmentation.masks import LOGIT_LIMIT, FloatImage, SoftMask
from app.segmentation.obey import at_heart, enforced, local_change, opinion, touched
from app.segmentation.prompts import Clicks, check_inside, clicks, prompts, stroke_points
from app.segmentation.resample import resample
from app.segmentation.spaces import MASK_SIDE, Frame, ImagePoints, MaskPoints
from app.segmentation.spread import deepest_points
from models.sessions.base import Decoder, Embedding

# The decoder's own choice, predicted IoU, is a part of the subject too often. Mean IoU of `lite`,
# benchmarks/segmentation.py: one click, 318 of them: predicted IoU 0.64, this score 0.75, an oracle 0.82;
# 2, 3, 5 clicks, 96 photos: single mask with dynamic multimask 0.80, 0.86, 0.92, this score 0.84, 0.88, 0.92.
TRUST_DELTA = 1.0
TRUST_WEIGHT = 0.3
AREA_WEIGHT = 0.12
EDGE_WEIGHT = 0.8
SINGLE_BONUS = 0.1
OBEDIENCE_WEIGHT = 0.3

MAX_REPLAY = 16
"""Decodes of one replay (0.1 s each on 2 cores): earlier marks are all given to the first of them."""


def stability(logits: FloatImage, delta: float) -> NDArray[np.float64]:
    """IoU of the masks at thresholds +delta and -delta over the last two axes; 1 where both are empty."""
    inner = np.count_nonzero(logits > delta, axis=(-2, -1))
    outer = np.count_nonzero(logits > -delta, axis=(-2, -1))
    return np.where(outer > 0, inner / np.maximum(outer, 1), 1.0)


def edge_share(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of the image's border pixels that a mask [..., h, w] covers."""
    height, width = masks.shape[-2:]
    rows, columns = masks[..., [0, -1], :], masks[..., [0, -1]]
    touching = rows.sum(axis=(-2, -1)) + columns.sum(axis=(-2, -1))
    return np.asarray(touching / (2 * (height + width)))


def choose(
    logits: FloatImage,
    iou: NDArray[np.float32],
    said: Clicks,
    frame: Frame,
    *,
    dynamic: tuple[float, float] | None,
) -> int:
    """Which of the four masks ([4, 256, 256], [4]) to take where no earlier mask can be trusted.

    A single click is ambiguous (part, object, group): the likeliest whole object of the three multimask
    outputs, or what its scale says. Else, with `dynamic` = (delta, threshold), what SAM 2 does: the
    single-mask output, unless it is unstable (_dynamic_multimask_via_stability in its mask_decoder.py);
    without, the likeliest object of all four that obeys the clicks.
    """
    if said.single:
        likeliest = int(np.argmax(object_scores(logits[1:], iou[1:], frame)))
        return 1 + _larger(logits[1:], frame, likeliest, by=said.scale)
    if dynamic is None:
        scores = object_scores(logits, iou, frame) + OBEDIENCE_WEIGHT * obedience(logits, said, frame)
        scores[0] += SINGLE_BONUS
        return int(np.argmax(scores))
    delta, threshold = dynamic
    return 0 if stability(logits[0], delta) >= threshold else 1 + int(np.argmax(iou[1:]))


def _larger(logits: FloatImage, frame: Frame, index: int, *, by: int) -> int:
    """Which of masks [n, 256, 256] is `by` sizes larger than `index`; the smallest after the largest."""
    width, height = frame.mask_content()
    sizes = np.count_nonzero(logits[:, :height, :width] > 0, axis=(-2, -1))
    order = np.argsort(sizes, kind="stable").tolist()
    return int(order[(order.index(index) + by) % len(order)])


def object_scores(logits: FloatImage, iou: NDArray[np.float32], frame: Frame) -> NDArray[np.float64]:
    """[n]: how likely each mask [n, 256, 256] is a whole object."""
    width, height = frame.mask_content()
    seen = logits[:, :height, :width]
    masks = seen > 0
    area = np.maximum(masks.mean(axis=(-2, -1)), 1 / (width * height))
    return np.asarray(
        iou
        + TRUST_WEIGHT * stability(seen, TRUST_DELTA)
        + AREA_WEIGHT * np.log(area)
        - EDGE_WEIGHT * edge_share(masks),
        np.float64,
    )


def obedience(logits: FloatImage, said: Clicks, frame: Frame) -> NDArray[np.float64]:
    """[n]: share of the clicks that each mask [n, 256, 256] decides as asked; 1 without clicks."""
    if not said.keep:
        return np.ones(len(logits))
    x, y = np.clip(frame.to_mask(said.points), 0, MASK_SIDE - 1).astype(np.intp).T
    return np.asarray(((logits[:, y, x] > 0) == np.array(said.keep)).mean(axis=1))


def replay(decoder: Decoder, embedding: Embedding, marks: Sequence[Mark], start: SoftMask | None) -> SoftMask:
    """The mask after `marks` were drawn one by one over `start` (None: nothing), each fed the logits before.

    Points and strokes are hard constraints: what they touch is as they say, and what they do not support
    stays as it was (obey.py). Raises MarkOutsideImage.
    """
    frame = Frame.of(embedding.image_size, decoder.fit)
    check_inside(marks, frame.image)
    logits = None if start is None else to_mask_space(start, frame)
    for count in range(max(1, len(marks) - MAX_REPLAY + 1), len(marks) + 1):
        logits = after_last(decoder, embedding, frame, marks[:count], logits)
    return SoftMask(nothing() if logits is None else logits, frame.mask_scale)


def after_last(
    decoder: Decoder, embedding: Embedding, frame: Frame, marks: Sequence[Mark], before: FloatImage | None
) -> FloatImage | None:
    """MaskSpace logits after the last of `marks`, over those `before` it; None is nothing."""
    if before is None or marks[-1].kind is MarkKind.BOX:
        # a box names a subject anew; old logits would hold the decoder to the old one
        return _anew(decoder, embedding, frame, marks)
    return _corrected(decoder, embedding, frame, marks, before)


def _anew(decoder: Decoder, embedding: Embedding, frame: Frame, marks: Sequence[Mark]) -> FloatImage | None:
    said = clicks(marks, frame.image)
    if not said.positive:
        return None  # only "remove" over nothing: nothing stays nothing
    output = decoder.decode(embedding, prompts(said, frame))
    best = choose(output.logits[0], output.iou[0], said, frame, dynamic=decoder.dynamic_multimask)
    width, height = frame.mask_content()
    return _obeying(output.logits[0, best, :height, :width], marks, frame)


def _corrected(
    decoder: Decoder, embedding: Embedding, frame: Frame, marks: Sequence[Mark], before: FloatImage
) -> FloatImage:
    """`before` with what the last mark, a point or a stroke, changes."""
    keep = marks[-1].label is Label.KEEP
    width, height = frame.mask_content()
    seen = before[:height, :width]
    wrong = (touched(marks[-1:], frame) != 0) & ((seen <= 0) if keep else (seen > 0))
    if not wrong.any():
        return before
    said = clicks(marks, frame.image, last=_asked(marks[-1], wrong, frame))
    named = clicks(marks[:-1], frame.image).positive  # else the subject is the proposal's
    if not named:
        said = _anchored(said, seen, frame)
    output = decoder.decode(embedding, prompts(said, frame, before))
    answers = output.logits[0, :, :height, :width]
    if named and not keep and at_heart(wrong, seen):
        best = choose(output.logits[0], output.iou[0], said, frame, dynamic=decoder.dynamic_multimask)
        return _obeying(np.minimum(seen, answers[best]), marks, frame)
    answer = opinion(answers, seen, wrong, keep=keep)
    changed = seen if answer is None else local_change(seen, answer, wrong, keep=keep)
    return _obeying(changed, marks, frame)


def _anchored(said: Clicks, seen: FloatImage, frame: Frame) -> Clicks:
    """With a keep point in the subject's depth: a proposal has none, and a decoder told only no loses it."""
    deepest = frame.from_mask(MaskPoints(deepest_points(seen > 0, 1)))
    points = ImagePoints(np.concatenate([deepest, said.points]))
    return Clicks(points, (True,) * len(deepest) + said.keep, said.box)


def _asked(mark: Mark, wrong: NDArray[np.bool_], frame: Frame) -> ImagePoints:
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
