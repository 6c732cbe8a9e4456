"""The automatic subject, and how many clicks a mask takes, by photo set.

    python -m benchmarks.segmentation [--data DIR] [--set NAME …] [--every N] [--threads 2] [--stretched]

DIR holds `<set>/images` and `<set>/gt`; without it, each photo of tests/data. The clicker is the usual robot:
each click in the deepest point of the largest error, from an empty start ("plain") and from the proposal
("auto"), at most 10. NoC@90: clicks to an IoU of 0.90, 10 where it is not reached; an automatic subject that
has it took none. Falls: photos whose IoU falls by more than 0.05 from one click to the next. Masks are what
the product cuts along, the decoder's led by the image to the reference's size (app/matting/upsample.py);
--stretched: the decoder's alone, bilinear.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.imaging.types import Picture
from app.matting.options import CutoutOptions
from app.matting.types import Request
from app.matting.upsample import upsample
from app.segmentation.decode import Drawn, after_last, to_mask_space
from app.segmentation.marks import Label, Mark, MarkKind
from app.segmentation.masks import SoftMask
from app.segmentation.prompts import KEEP
from app.segmentation.resample import resample
from app.segmentation.spaces import Frame, ImagePoints
from app.segmentation.subject import GRID, propose
from benchmarks._mattes import boundary_f
from benchmarks._photos import Mask, Sample, deepest, embed, iou, lite, samples
from models.model import Model
from models.sessions.base import Embedding, Prompts, RgbImage

CLICKS = 10
SHOWN = (1, 2, 3, 5, 10)
REACHED = (0.85, 0.9)
FALL = 0.05
HALF = 127  # of a matte
BOUNDARY_TOLERANCE = 0.0075  # of the diagonal: the boundary F of Perazzi et al., CVPR 2016


@dataclass(frozen=True)
class Measured:
    name: str
    plain: NDArray[np.float64]
    """[CLICKS] IoU after each click from an empty start."""
    auto: NDArray[np.float64]
    """[1 + CLICKS] IoU of the proposal and after each click on it."""
    expected: float
    """The proposal's score."""
    boundary: float
    """Its boundary F."""
    oracle: float
    """IoU of the best mask of a 3x3 grid of points, picked by the truth."""
    seconds: float
    """The proposal's, beyond the encode."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--set", nargs="*", help="only these sets")
    parser.add_argument("--every", type=int, default=1, help="only every Nth photo")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--stretched", action="store_true")
    args = parser.parse_args()
    model = lite(args.threads)
    found: dict[str, list[Measured]] = defaultdict(list)
    chosen = [one for one in samples(args.data) if not args.set or one.set in args.set]
    for sample in chosen[:: args.every]:
        found[sample.set].append(measured(model, sample, led=not args.stretched))
    for name, rows in found.items():
        report(name, rows)
    if len(found) > 1:
        report("all", [row for rows in found.values() for row in rows])


def measured(model: Model, sample: Sample, *, led: bool) -> Measured:
    working, embedding = embed(model, sample.image)
    begun = time.perf_counter()
    proposal = propose(model, embedding, lambda view: model.look(working, view))
    seconds = time.perf_counter() - begun
    view = View(sample, embedding, _at_size_of(sample, working) if led else None)
    start = None if proposal is None else proposal.mask
    shown = view.mask(start)
    return Measured(
        sample.name,
        np.array(clicked(model, view, None)),
        np.array([view.iou(shown), *clicked(model, view, start)]),
        0.0 if proposal is None else proposal.score,
        boundary_f(shown & sample.counted, sample.truth, BOUNDARY_TOLERANCE * float(np.hypot(*shown.shape))),
        oracle(model, view),
        seconds,
    )


@dataclass(frozen=True)
class View:
    sample: Sample
    embedding: Embedding
    picture: Picture | None = None
    """What leads masks, at the reference's size; None: nothing does."""

    @property
    def per_pixel(self) -> tuple[float, float]:
        """ImageSpace pixels (x, y) to one of the reference."""
        (width, height), shape = self.embedding.image_size, self.sample.truth.shape
        return width / shape[1], height / shape[0]

    def mask(self, soft: SoftMask | None) -> Mask:
        """At the reference's size, led by the picture."""
        if soft is None or self.picture is None:
            return self.stretched(soft)
        mask = replace(soft, scale=self._scale(soft))
        return upsample(Request(self.picture, mask, (), CutoutOptions())).matte > HALF

    def stretched(self, soft: SoftMask | None) -> Mask:
        """At the reference's size, bilinear."""
        shape = self.sample.truth.shape
        if soft is None:
            return np.zeros(shape, np.bool_)
        return resample(soft.logits, (shape[1], shape[0]), self._scale(soft)) > 0

    def _scale(self, soft: SoftMask) -> tuple[float, float]:
        """Mask pixels to one of the reference."""
        (sx, sy), (x, y) = soft.scale, self.per_pixel
        return sx * x, sy * y

    def iou(self, mask: Mask) -> float:
        return iou(mask, self.sample.truth, self.sample.counted)


