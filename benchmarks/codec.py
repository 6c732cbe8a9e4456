"""The embedding codec: bytes, mask IoU against fp32, time; for one click, three clicks and a box.

    python -m benchmarks.codec [--data DIR] [--every N] [--offset N] [--steps 0.015,0.02] [--basis FILE]
                               [--model NAME] [--keep DIR]

DIR as for benchmarks.segmentation. Measure a basis only on photos that it was not learnt on: `--every 2`
keeps one half. Masks are compared in MaskSpace, where the image is. Times are of one core (process time).
`--keep` leaves what a browser gets in a folder, for web/e2e/codec.bench.ts.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from app.segmentation import codec
from app.segmentation.basis import UNIT, Basis
from app.segmentation.choose import choose
from app.segmentation.codec import Codec
from app.segmentation.prompts import Clicks, prompts
from app.segmentation.spaces import Frame, ImagePoints
from benchmarks._photos import REPOSITORY, Mask, Sample, deepest, embed, iou, lite, samples
from models.model import Model
from models.registry import Registry
from models.sessions.base import Embedding

KINDS = ("1 click", "3 clicks", "box")
MODELS = REPOSITORY / ".cutout" / "models"
STEPS = "0.010,0.015,0.020,0.030"


@dataclass
class Form:
    """One way to store an embedding."""

    name: str
    pack: Callable[[Embedding], bytes]
    unpack: Callable[[bytes], Embedding]
    sizes: list[int] = field(default_factory=list)
    seconds: list[tuple[float, float]] = field(default_factory=list)
    found: list[list[float]] = field(default_factory=list)
    last: bytes = b""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--every", type=int, default=1, help="only every Nth photo")
    parser.add_argument("--offset", type=int, default=0, help="beginning with this one")
    parser.add_argument("--steps", default=STEPS)
    parser.add_argument("--model", default="lite", help="one that is here, with its basis")
    parser.add_argument("--basis", type=Path, help="another than the model's")
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    model = lite(1) if args.model == "lite" else Registry(MODELS).open(args.model, threads=1)
    basis = model.codec_basis if args.basis is None else args.basis.read_bytes()
    if basis is None:
        parser.error(f"{args.model} has no codec basis; run: cutout models fit-codec {args.model} FOLDER")
    made = list(forms(Basis.from_bytes(basis), [float(step) for step in args.steps.split(",")], model))
    for sample in list(samples(args.data))[args.offset :: args.every]:
        measure(model, sample, made)
        if args.keep is not None:
            args.keep.mkdir(exist_ok=True)
            (args.keep / f"{sample.set}-{sample.name}.bin").write_bytes(made[1].last)
    head = ("form", "KB", "mean IoU", "p5", *KINDS, "pack ms", "unpack ms")
    print("".join(f"{name:>11}" for name in head))
    for form in made:
        scores = np.array(form.found)
        pack, unpack = np.median(form.seconds, axis=0) * 1000
        shown = [scores.mean(), np.percentile(scores, 5), *scores.mean(axis=0)]
        cells = "".join(f"{one:>11.4f}" for one in shown)
        print(f"{form.name:>11}{np.mean(form.sizes) / 1000:>11.1f}{cells}{pack:>11.0f}{unpack:>11.0f}")


def forms(basis: Basis, steps: list[float], model: Model) -> Iterator[Form]:
    """Half precision, and the small form at several steps, each run once: nothing is compiled later."""
    padding = basis.padding_step / basis.step
    yield Form("fp16", codec.pack, codec.unpack)
    for step in steps:
        millionths = round(step * UNIT)
        scaled = replace(basis, step=millionths, padding_step=round(millionths * padding))
        small = Codec(scaled, model.fit)
        small.warmup()
        yield Form(f"kl1 {step:g}", small.pack, small.unpack)


def measure(model: Model, sample: Sample, made: list[Form]) -> None:
    _, embedding = embed(model, sample.image)
    frame = Frame.of(embedding.image_size, model.fit)
    asked = list(clicks(sample, frame))
    whole = [answer(model, embedding, one, frame) for one in asked]
    for form in made:
        begun = time.process_time()
        packed = form.pack(embedding)
        between = time.process_time()
        back = form.unpack(packed)
        form.seconds.append((between - begun, time.process_time() - between))
        form.sizes.append(len(packed))
        form.last = packed
        now = [answer(model, back, one, frame) for one in asked]
        form.found.append([iou(mask, before) for mask, before in zip(now, whole, strict=True)])


def clicks(sample: Sample, frame: Frame) -> Iterator[Clicks]:
    """One click in the deepest point; another inside and one outside, drawn by the photo's name; the box."""
    height, width = sample.truth.shape
    scale = np.array(frame.image) / (width, height)
    x, y, _ = deepest(sample.truth)
    first = np.array([x, y])
    random = np.random.default_rng(list(sample.name.encode()))
    inside, outside = np.argwhere(sample.truth), np.argwhere(~sample.truth)
    others = [random.choice(places)[::-1] + 0.5 for places in (inside, outside) if len(places)]
    keep = (True, True, False)[: 1 + len(others)]
    yield Clicks(ImagePoints(first[None] * scale), (True,), None)
    yield Clicks(ImagePoints(np.stack([first, *others]) * scale), keep, None)
    low, high = inside.min(axis=0)[::-1] * scale, (inside.max(axis=0)[::-1] + 1) * scale
    yield Clicks(ImagePoints(np.zeros((0, 2))), (), (low[0], low[1], high[0], high[1]))


def answer(model: Model, embedding: Embedding, said: Clicks, frame: Frame) -> Mask:
    """The chosen mask, MaskSpace, where the image is."""
    output = model.decode(embedding, prompts(said, frame))
    logits = output.logits[0]
    chosen = choose(logits, output.iou[0], said, frame, dynamic=model.dynamic_multimask)
    width, height = frame.mask_content()
    return np.asarray(logits[chosen, :height, :width] > 0)


if __name__ == "__main__":
    main()
