"""What is left of the old backdrop at the edge, on black, white and green.

    python -m benchmarks.halo [--data DIR]

Two mattes: the true one, and ours, upsampled from the exact mask at 256 px. With each the colours are cleaned
by us, by pymatting (a development dependency: `pip install pymatting`), or not at all. The error is the mean
absolute difference, in levels, to the composite of the true subject with its true alpha, over the edge band.
To be shown: at most 0.5 x no clean-up, at most 1.0 x pymatting. DIR holds `prodcomp/{images,gt,fg}`; without
it the pictures are drawn.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from app.matting.decontaminate import cleaned
from benchmarks._mattes import Bytes, Sample, Share, samples
from benchmarks.edges import averaged, guided

UNDER = {"black": (0, 0, 0), "white": (255, 255, 255), "green": (0, 255, 0)}
WAYS = ("none", "pymatting", "ours")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    args = parser.parse_args()
    known = [sample for sample in samples(args.data, ("prodcomp",)) if sample.front is not None]
    for name, matte in (("the true matte", true_matte), ("our matte from 256 px", our_matte)):
        mean = np.mean([measured(sample, matte(sample)) for sample in known], axis=0)
        report(f"{name}, n={len(known)}", mean)


def report(title: str, mean: NDArray[np.float64]) -> None:
    print(f"{title:32}" + "".join(f"{name:>10}" for name in UNDER) + f"{'mean':>10}   levels")
    for way, values in zip(WAYS, mean, strict=True):
        print(f"  {way:30}" + "".join(f"{value:10.2f}" for value in (*values, values.mean())))
    none, reference, ours = mean.mean(axis=1)
    print(f"  ours: {ours / none:.2f} x none, {ours / reference:.2f} x pymatting")


def true_matte(sample: Sample) -> Bytes:
    return (sample.alpha * 255 + 0.5).astype(np.uint8)


def our_matte(sample: Sample) -> Bytes:
    return (guided(sample, averaged(sample.alpha)) * 255 + 0.5).astype(np.uint8)


def measured(sample: Sample, matte: Bytes) -> list[list[float]]:
    """[way][backdrop]"""
    assert sample.front is not None
    band = binary_dilation(((sample.alpha > 0) & (sample.alpha < 1)) | ((matte > 0) & (matte < 255)))
    truth, share = (image[band][:, None] for image in (sample.alpha, matte / np.float32(255)))
    subject = sample.front[band].astype(np.float32)
    ways = (sample.pixels, pymatting(sample.pixels, matte), cleaned(sample.pixels, matte, matte))
    return [[_error(subject, truth, way[band], share, under) for under in UNDER.values()] for way in ways]


def _error(front: Share, truth: Share, found: Bytes, share: Share, under: tuple[int, int, int]) -> float:
    """Mean absolute difference of two composites on `under`; all are lists of pixels."""
    backdrop = np.array(under, np.float32)
    wanted, shown = truth * front + (1 - truth) * backdrop, share * found + (1 - share) * backdrop
    return float(np.abs(wanted - shown).mean())


def pymatting(pixels: Bytes, matte: Bytes) -> Bytes:
    try:
        from pymatting import estimate_foreground_ml
    except ImportError as missing:
        raise SystemExit("the reference is missing: pip install pymatting") from missing
    front = estimate_foreground_ml(pixels / 255.0, matte / 255.0)
    return np.asarray(np.clip(front * 255 + 0.5, 0, 255), np.uint8)


if __name__ == "__main__":
    main()
