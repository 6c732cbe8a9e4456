"""Decoding and encoding by size and by format: seconds, and the most memory of the process and of its child.

    python -m benchmarks.imaging [--sizes 3 12 24 50 100]

The picture is scikit-image's coffee (CC0), enlarged, with grain. Each size runs in a process of its own.
CPU seconds stand beside wall seconds, because other work on the machine stretches only the latter.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyvips
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from app.imaging.encode import encode
from app.imaging.sandbox import Sandbox
from app.imaging.types import Format, Picture
from benchmarks._memory import high_water

ASPECT = 1.5
FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 92},
    "PNG": {"compress_level": 1},
    "WEBP": {"quality": 90, "method": 0},
    "AVIF": {"quality": 80, "speed": 10},
    "TIFF": {"compression": "tiff_lzw"},
    "BMP": {},
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=float, nargs="*", default=[3, 12, 24, 50, 100])
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        whole_way(args.one)
        return
    with tempfile.TemporaryDirectory() as folder:
        decoders(Path(folder))
        print(
            "\nJPEG → pixels → PNG with alpha, through the sandbox; seconds as wall (CPU of both processes)"
        )
        print(
            f"{'MP':>5} {'probe':>7} {'working':>14} {'decode':>14} {'encode PNG':>14}"
            f" {'peak MB':>8} {'child':>6}"
        )
        for megapixels in args.sizes:
            path = Path(folder) / "photo.jpg"
            save(photo(megapixels), path)
            subprocess.run([sys.executable, "-m", "benchmarks.imaging", "--one", str(path)], check=True)


def decoders(folder: Path) -> None:
    """Why each format is read by whom (app/imaging/decode.py)."""
    pixels = photo(12)
    print(f"{'12 MP, in this process':24} {'libvips':>8} {'Pillow':>8}")
    for format, options in FORMATS.items():
        path = folder / f"photo.{format.lower()}"
        Image.fromarray(pixels).save(path, format, **options)
        times = [f"{best(partial(read, path)):8.2f}" for read in (by_vips, by_pillow)]
        print(f"{format:24} {' '.join(times)}", flush=True)


def by_vips(path: Path) -> NDArray[np.uint8]:
    try:
        image = pyvips.Image.new_from_file(str(path), access="sequential")
    except pyvips.Error:
        return np.zeros(0, np.uint8)
    return np.frombuffer(image.write_to_memory(), np.uint8)


def by_pillow(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image)


def whole_way(path: Path) -> None:
    with Sandbox(size=1) as sandbox:
        sandbox.start()
        child = psutil.Process().children()[0]
        info = sandbox.probe(path)
        small = Picture(np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9), np.uint8))
        encode(small, path.with_suffix(".png"))  # loads the compiled filter
        cells = [
            f"{info.width * info.height / 1e6:5.0f}",
            f"{timed(lambda: sandbox.probe(path), child)[0]:7.4f}",
        ]
        cells.append(cell(lambda: sandbox.working_image(path, info), child))
        cells.append(cell(lambda: sandbox.decode(path, info), child))
        picture = sandbox.decode(path, info)
        picture = replace(picture, alpha=disc(picture))
        cells.append(cell(lambda: encode(picture, path.with_suffix(".png"), Format.PNG), child))
        cells += [f"{high_water(os.getpid()) / 1e6:8.0f}", f"{high_water(child.pid) / 1e6:6.0f}"]
        print(" ".join(cells), flush=True)


def disc(picture: Picture) -> NDArray[np.uint8]:
    alpha = np.zeros((picture.height, picture.width), np.uint8)
    x = np.arange(picture.width, dtype=np.float32) - picture.width / 2
    for y in range(picture.height):  # by rows: the benchmark must not need more memory than what it measures
        radius = np.hypot(x, y - picture.height / 2)
        alpha[y] = np.clip(picture.height * 0.48 - radius, 0, 1) * 255
    return alpha


def cell(work: Callable[[], object], child: psutil.Process) -> str:
    wall, cpu = timed(work, child)
    return f"{wall:6.2f} ({cpu:5.2f})"


def timed(work: Callable[[], object], child: psutil.Process) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), cpu_of(child)
    work()
    return time.perf_counter() - wall, cpu_of(child) - cpu


def cpu_of(child: psutil.Process) -> float:
    times = child.cpu_times()
    return float(time.process_time() + times.user + times.system)


def best(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def photo(megapixels: float) -> NDArray[np.uint8]:
    width = round((megapixels * 1e6 * ASPECT) ** 0.5)
    height = int(width / ASPECT)
    coffee = Image.fromarray(data.coffee())  # type: ignore[no-untyped-call]
    pixels = np.asarray(coffee.resize((width, height), Image.Resampling.BICUBIC)).copy()
    grain = np.random.default_rng(0).integers(-5, 6, (256, width, 3), np.int16)
    for y in range(0, height, 256):
        rows = pixels[y : y + 256]
        rows[:] = np.clip(rows + grain[: len(rows)], 0, 255)
    return pixels


def save(pixels: NDArray[np.uint8], path: Path) -> None:
    Image.fromarray(pixels).save(path, quality=92)


if __name__ == "__main__":
    main()
