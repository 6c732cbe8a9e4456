"""Seconds and memory of a cutout without matting, from the photo's file to the PNG, at 3 to 100 MP.

    python -m benchmarks.sizes [--megapixels 3 12 24 50 100] [--runs 3]

A cup (CC0, scikit-image) enlarged, with the grain of a real photo, and the mask of `lite`. Each size in a
process of its own, warm, as the mask worker is; the best of the runs. Memory: of the process and of the
sandbox's child that decodes, each at its peak since it was warm. To be shown: 50 MP in 3.5 s and 1.2 GB,
100 MP in 2 GB, time linear in pixels.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from skimage import data

from app.engines.sam2 import Sam2Engine
from app.matting.options import CutoutOptions
from app.matting.warm import warm
from app.segmentation.maskio import from_png
from benchmarks._memory import forget_high_water, high_water
from models.model import Model
from models.registry import Registry

REPOSITORY = Path(__file__).parent.parent
MEGAPIXELS = (3, 12, 24, 50, 100)
SMALL = 1


@dataclass(frozen=True)
class Measured:
    seconds: float
    worker_mb: float
    decoder_mb: float
    png_mb: float


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megapixels", type=float, nargs="*", default=MEGAPIXELS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child, args.runs)
        return
    print(
        f"{'MP':>5}{'seconds':>9}{'s per MP':>10}{'peak MB':>9}{'of it decoder':>15}{'PNG MB':>8}", flush=True
    )
    for megapixels in args.megapixels:
        found = run(megapixels, args.runs)
        print(
            f"{megapixels:5g}{found.seconds:9.2f}{found.seconds / megapixels:10.3f}"
            f"{found.worker_mb + found.decoder_mb:9.0f}{found.decoder_mb:15.0f}{found.png_mb:8.1f}",
            flush=True,
        )


def run(megapixels: float, runs: int) -> Measured:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo(SMALL, folder / "small.jpg")
        found = Sam2Engine(lite()).encode(folder / "small.jpg").mask
        assert found
        (folder / "mask.png").write_bytes(found)
        photo(megapixels, folder / "photo.jpg")
        command = [sys.executable, "-m", "benchmarks.sizes", "--child", name, "--runs", str(runs)]
        printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        return Measured(*map(float, printed))


def lite() -> Model:
    registry = Registry(REPOSITORY / ".cutout" / "models")
    registry.pull("lite")
    return registry.open("lite")  # its sessions are opened when they are first used: here, never by the child


def photo(megapixels: float, path: Path) -> None:
    """3:2, strip by strip: 100 MP of noise in floats would be 2 GB."""
    width = round((megapixels * 1.5e6) ** 0.5)
    cup = Image.fromarray(data.coffee())  # type: ignore[no-untyped-call]
    large = np.array(cup.resize((width, width * 2 // 3), Image.Resampling.BICUBIC))
    random = np.random.default_rng(0)
    for top in range(0, large.shape[0], 256):
        strip = large[top : top + 256]
        grain = random.normal(0, 3, (*strip.shape[:2], 1)).astype(np.float32)
        strip[:] = np.clip(strip + grain, 0, 255)
    Image.fromarray(large).save(path, quality=92)


def child(folder: Path, runs: int) -> None:
    engine, mask = Sam2Engine(lite()), (folder / "mask.png").read_bytes()
    warm()
    cutout(engine, folder / "small.jpg", mask)
    processes = [os.getpid(), *(each.pid for each in psutil.Process().children(recursive=True))]
    for process in processes:
        forget_high_water(process)
    spent = [cutout(engine, folder / "photo.jpg", mask) for _ in range(runs)]
    worker, *decoders = (high_water(process) / 1e6 for process in processes)
    print(min(spent), worker, sum(decoders), (folder / "out.png").stat().st_size / 1e6)


def cutout(engine: Sam2Engine, path: Path, mask: bytes) -> float:
    begun = time.perf_counter()
    with Image.open(path) as header:
        size = header.size
    engine.cutout(path, from_png(mask, size), (), CutoutOptions(matting="off"), path.parent / "out.png")
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
