"""Mean IoU without a click and after 1, 2, 3 and 5, by photo set.

    python -m benchmarks.segmentation [--data DIR] [--every N] [--threads 2]

DIR holds `<set>/images` and `<set>/gt`; without it, each photo of tests/data. The clicker is the usual
robot: the first click in the deepest point of the subject, each next one in that of the largest error.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from app.segmentation.decode import replay
from app.segmentation.marks import Label, Mark, MarkKind
from app.segmentation.masks import SoftMask
from app.segmentation.resample import resample
from app.segmentation.subject import propose
from benchmarks._photos import Mask, Sample, deepest, embed, iou, lite, samples
from models.model import Model

CLICKS = 5
SHOWN = (0, 1, 2, 3, 5)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--every", type=int, default=1, help="only every Nth photo")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    model = lite(args.threads)
    scores: dict[str, list[list[float]]] = defaultdict(list)
    for sample in list(samples(args.data))[:: args.every]:
        scores[sample.set if args.data else sample.name].append(clicked(model, sample))
    print(f"{'set':<20}{'n':>5}" + "".join(f"{count:>8}" for count in SHOWN) + "   clicks, mean IoU")
    scores["all"] = [row for rows in scores.values() for row in rows]
    for name, found in scores.items():
        means = np.mean(found, axis=0)
        print(f"{name:<20}{len(found):>5}" + "".join(f"{means[count]:>8.3f}" for count in SHOWN))


def clicked(model: Model, sample: Sample) -> list[float]:
    """IoU after 0 … CLICKS clicks."""
    working, embedding = embed(model, sample.image)
    shape = sample.truth.shape
    per_pixel = (embedding.image_size[0] / shape[1], embedding.image_size[1] / shape[0])
    proposal = propose(model, embedding, lambda mirrored: model.look(working, mirrored=mirrored))
    mask = np.zeros_like(sample.truth)
    found = [
        iou(mask if proposal is None else _at(proposal.mask, shape, per_pixel), sample.truth, sample.counted)
    ]
    marks: list[Mark] = []
    for _ in range(CLICKS):
        marks.append(next_click(mask, sample, per_pixel))
        mask = _at(replay(model, embedding, marks, None), shape, per_pixel)
        found.append(iou(mask, sample.truth, sample.counted))
    return found


def next_click(mask: Mask, sample: Sample, per_pixel: tuple[float, float]) -> Mark:
    """`per_pixel`: ImageSpace pixels (x, y) to one of the reference."""
    missed = deepest(sample.truth & ~mask & sample.counted)
    excess = deepest(~sample.truth & mask & sample.counted)
    keep = missed[2] >= excess[2]
    x, y, _ = missed if keep else excess
    label = Label.KEEP if keep else Label.REMOVE
    return Mark(kind=MarkKind.POINT, label=label, points=((x * per_pixel[0], y * per_pixel[1]),))


def _at(mask: SoftMask, shape: tuple[int, ...], per_pixel: tuple[float, float]) -> Mask:
    """The mask at the reference's size, [h, w]."""
    step = (mask.scale[0] * per_pixel[0], mask.scale[1] * per_pixel[1])
    return resample(mask.logits, (shape[1], shape[0]), step) > 0


if __name__ == "__main__":
    main()
