"""Which of the decoder's answers counts: the likeliest object in the middle of whose errors the marks stand.

Logits are [h, w] over the image's part of MaskSpace.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.segmentation.masks import FloatImage
from app.segmentation.obey import heeding, local_change
from app.segmentation.prompts import Clicks
from app.segmentation.spaces import MASK_SIDE, Frame
from app.segmentation.spread import depth_of

WEIGHTS = np.array([0.5, 1.5, 0.35, -3.0, 0.6, -2.5])
"""Of `terms`: those of `python -m benchmarks.fit_choice`, rounded, but a third for how well marks stand in
the middle, since people click less exactly than its robot; mean IoU on photos not fitted to is the same."""
TRUST_DELTA = 1.0
SINGLE_BONUS = 0.2
OBEDIENCE_WEIGHT = 1.0

MAX_ASKED = 4
"""Marks that an answer is held against, the latest: each costs a distance transform an answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a mark was there to change."""

    was: NDArray[np.bool_]
    """[h, w]: the subject before it."""
    at: NDArray[np.bool_]
    """[h, w]: its pixels that were not as it asks; at least one."""
    keep: bool


def choose(
    logits: FloatImage,
    iou: NDArray[np.float32],
    said: Clicks,
    frame: Frame,
    *,
    dynamic: tuple[float, float] | None,
    asked: Sequence[Asked] = (),
) -> int:
    """Which of the four masks ([4, 256, 256], [4]) to take where there is no earlier mask.

    A single click is ambiguous (part, object, group): the likeliest whole object of the three multimask
    outputs, or what its scale says. Else, with `dynamic` = (delta, threshold), what SAM 2 does: the
    single-mask output, unless it is unstable (_dynamic_multimask_via_stability in its mask_decoder.py);
    without, the likeliest object of all four that obeys the clicks.
    """
    width, height = frame.mask_content()
    seen = logits[:, :height, :width]
    if said.single:
        return 1 + _larger(seen[1:], int(np.argmax(likelihood(seen[1:], iou[1:], asked))), by=said.scale)
    if dynamic is None:
        scores = likelihood(seen, iou, asked) + OBEDIENCE_WEIGHT * obedience(logits, said, frame)
        scores[0] += SINGLE_BONUS
        return int(np.argmax(scores))
    delta, threshold = dynamic
    return 0 if stability(logits[0], delta) >= threshold else 1 + int(np.argmax(iou[1:]))


def meant(
    answers: FloatImage,
    iou: NDArray[np.float32],
    before: FloatImage,
    asked: Sequence[Asked],
    *,
    local: bool,
) -> FloatImage:
    """[h, w]: what the last mark makes of `before`, by the decoder's answers [4, h, w] to it.

    The likeliest of them, as a whole or near the mark alone, whichever is likelier; nothing where it does not
    do at all what the mark asks. `local`: near the mark alone in any case, and of those that heed it.
    """
    last = asked[-1]
    heard = heeding(answers, before, last.at, keep=last.keep) if local else np.ones(len(answers), np.bool_)
    if not heard.any():
        return before
    bonus = np.array([SINGLE_BONUS, 0, 0, 0])
    scores = np.full(len(answers), -np.inf)
    scores[heard] = likelihood(answers[heard], iou[heard], asked) + bonus[heard]
    best = int(np.argmax(scores))
    near = local_change(before, answers[best], last.at, keep=last.keep)
    if local or not ((answers[best][last.at] > 0) == last.keep).any():
        return near
    likely = float(likelihood(near[None], iou[best : best + 1], asked)[0] + bonus[best])
    return near if likely >= scores[best] else answers[best]


def likelihood(logits: FloatImage, iou: NDArray[np.float32], asked: Sequence[Asked]) -> NDArray[np.float64]:
    """[n]: how likely each answer [n, h, w] is what the marks were for, the last of them above all."""
    return np.asarray(terms(logits, iou, asked) @ WEIGHTS)


def terms(logits: FloatImage, iou: NDArray[np.float32], asked: Sequence[Asked]) -> NDArray[np.float64]:
    """[n, 6]: what tells of an answer: predicted IoU, stability, log of its share of the image, share of the
    image's border, how well marks stand in the middle of its changes, how much a remove mark takes."""
    masks = logits > 0
    columns = (
        iou,
        stability(logits, TRUST_DELTA),
        np.log(np.maximum(masks.mean(axis=(-2, -1)), 1 / masks[0].size)),
        edge_share(masks),
        [centredness(mask, asked) for mask in masks],
        [cut(mask, asked) for mask in masks],
    )
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def centredness(subject: NDArray[np.bool_], asked: Sequence[Asked]) -> float:
    """How well marks stand in the middle of what was wrong, if the subject is this [h, w]: 0..1, else 1.

    For a mark: how deep it lies in the change since then, of the deepest there is. Who marks an error marks
    its middle, and the thickest first: an answer that changes most elsewhere is not what was meant.
    """
    if not asked:
        return 1.0
    return float(np.mean([_depth_share(subject != one.was, one.at) for one in asked[-MAX_ASKED:]]))


def _depth_share(change: NDArray[np.bool_], at: NDArray[np.bool_]) -> float:
    depth = depth_of(change)
    deepest = float(depth.max())
    return float(depth[at].max()) / deepest if deepest > 0 else 0.0


def cut(subject: NDArray[np.bool_], asked: Sequence[Asked]) -> float:
    """How much of the subject a remove mark takes, if it leaves this [h, w]: 1 - IoU of before and after."""
    if not asked or asked[-1].keep:
        return 0.0
    both, either = (int(np.count_nonzero(of)) for of in (subject & asked[-1].was, subject | asked[-1].was))
    return 1 - both / max(either, 1)


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


def obedience(logits: FloatImage, said: Clicks, frame: Frame) -> NDArray[np.float64]:
    """[n]: share of the clicks that each mask [n, 256, 256] decides as asked; 1 without clicks."""
    if not said.keep:
        return np.ones(len(logits))
    x, y = np.clip(frame.to_mask(said.points), 0, MASK_SIDE - 1).astype(np.intp).T
    return np.asarray(((logits[:, y, x] > 0) == np.array(said.keep)).mean(axis=1))


def _larger(logits: FloatImage, index: int, *, by: int) -> int:
    """Which mask of [n, h, w] is `by` sizes larger than that at `index`; the smallest after the largest."""
    sizes = np.count_nonzero(logits > 0, axis=(-2, -1))
    order = np.argsort(sizes, kind="stable").tolist()
    return int(order[(order.index(index) + by) % len(order)])
