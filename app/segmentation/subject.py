"""The automatic subject: the prompts that a person might try, tried in one pass, and the best mask taken."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.segmentation.decode import EDGE_WEIGHT, edge_share, stability
from app.segmentation.masks import LOGIT_LIMIT, FloatImage, SoftMask
from app.segmentation.prompts import KEEP
from app.segmentation.resample import resample
from app.segmentation.spaces import Frame, ImagePoints, MaskPoints, Points
from models.sessions.base import Decoder, DecoderOutput, Embedding, Prompts

# Weights measured with benchmarks/segmentation.py on the photos of its four mask sets (mean IoU, no click):
# predicted IoU alone 0.55; + stability, border, centrality 0.69; + distinctness 0.75. The best of all
# candidates would be 0.84, what a prior can still win.
GRID = (0.325, 0.5, 0.675)
STABILITY_WEIGHT = 0.4
STABILITY_DELTA = 1.0
CENTRE_WEIGHT = 0.3
DISTINCT_WEIGHT = 4.0
SMOOTHING_CELLS = 2.0
BORDER_NEIGHBOURS = 0.1  # share of the border's cells that a cell is compared with


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the model takes for the subject when nobody has said anything."""

    mask: SoftMask
    score: float
    """The decoder's predicted IoU, 0..1."""
    box: tuple[float, float, float, float]
    """x0, y0, x1, y1 of the mask, ImageSpace."""
    points: tuple[tuple[float, float], ...]
    """The keep points that gave it, ImageSpace."""

    def with_mask(self, mask: SoftMask) -> "Proposal":
        return replace(self, mask=mask)


def propose(decoder: Decoder, embedding: Embedding) -> Proposal | None:
    """The automatic subject, or None when every prompt gives an empty mask."""
    frame = Frame.of(embedding.image_size, decoder.fit)
    distinct = distinctness(embedding, frame)
    points = candidates(distinct, frame)
    coords = frame.to_model(points)[:, None, :].astype(np.float32)
    output = decoder.decode(embedding, Prompts(coords, np.full(coords.shape[:2], KEEP, np.float32)))
    scores = score(output, distinct, frame)
    prompt, index = np.unravel_index(int(np.argmax(scores)), scores.shape)
    if scores[prompt, index] == -np.inf:
        return None
    logits = np.clip(output.logits[prompt, index + 1], -LOGIT_LIMIT, LOGIT_LIMIT)
    x, y = points[prompt]
    return Proposal(
        mask=SoftMask(logits, frame.mask_scale),
        score=float(np.clip(output.iou[prompt, index + 1], 0, 1)),
        box=bounds(logits, frame),
        points=((float(x), float(y)),),
    )


def distinctness(embedding: Embedding, frame: Frame) -> FloatImage:
    """float32 [h, w] over the embedding's cells: how unlike the image's border each cell is, 0 (alike) to 2.

    Photographers leave background at the border (Wei et al., Geodesic Saliency Using Background Priors, ECCV
    2012, section 2); the encoder's channels tell subject from background better than colours do.
    """
    width, height = frame.embedding_content()
    cells = embedding.tensors["image_embed"][0, :, :height, :width].reshape(-1, height * width).T
    centred = cells - cells.mean(axis=0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)
    index = np.arange(height * width).reshape(height, width)
    border = np.unique(np.concatenate([index[0], index[-1], index[:, 0], index[:, -1]]))
    likeness = np.sort(unit @ unit[border].T, axis=1)
    nearest = likeness[:, -max(4, round(len(border) * BORDER_NEIGHBOURS)) :].mean(axis=1)
    return np.asarray(1 - nearest, np.float32).reshape(height, width)


def candidates(distinct: FloatImage, frame: Frame) -> ImagePoints:
    """[10, 2]: a 3x3 grid about the centre, and where the image is least like its border."""
    width, height = frame.image
    grid = [(x * width, y * height) for y in GRID for x in GRID]
    peak = int(np.argmax(ndimage.gaussian_filter(distinct, SMOOTHING_CELLS)))
    row, column = np.unravel_index(peak, distinct.shape)
    least_alike = ((column + 0.5) / distinct.shape[1] * width, (row + 0.5) / distinct.shape[0] * height)
    return ImagePoints(np.array([*grid, least_alike], np.float64))


def score(output: DecoderOutput, distinct: FloatImage, frame: Frame) -> NDArray[np.float64]:
    """[B, 3]: how likely each multimask output is the subject; -inf where it is empty."""
    width, height = frame.mask_content()
    logits = output.logits[:, 1:, :height, :width]
    masks = logits > 0
    area = masks.mean(axis=(-2, -1))
    cells_per_pixel = (distinct.shape[1] / width, distinct.shape[0] / height)
    field = resample(distinct, (width, height), cells_per_pixel)
    scores = (
        output.iou[:, 1:]
        + STABILITY_WEIGHT * stability(logits, STABILITY_DELTA)
        - EDGE_WEIGHT * edge_share(masks)
        - CENTRE_WEIGHT * _off_centre(masks)
        + DISTINCT_WEIGHT * _contrast(masks, field)
    )
    return np.where(area > 0, scores, -np.inf)


def bounds(logits: FloatImage, frame: Frame) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of the positive pixels, ImageSpace, within the image."""
    width, height = frame.mask_content()
    rows, columns = np.nonzero(logits[:height, :width] > 0)
    corners = MaskPoints(
        np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]], np.float64)
    )
    (x0, y0), (x1, y1) = np.minimum(frame.from_mask(corners), np.array(frame.image))
    return float(x0), float(y0), float(x1), float(y1)


def _off_centre(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance of each mask's centroid from the centre, in image sides."""
    height, width = masks.shape[-2:]
    area = np.maximum(masks.sum(axis=(-2, -1)), 1)
    x = (masks.sum(axis=-2) * (np.arange(width) + 0.5)).sum(axis=-1) / area / width
    y = (masks.sum(axis=-1) * (np.arange(height) + 0.5)).sum(axis=-1) / area / height
    return np.asarray(np.hypot(x - 0.5, y - 0.5))


def _contrast(masks: NDArray[np.bool_], field: FloatImage) -> Points:
    """Root of Otsu's between-class variance of `field` (1979, eq. 18), signed: inside minus outside."""
    size = field.size
    inside = np.tensordot(masks, field.astype(np.float64), axes=([-2, -1], [0, 1]))
    area = masks.sum(axis=(-2, -1))
    outside = float(field.sum(dtype=np.float64)) - inside
    mean_in = inside / np.maximum(area, 1)
    mean_out = outside / np.maximum(size - area, 1)
    share = area / size
    return np.asarray((mean_in - mean_out) * np.sqrt(share * (1 - share)))
