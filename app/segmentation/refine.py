"""A mask made finer by a second look: over a crop, encoded for itself, the decoder sees each part larger."""

import numpy as np
from numpy.typing import NDArray

from app.segmentation.decode import framed, to_mask_space
from app.segmentation.masks import FloatImage, SoftMask
from app.segmentation.prompts import Clicks, prompts
from app.segmentation.spaces import Frame, ImagePoints, MaskPoints
from app.segmentation.spread import deepest_points
from models.sessions.base import Decoder, Embedding

KEEP_POINTS = 3
REMOVE_POINTS = 2
AGREEMENT = 0.6
"""IoU with the mask as it is: who asks for a finer edge does not ask for another subject."""


def refined(decoder: Decoder, embedding: Embedding, start: SoftMask) -> SoftMask:
    """What the decoder makes of `start`, told where its subject and its background lie.

    `start` covers the embedding's image, in whose ImageSpace its scale is; so does the result. Of the four
    answers the one most like `start`; `start` itself where none is like it, or where it has no edge at all.
    """
    frame = Frame.of(embedding.image_size, decoder.fit)
    before = to_mask_space(start, frame)
    width, height = frame.mask_content()
    seen = before[:height, :width]
    subject = seen > 0
    if subject.all() or not subject.any():
        return SoftMask(before, frame.mask_scale, decoded=True)
    answers = decoder.decode(embedding, prompts(_told(subject, frame), frame, before)).logits[0]
    best = _most_alike(answers[:, :height, :width], subject)
    return SoftMask(before if best is None else framed(best), frame.mask_scale, decoded=True)


def _told(subject: NDArray[np.bool_], frame: Frame) -> Clicks:
    keep, remove = deepest_points(subject, KEEP_POINTS), deepest_points(~subject, REMOVE_POINTS)
    points: ImagePoints = frame.from_mask(MaskPoints(np.concatenate([keep, remove])))
    return Clicks(points, (True,) * len(keep) + (False,) * len(remove), None)


def _most_alike(answers: FloatImage, subject: NDArray[np.bool_]) -> FloatImage | None:
    """Of [n, h, w], by IoU."""
    masks = answers > 0
    shared, either = ((masks & subject).sum(axis=(1, 2)), (masks | subject).sum(axis=(1, 2)))
    agreement = shared / either
    best = int(np.argmax(agreement))
    return answers[best] if agreement[best] >= AGREEMENT else None