def _at_size_of(sample: Sample, image: RgbImage) -> Picture:
    height, width = sample.truth.shape
    return Picture(np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX)))


def clicked(model: Model, view: View, start: SoftMask | None) -> list[float]:
    """IoU after 1 … CLICKS clicks."""
    frame = Frame.of(view.embedding.image_size, model.fit)
    drawn = Drawn(None if start is None else to_mask_space(start, frame))
    mask, marks, found = view.mask(start), list[Mark](), list[float]()
    for _ in range(CLICKS):
        marks.append(next_click(mask, view))
        drawn = after_last(model, view.embedding, frame, marks, drawn)
        mask = view.mask(
            None if drawn.logits is None else SoftMask(drawn.logits, frame.mask_scale, decoded=True)
        )
        found.append(view.iou(mask))
    return found


def next_click(mask: Mask, view: View) -> Mark:
    sample = view.sample
    missed = deepest(sample.truth & ~mask & sample.counted)
    excess = deepest(~sample.truth & mask & sample.counted)
    keep = missed[2] >= excess[2]
    x, y, _ = missed if keep else excess
    at = (x * view.per_pixel[0], y * view.per_pixel[1])
    return Mark(kind=MarkKind.POINT, label=Label.KEEP if keep else Label.REMOVE, points=(at,))


def oracle(model: Model, view: View) -> float:
    frame = Frame.of(view.embedding.image_size, model.fit)
    width, height = frame.image
    grid = ImagePoints(np.array([(x * width, y * height) for y in GRID for x in GRID], np.float64))
    coords = frame.to_model(grid)[:, None].astype(np.float32)
    output = model.decode(view.embedding, Prompts(coords, np.full(coords.shape[:2], KEEP, np.float32)))
    masks = output.logits[:, 1:].reshape(-1, *output.logits.shape[2:])
    return max(view.iou(view.stretched(SoftMask(mask, frame.mask_scale))) for mask in masks)


def report(name: str, rows: Sequence[Measured]) -> None:
    plain, auto = np.stack([row.plain for row in rows]), np.stack([row.auto for row in rows])
    seconds = [row.seconds for row in rows]
    print(f"{name} ({len(rows)} photos)")
    print(
        f"  0 clicks: IoU {auto[:, 0].mean():.3f}, boundary F {np.mean([row.boundary for row in rows]):.3f}, "
        f"oracle of a grid {np.mean([row.oracle for row in rows]):.3f}, "
        f"{np.median(seconds):.2f} s, at most {max(seconds):.2f} s"
    )
    _clicks("plain", plain, 1)
    _clicks("auto", auto, 0)
    order = np.argsort([row.expected for row in rows])
    thirds = [
        f"{np.mean([rows[i].expected for i in part]):.3f} {np.mean([rows[i].auto[0] for i in part]):.3f}"
        for part in np.array_split(order, 3)
    ]
    print(f"  score and IoU by thirds: {', '.join(thirds)}")


def _clicks(kind: str, ious: NDArray[np.float64], first: int) -> None:
    """`first`: clicks made at the first column."""
    after = " ".join(f"{ious[:, count - first].mean():.3f}" for count in SHOWN)
    noc = [np.mean([_clicks_to(row, goal, first) for row in ious]) for goal in REACHED]
    falls = np.diff(ious, axis=1)
    print(
        f"  {kind}: NoC@85 {noc[0]:.2f}, NoC@90 {noc[1]:.2f}; IoU after {SHOWN} clicks {after}; "
        f"falls on {np.count_nonzero(falls.min(axis=1) < -FALL)} photos, largest {-falls.min():.2f}"
    )


def _clicks_to(ious: NDArray[np.float64], goal: float, first: int) -> int:
    reached = np.flatnonzero(ious[: CLICKS + 1 - first] >= goal)
    return int(reached[0]) + first if len(reached) else CLICKS


if __name__ == "__main__":
    main()
