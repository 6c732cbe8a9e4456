"""Marks that obey: what a mark decides is decided, and the decoder counts only where the mark supports it.

All arrays are [h, w] over the image's part of MaskSpace.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.segmentation.marks import Mark, MarkKind
from app.segmentation.masks import FloatImage
from app.segmentation.spaces import Frame
from app.segmentation.spread import depth_of
from app.segmentation.strokes import decided

REACH = 2**0.5
"""Mask pixels beyond a mark that must obey too, so that bilinear sampling inside it does."""
DECIDED = 2.0
"""Logit of what a mark decides: at its rim the image's own edges may still win (app/matting/upsample)."""

# A change is no thicker than where it was marked: who marks a gap's middle does not mean the subject behind.
# Falls of more than 0.05 IoU from one click to the next, 27 photos and 10 clicks: 5 with 1.5, 1 with 1.15.
THICKNESS = 1.15
SLACK = 1.0  # mask pixels
# Between legs, spokes and leaves the decoder sees no gap of its own, and wavers about what is around it: of a
# cut marked in something thin is taken what it is half as sure of as of the mark. On 146 photos, from nothing
# and from the proposal, falls of more than 0.05 IoU: 21 without, 13 with, for 0.06 clicks more to an IoU of
# 0.9. A cut of something thick (a second person) is meant as a whole.
GAP = 10.0  # mask pixels
SURE = 0.5  # of the logit at the mark
SURELY = (1.0, 4.0)  # no less, no more
NEAR = 3.0  # mask pixels around a change that take the decoder's logits, so that its edge stays soft


def touched(marks: Sequence[Mark], frame: Frame) -> NDArray[np.int8]:
    """+1 keep, -1 remove, 0 free: what points and strokes decide; later marks win, boxes decide nothing."""
    wider = REACH / min(frame.mask_scale)
    strokes = [
        mark.model_copy(update={"kind": MarkKind.STROKE, "radius": mark.radius + wider})
        for mark in marks
        if mark.kind is not MarkKind.BOX
    ]
    return decided(strokes, frame.mask_content(), frame.mask_scale)


def enforced(logits: FloatImage, by: NDArray[np.int8]) -> FloatImage:
    """`logits` with what is decided `by` marks decided so."""
    kept = np.where(by > 0, np.maximum(logits, DECIDED), logits)
    return np.where(by < 0, np.minimum(kept, -DECIDED), kept)


REMEMBERED = 0.5


def heeding(after: FloatImage, before: FloatImage, at: NDArray[np.bool_], *, keep: bool) -> NDArray[np.bool_]:
    """[n]: which answers [n, h, w] do what a mark asks and still speak of the subject of `before` [h, w].

    They change one of the mark's pixels `at`, at least, and do not invert the subject: an addition keeps half
    of it, a cut makes no other.
    """
    subject, masks = before > 0, after > 0
    limit = REMEMBERED * max(int(np.count_nonzero(subject)), 1)
    if keep:
        remembers = np.count_nonzero(masks & subject, axis=(-2, -1)) >= limit
    else:
        remembers = np.count_nonzero(masks & ~subject, axis=(-2, -1)) <= limit
    return np.asarray(remembers & (masks[:, at] == keep).any(axis=1))


def local_change(before: FloatImage, after: FloatImage, at: NDArray[np.bool_], *, keep: bool) -> FloatImage:
    """`before` with that of the change to `after` which a mark supports.

    `at`: the pixels of the mark that are not yet as it asks. Taken is what changes the mark's way, hangs
    together with a changed pixel of `at`, and is no thicker than the change is there; of a cut in a gap, what
    the decoder is sure of.
    """
    sign = np.float32(1 if keep else -1)
    whole = _connected((sign * after > 0) & (sign * before <= 0), at)
    if not whole.any():
        return before
    depth = depth_of(whole)
    here = float(depth[at].max())
    limit = THICKNESS * here + SLACK
    too_thick = _within(depth > limit, limit) & whole
    sure = np.clip(SURE * np.max(-after[at]), *SURELY) if here <= GAP and not keep else 0
    part = _connected(whole & ~too_thick & (sign * after > sure), at)
    taken = _within(part, NEAR) & ~too_thick & (sign * after > sign * before)
    return np.where(taken, after, before)


def _connected(region: NDArray[np.bool_], to: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The 4-connected components of `region` that `to` meets."""
    labels, count = ndimage.label(region)
    meets = np.zeros(count + 1, np.bool_)
    meets[labels[to & region]] = True
    return np.asarray(meets[labels])


def _within(region: NDArray[np.bool_], distance: float) -> NDArray[np.bool_]:
    """Pixels at most `distance` from `region`; none where it is empty."""
    if not region.any():
        return region
    return np.asarray(ndimage.distance_transform_edt(~region) <= distance)
