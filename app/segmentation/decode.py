"""Prompts → mask: which of the decoder's four masks answers, and marks replayed in their order."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.segmentation.marks import Mark, MarkKind
from app.segmentation.masks import LOGIT_LIMIT, FloatImage, SoftMask
from app.segmentation.prompts import Clicks, check_inside, clicks, prompts
from app.segmentation.resample import resample
from app.segmentation.spaces import MASK_SIDE, Frame
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
    fed: bool,
    dynamic: tuple[float, float] | None,
) -> int:
    """Which of the four masks ([4, 256, 256], [4]) to take; `fed`: with the logits of an earlier mask.

    A single click is ambiguous (part, object, group): the likeliest whole object of the three multimask
    outputs. Else, with `dynamic` = (delta, threshold), what SAM 2 does: the single-mask output, unless it is
    unstable (_dynamic_multimask_via_stability in its mask_decoder.py); without, the likeliest object of all
    four that obeys the clicks.
    """
    if said.single and not fed:
        return 1 + int(np.argmax(object_scores(logits[1:], iou[1:], frame)))
    if dynamic is None:
        scores = object_scores(logits, iou, frame) + OBEDIENCE_WEIGHT * obedience(logits, said, frame)
        scores[0] += SINGLE_BONUS
        return int(np.argmax(scores))
    delta, threshold = dynamic
    return 0 if stability(logits[0], delta) >= threshold else 1 + int(np.argmax(iou[1:]))


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

    Raises MarkOutsideImage. Strokes as hard constraints are not applied here (see strokes.py).
    """
    frame = Frame.of(embedding.image_size, decoder.fit)
    check_inside(marks, frame.image)
    logits = None if start is None else to_mask_space(start, frame)
    for count in range(max(1, len(marks) - MAX_REPLAY + 1), len(marks) + 1):
        logits = _after(decoder, embedding, frame, marks[:count], logits)
    return SoftMask(nothing() if logits is None else logits, frame.mask_scale)


def _after(
    decoder: Decoder, embedding: Embedding, frame: Frame, marks: Sequence[Mark], before: FloatImage | None
) -> FloatImage | None:
    said = clicks(marks, frame.image)
    if before is None and not said.positive:
        return None  # only "remove" over nothing: nothing stays nothing
    if marks[-1].kind is MarkKind.BOX:
        before = None  # a box names a subject anew; old logits would hold the decoder to the old one
    prompt = prompts(said, frame, before)
    output = decoder.decode(embedding, prompt)
    best = choose(
        output.logits[0],
        output.iou[0],
        said,
        frame,
        fed=before is not None,
        dynamic=decoder.dynamic_multimask,
    )
    return np.asarray(np.clip(output.logits[0, best], -LOGIT_LIMIT, LOGIT_LIMIT), np.float32)


def nothing() -> FloatImage:
    """MaskSpace logits without a subject."""
    return np.full((MASK_SIDE, MASK_SIDE), -LOGIT_LIMIT, np.float32)


def to_mask_space(mask: SoftMask, frame: Frame) -> FloatImage:
    """`mask` as the decoder wants it back: float32 [256, 256], the padding surely background."""
    if mask.logits.shape == (MASK_SIDE, MASK_SIDE) and mask.scale == frame.mask_scale:
        return mask.logits
    width, height = frame.mask_content()
    logits = nothing()
    step = (mask.scale[0] / frame.mask_scale[0], mask.scale[1] / frame.mask_scale[1])
    logits[:height, :width] = resample(mask.logits, (width, height), step)
    return logits
