"""The weights of app/segmentation/choose.py, fitted: which of the decoder's answers a click means.

    python -m benchmarks.fit_choice [--data DIR] [--every N]

The robot of benchmarks.segmentation clicks CLICKS times on each photo. After each click, what tells of every
answer (`terms`), whole and near the mark, is noted beside the IoU that it would have. The weights are those
by which a softmax choice has the highest mean IoU, a fall of more than 0.05 costing another half; fitted on
every other photo, and shown on the rest beside the weights in use.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from app.segmentation.choose import SINGLE_BONUS, WEIGHTS, terms
from app.segmentation.decode import Drawn, after_last
from app.segmentation.marks import Mark
from app.segmentation.masks import FloatImage, SoftMask
from app.segmentation.obey import local_change
from app.segmentation.spaces import Frame
from benchmarks._photos import embed, lite, samples
from benchmarks.segmentation import FALL, View, next_click
from models.sessions.base import DecoderOutput
from tests.segmentation.decoders import Overheard

CLICKS = 6
FALL_COST = 0.5
DECAY = 0.0002  # of the squared weights, each in standard deviations of its term

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    terms: Values
    """[n, terms and 1 for the single-mask output]"""
    ious: Values
    """[n]: what each answer would have."""
    before: float
    """IoU before the click."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--every", type=int, default=1, help="only every Nth photo")
    args = parser.parse_args()
    model = lite(2)
    halves: tuple[list[Choice], list[Choice]] = ([], [])
    for index, sample in enumerate(list(samples(args.data))[:: args.every]):
        _, embedding = embed(model, sample.image)
        halves[index % 2].extend(choices(Overheard(model), View(sample, embedding)))
    in_use = np.append(WEIGHTS, SINGLE_BONUS)
    fitted = best_weights(halves[0])
    for name, weights in (("fitted", fitted * in_use[1] / fitted[1]), ("in use", in_use)):
        print(f"{name}: {np.round(weights, 2).tolist()}")
        for half, part in zip(("fitted on", "others"), halves, strict=True):
            ious = np.array([one.ious[int(np.argmax(one.terms @ weights))] for one in part])
            falls = sum(one.before - iou > FALL for one, iou in zip(part, ious, strict=True))
            print(f"  {half}: {len(part)} clicks, mean IoU {ious.mean():.4f}, {falls} falls")


def choices(decoder: Overheard, view: View) -> Iterator[Choice]:
    """What each click from an empty start chose from."""
    frame = Frame.of(view.embedding.image_size, decoder.fit)
    drawn, marks, mask = Drawn(None), list[Mark](), view.stretched(None)
    for _ in range(CLICKS):
        marks.append(next_click(mask, view))
        seen = drawn.logits
        decoder.said.clear()
        drawn = after_last(decoder, view.embedding, frame, marks, drawn)
        if not decoder.said or drawn.logits is None:
            return  # the click was right already, on the coarser grid
        answers, expected, single = _offered(decoder.said[-1], seen, drawn, frame)
        ious = [view.iou(view.stretched(SoftMask(one, frame.mask_scale))) for one in answers]
        told = np.column_stack([terms(answers, expected, drawn.asked), single])
        yield Choice(told, np.array(ious), view.iou(mask))
        mask = view.stretched(SoftMask(drawn.logits, frame.mask_scale))


def _offered(
    said: DecoderOutput, seen: FloatImage | None, drawn: Drawn, frame: Frame
) -> tuple[FloatImage, NDArray[np.float32], NDArray[np.bool_]]:
    """The answers [n, h, w], their predicted IoU, and which are the single-mask output."""
    width, height = frame.mask_content()
    answers, expected = said.logits[0, :, :height, :width], said.iou[0]
    if seen is None:  # a single click is answered by the multimask outputs
        return answers[1:], expected[1:], np.zeros(3, np.bool_)
    last, before = drawn.asked[-1], seen[:height, :width]
    near = np.stack([local_change(before, answer, last.at, keep=last.keep) for answer in answers])
    return np.concatenate([answers, near]), np.tile(expected, 2), np.arange(8) % 4 == 0


def best_weights(choices: list[Choice]) -> Values:
    spread = np.concatenate([one.terms for one in choices]).std(axis=0)
    gains = [one.ious - FALL_COST * (one.ious < one.before - FALL) for one in choices]

    def loss(weights: Values) -> tuple[float, Values]:
        mean, slope = 0.0, np.zeros_like(weights)
        for one, gain in zip(choices, gains, strict=True):
            scores = one.terms / spread @ weights
            chance = np.exp(scores - scores.max())
            chance /= chance.sum()
            mean += float(chance @ gain)
            slope += (one.terms / spread).T @ (chance * (gain - chance @ gain))
        count = len(choices)
        return DECAY * float(weights @ weights) - mean / count, 2 * DECAY * weights - slope / count

    start = np.zeros(choices[0].terms.shape[1])
    found: Values = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return np.asarray(found / spread)


if __name__ == "__main__":
    main()
