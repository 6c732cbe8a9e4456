"""Matting: seconds and memory at 12 MP beside rembg's way, and errors where the true alpha is known.

    python -m benchmarks.matting [--data DIR] [--reference] [--photo-only | --errors-only]

The photo: a cup (CC0, scikit-image) at 12 MP with the mask of `lite`, each way in a process of its own, as
a job would find it: kernels compiled, files decoded. rembg 2.0.86's `alpha_matting_cutout` is written out
here (`rembg_way`); it consists of calls to pymatting, a development dependency (`pip install pymatting`). To
be shown: at least 10 x as fast, at most 1/8 of the memory.

The errors: SAD / 1000, MSE and gradient / 1000 in the unknown band, from the trimap that both are given; DIR
holds `alphamatting27` and `hires_matting`, each `images`, `gt`, `trimap` and perhaps `trimap_wide`; without
it the pictures are drawn. `--reference` runs pymatting's closed form too (minutes a picture at 7 MP).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.imaging.types import Picture
from app.matting.mattes import matted
from app.matting.options import CutoutOptions
from app.matting.pipeline import make_cutout
from app.matting.warm import warm
from app.segmentation.maskio import from_png
from benchmarks._mattes import Bytes, Sample, Share, matte_errors, samples
from benchmarks._memory import forget_high_water, high_water
from benchmarks.apply_mask import prepare
from models.registry import Registry

SETS = ("alphamatting27", "hires_matting")
REPOSITORY = Path(__file__).parent.parent
KINDS = ("tight", "wide")
WAYS = ("ours", "rembg")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--reference", action="store_true")
    parser.add_argument("--photo-only", action="store_true")
    parser.add_argument("--errors-only", action="store_true")
    parser.add_argument("--way", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        child(args.way[0], Path(args.way[1]))
        return
    if not args.errors_only:
        photo()
    if not args.photo_only:
        errors(args.data, reference=args.reference)


def photo() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        registry = Registry(REPOSITORY / ".cutout" / "models")
        registry.pull("lite")
        prepare(folder, registry)
        found = [run(way, folder) for way in WAYS]
    print(f"{'12 MP, matting hair':24}{'seconds':>10}{'peak MB':>10}{'of it, over idle':>18}")
    for way, (seconds, peak, over) in zip(WAYS, found, strict=True):
        print(f"{way:24}{seconds:10.2f}{peak:10.0f}{over:18.0f}")
    (ours, peak, over), (theirs, their_peak, their_over) = found
    print(f"{theirs / ours:.1f} x as fast, 1/{their_peak / peak:.1f} of the memory,", end=" ")
    print(f"1/{their_over / over:.1f} over idle")


def run(way: str, folder: Path) -> tuple[float, float, float]:
    """(seconds, peak MB, peak MB over what the process held before)."""
    command = [sys.executable, "-m", "benchmarks.matting", "--way", way, str(folder)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    seconds, peak, over = map(float, printed[-3:])  # pymatting prints warnings before
    return seconds, peak, over


def child(way: str, folder: Path) -> None:
    work = ours_way if way == "ours" else rembg_way
    with Image.open(folder / "photo.jpg") as opened:
        pixels = np.array(opened)
    mask = (folder / "mask.png").read_bytes()
    step = 8  # the kernels of both are compiled before the clock starts
    warm() if way == "ours" else rembg_way(np.ascontiguousarray(pixels[::step, ::step]), mask)
    forget_high_water(os.getpid())
    before = high_water(os.getpid()) / 1e6
    begun = time.perf_counter()
    work(pixels, mask)
    seconds = time.perf_counter() - begun
    peak = high_water(os.getpid()) / 1e6
    print(seconds, peak, peak - before)


def ours_way(pixels: Bytes, mask: bytes) -> None:
    size = (pixels.shape[1], pixels.shape[0])
    make_cutout(Picture(pixels), from_png(mask, size), (), CutoutOptions(matting="hair", trim=False))


def rembg_way(pixels: Bytes, mask: bytes) -> None:
    """rembg/bg.py, `alpha_matting_cutout` with its defaults: thresholds 240 and 10, erosion by 10."""
    from pymatting import estimate_foreground_ml, stack_images
    from scipy.ndimage import binary_erosion

    with Image.open(BytesIO(mask)) as low:
        grey = np.asarray(low.resize((pixels.shape[1], pixels.shape[0]), Image.Resampling.LANCZOS))
    structure = np.ones((10, 10), np.uint8)
    trimap = np.full(grey.shape, 128, np.uint8)
    trimap[binary_erosion(grey > 240, structure)] = 255
    trimap[binary_erosion(grey < 10, structure, border_value=1)] = 0
    normalized = pixels / 255.0
    alpha = closed_form(normalized, trimap / 255.0)
    stacked = stack_images(estimate_foreground_ml(normalized, alpha), alpha)
    np.clip(stacked * 255, 0, 255).astype(np.uint8)


def closed_form(normalized: NDArray[np.float64], trimap: NDArray[np.float64]) -> NDArray[np.float64]:
    try:
        from pymatting import estimate_alpha_cf
    except ImportError as missing:
        raise SystemExit("the reference is missing: pip install pymatting") from missing
    return np.asarray(estimate_alpha_cf(normalized, trimap))


def errors(data: Path | None, *, reference: bool) -> None:
    found: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    warm()
    for sample in samples(data, SETS):
        for kind, trimap in zip(KINDS, sample.trimaps, strict=False):
            for way in WAYS if reference else WAYS[:1]:
                found[f"{sample.set}, {kind}, {way}"].append(measured(sample, trimap, way))
    print(
        f"\n{'mean over the pictures':34}{'n':>4}{'SAD':>9}{'MSE e-3':>9}{'Grad':>9}{'seconds':>9}{'most':>8}"
    )
    for name, rows in sorted(found.items()):
        sad, mse, gradient, seconds = np.mean(rows, axis=0)
        most = max(row[3] for row in rows)
        print(f"{name:34}{len(rows):4}{sad:9.2f}{1000 * mse:9.2f}{gradient:9.3f}{seconds:9.2f}{most:8.2f}")


def measured(sample: Sample, trimap: Bytes, way: str) -> tuple[float, ...]:
    """(SAD, MSE, gradient error, seconds)"""
    unknown = (trimap != 0) & (trimap != 255)
    clean = np.where(unknown, 128, trimap).astype(np.uint8)
    begun = time.perf_counter()
    alpha = _matte(sample.pixels, clean, way)
    seconds = time.perf_counter() - begun
    return *matte_errors(alpha, sample.alpha, unknown), seconds


def _matte(pixels: Bytes, trimap: Bytes, way: str) -> Share:
    if way == "ours":
        return matted(pixels, trimap, trimap).matte.astype(np.float32) / np.float32(255)
    return closed_form(pixels / 255.0, trimap / 255.0).astype(np.float32)


if __name__ == "__main__":
    main()
