"""Marks → prompts: few, well spread, in ModelSpace."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.segmentation.errors import MarkOutsideImage
from app.segmentation.marks import Label, Mark, MarkKind
from app.segmentation.spaces import Frame, ImagePoints, Points, Size
from models.sessions.base import Prompts

# A stroke sampled into dozens of points inverts SAM's mask (DESIGN §11); SAM was trained with up to 11 clicks
# (Kirillov et al. 2023, appendix A, "Training algorithm"), so no prompt is longer than that.
MAX_STROKE_POINTS = 3
MAX_PROMPT_POINTS = 11
STROKE_SPACING = 0.12  # of the image's long side: closer points say nothing new

KEEP, REMOVE, BOX_START, BOX_END = 1.0, 0.0, 2.0, 3.0


@dataclass(frozen=True, slots=True)
class Clicks:
    """What marks say to a decoder: labelled points and at most one box, ImageSpace."""

    points: ImagePoints
    """[n, 2]"""
    keep: tuple[bool, ...]
    """n flags"""
    box: tuple[float, float, float, float] | None
    """x0, y0, x1, y1"""
    scale: int = 0
    """Of a single click: the mark's own."""

    @property
    def single(self) -> bool:
        """One keep point and nothing else: ambiguous, the decoder's three multimask outputs answer it."""
        return self.box is None and self.keep == (True,)

    @property
    def positive(self) -> bool:
        """Whether anything is asked to be kept."""
        return self.box is not None or any(self.keep)


def check_inside(marks: Sequence[Mark], image: Size) -> None:
    """Raises MarkOutsideImage for the first mark with a point outside [0, width] x [0, height]."""
    width, height = image
    for index, mark in enumerate(marks):
        for x, y in mark.points:
            if not (0 <= x <= width and 0 <= y <= height):
                raise MarkOutsideImage(
                    f"mark {index} has the point ({x:g}, {y:g}), outside the image of {width}x{height} px",
                    mark=index,
                )


def clicks(marks: Sequence[Mark], image: Size, last: ImagePoints | None = None) -> Clicks:
    """The last box, and the points of the latest marks up to MAX_PROMPT_POINTS, in drawing order.

    `last`: points of the last mark better than those spread along it.
    """
    points: list[Points] = []
    labels: list[bool] = []
    for mark in reversed(marks):
        if mark.kind is MarkKind.BOX:
            continue
        asked = last is not None and mark is marks[-1]
        drawn = last if asked and last is not None else spread(_line(mark), stroke_points(mark, image))
        room = MAX_PROMPT_POINTS - len(labels)
        points.append(drawn[:room][::-1])
        labels += [mark.label is Label.KEEP] * len(drawn[:room])
    stacked = np.concatenate(points)[::-1] if points else np.zeros((0, 2))
    boxes = [mark.points for mark in marks if mark.kind is MarkKind.BOX]
    return Clicks(
        ImagePoints(stacked),
        tuple(labels[::-1]),
        _ordered_box(boxes[-1]) if boxes else None,
        marks[0].scale if len(marks) == 1 else 0,
    )


def stroke_points(mark: Mark, image: Size) -> int:
    """How many points a mark is worth, by its length."""
    length = float(_walked(_line(mark))[-1])
    return int(np.clip(1 + length // (STROKE_SPACING * max(image)), 1, MAX_STROKE_POINTS))


def spread(stroke: Points, count: int) -> Points:
    """`count` points of a polyline [n, 2], at equal arc lengths."""
    walked = _walked(stroke)
    at = (np.arange(count) + 0.5) / count * walked[-1]
    return np.stack([np.interp(at, walked, stroke[:, axis]) for axis in (0, 1)], axis=1)


def _line(mark: Mark) -> Points:
    return np.array(mark.points, np.float64)


def _walked(line: Points) -> Points:
    """[n]: length of the polyline up to each of its points."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])


def prompts(said: Clicks, frame: Frame, mask_input: np.ndarray | None = None) -> Prompts:
    """One prompt (B = 1), box corners first, as SAM 2 was trained. `mask_input`: float32 [256, 256]."""
    coords: Points = said.points
    labels = [KEEP if keep else REMOVE for keep in said.keep]
    if said.box is not None:
        corners = np.array(said.box, np.float64).reshape(2, 2)
        coords = np.concatenate([corners, coords])
        labels = [BOX_START, BOX_END, *labels]
    return Prompts(
        coords=frame.to_model(ImagePoints(coords))[None].astype(np.float32),
        labels=np.array([labels], np.float32),
        mask_input=None if mask_input is None else mask_input[None, None],
    )


def _ordered_box(corners: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    (ax, ay), (bx, by) = corners
    return min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)
