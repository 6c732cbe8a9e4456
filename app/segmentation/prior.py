"""The subject prior: what a salient-object network, the encoder and the photographer's habit say.

A view is the network's answer (U²-Net-P) on the image, or on its mirror image turned back: mistakes are
seldom made twice.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.segmentation.masks import FloatImage
from app.segmentation.resample import resample
from app.segmentation.spaces import Frame

THRESHOLD = 0.5
# A second object belongs to the subject when it weighs at least half as much as the first; weights fade from
# the centre. IoU of the thresholded prior without and with it: people, animals and things of grabcut50
# 0.77 → 0.79, davis20 0.78 → 0.82, the sets with one cut-out object unchanged; the same from 0.35 to 0.75.
PART_SHARE = 0.5
CENTRE_SIGMA = 0.25  # of the image's sides

# Log odds of "subject". Fitted by logistic regression on pixels of the mask sets (each from the other sets),
# rounded; half or twice of each changes the mean IoU of the proposals by 0.01 at most.
BIAS = -1.4
VIEW_WEIGHT = 0.75
DISTINCT_WEIGHT = 2.5
CENTRE_WEIGHT = 4.0
SURE = 0.98  # a view is never taken for surer than that


def view_in_mask_space(view: FloatImage, frame: Frame) -> FloatImage:
    """A view [n, n], stretched over the image, as float32 [h, w] over the image's part of MaskSpace."""
    side = len(view)
    across, down = (side / (length * by) for length, by in zip(frame.image, frame.mask_scale, strict=True))
    return resample(view, frame.mask_content(), (across, down))


def combined(views: Sequence[FloatImage]) -> FloatImage:
    """The mean of views [h, w] with what is not of the main parts taken out."""
    mean = np.asarray(np.mean(np.stack(views), axis=0), np.float32)
    minor = (mean > _threshold(mean)) & ~main_parts(mean)
    return np.where(minor, np.float32(0), mean)


def main_parts(prior: FloatImage) -> NDArray[np.bool_]:
    """[h, w]: the objects that weigh as much as the main one, or nearly."""
    height, width = prior.shape
    labels, count = ndimage.label(prior > _threshold(prior))
    weighed = prior * np.exp(-_centre_distance(width, height) / (2 * CENTRE_SIGMA**2))
    weights = ndimage.sum_labels(weighed, labels, np.arange(count + 1))
    weights[0] = 0
    return np.asarray((weights >= PART_SHARE * weights.max())[labels] & (labels > 0))


def _threshold(prior: FloatImage) -> float:
    """Half of what a view says at its surest: a network that doubts everything still points somewhere."""
    return min(THRESHOLD, THRESHOLD * float(prior.max()))


def belief(prior: FloatImage, distinct: FloatImage) -> FloatImage:
    """float32 [h, w]: probability of "subject", from the prior and the distinctness of each pixel."""
    height, width = prior.shape
    odds = np.clip(prior, 1 - SURE, SURE)
    logit = (
        BIAS
        + VIEW_WEIGHT * np.log(odds / (1 - odds))
        + DISTINCT_WEIGHT * distinct
        - CENTRE_WEIGHT * _centre_distance(width, height)
    )
    return np.asarray(1 / (1 + np.exp(-logit)), np.float32)


def expected_iou(masks: NDArray[np.bool_], believed: FloatImage) -> NDArray[np.float64]:
    """[n]: expected intersection over expected union of masks [n, h, w] with a subject of that belief."""
    inside = np.tensordot(masks, believed.astype(np.float64), axes=([-2, -1], [0, 1]))
    union = masks.sum(axis=(-2, -1)) + float(believed.sum(dtype=np.float64)) - inside
    return np.asarray(inside / union)


def soft_iou(mask: NDArray[np.bool_], prior: FloatImage) -> float:
    """Intersection over union of a mask with a mask of probabilities, both [h, w]."""
    return float(np.minimum(mask, prior).sum() / max(float(np.maximum(mask, prior).sum()), 1e-6))


def _centre_distance(width: int, height: int) -> NDArray[np.float64]:
    """[h, w]: squared distance from the centre, in image sides."""
    x = (np.arange(width) + 0.5) / width - 0.5
    y = (np.arange(height) + 0.5) / height - 0.5
    return np.asarray(x**2 + y[:, None] ** 2)
