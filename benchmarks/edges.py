"""How true an edge is that was known at 256 px only: guided by the image, or merely stretched.

    python -m benchmarks.edges [--data DIR]

The exact mask of each picture is averaged down to 256 px on the longer side and brought back to full size.
Errors: 1 - boundary F at 2 px, and the mean absolute alpha error within 4 px of the true contour. To be
shown: at least 30 % less of both than bilinear + threshold and than bicubic. DIR holds `<set>/images` and
`<set>/gt`; without it the pictures are drawn.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

from app.imaging.types import Picture
from app.matting.options import CutoutOptions
from app.matting.types import Request
from app.matting.upsample import upsample
from app.segmentation.masks import SoftMask
from benchmarks._mattes import Sample, Share, boundary_f, edge_error, samples

SETS = ("prodcomp", "tuxcomp")
MASK_SIDE = 256
WAYS = ("ours", "bilinear + threshold", "bicubic")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    args = parser.parse_args()
    scores: dict[str, list[list[tuple[float, float]]]] = defaultdict(list)
    for sample in samples(args.data, SETS):
        if max(sample.alpha.shape) >= 2 * MASK_SIDE:
            scores[sample.set].append(measured(sample))
    scores["all"] = [row for rows in list(scores.values()) for row in rows]
    print(f"{'':36}{'1 - F at 2 px':>15}{'edge error':>12}{'ours has less by':>22}")
    for name, rows in scores.items():
        mean = np.mean(rows, axis=0)
        for way, values in zip(WAYS, mean, strict=True):
            less = "" if way == "ours" else "  ".join(f"{100 * (1 - v):8.0f} %" for v in mean[0] / values)
            print(f"{name:10}n={len(rows):<4}{way:20}{values[0]:15.4f}{values[1]:12.4f}{less:>22}")


def measured(sample: Sample) -> list[tuple[float, float]]:
    """(1 - F, edge error) of each way."""
    low = averaged(sample.alpha)
    size = (sample.alpha.shape[1], sample.alpha.shape[0])
    linear, cubic = (
        np.asarray(Image.fromarray(low).resize(size, how)).clip(0, 1)
        for how in (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
    )
    ways = [guided(sample, low), (linear > 0.5).astype(np.float32), cubic]
    return [(1 - boundary_f(way, sample.alpha), edge_error(way, sample.alpha)) for way in ways]


def averaged(alpha: Share) -> Share:
    """At most MASK_SIDE on the longer side."""
    height, width = alpha.shape
    ratio = MASK_SIDE / max(width, height)
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    return np.asarray(Image.fromarray(alpha).resize(size, Image.Resampling.BOX)).clip(0, 1)


def guided(sample: Sample, low: Share) -> Share:
    share = np.clip(low, 1e-6, 1 - 1e-6)
    height, width = sample.alpha.shape
    mask = SoftMask(np.log(share / (1 - share)), (low.shape[1] / width, low.shape[0] / height))
    draft = upsample(Request(Picture(sample.pixels), mask, (), CutoutOptions()))
    return draft.matte.astype(np.float32) / np.float32(255)


if __name__ == "__main__":
    main()
