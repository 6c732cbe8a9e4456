"""Encode with `lite`: our whole path beside onnxruntime alone on the same tensor, and decode.

    python -m benchmarks.encode [--runs 7] [--threads 2]

Runs are interleaved, so that what else the machine does falls on both alike; medians.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
from PIL import Image
from skimage import data

from models.model import Model
from models.preprocess import encoder_input
from models.registry import Registry
from models.sessions.base import Prompts, RgbImage

REGISTRY = Path(__file__).parent.parent / ".cutout" / "models"


def photo(width: int = 2048, height: int = 1365) -> RgbImage:
    """A working image: NASA's astronaut (public domain), enlarged and cut to 3:2."""
    astronaut = Image.fromarray(data.astronaut()[:341])  # type: ignore[no-untyped-call]
    return np.array(astronaut.resize((width, height), Image.Resampling.BICUBIC))


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def alone(registry: Registry, threads: int) -> Callable[[np.ndarray], object]:
    """onnxruntime with nothing of ours around it."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(registry.read("lite", "encoder"), options)
    return lambda planes: session.run(None, {"input": planes})


def decode_click(model: Model, image: RgbImage, count: int) -> Callable[[], object]:
    (embedding,) = model.encode([image], [(image.shape[1], image.shape[0])])
    prompts = Prompts(np.full((count, 1, 2), 500, np.float32), np.ones((count, 1), np.float32))
    return lambda: model.decode(embedding, prompts)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    registry = Registry(REGISTRY)
    registry.pull("lite")
    model, image = registry.open("lite", threads=args.threads), photo()
    planes, bare = encoder_input(image, model.manifest), alone(registry, args.threads)
    work: dict[str, Callable[[], object]] = {
        "onnxruntime alone, same tensor": lambda: bare(planes),
        "Model.encode, working image in": lambda: model.encode([image], [(4096, 2730)]),
        "Model.decode, 1 prompt": decode_click(model, image, 1),
        "Model.decode, 8 prompts": decode_click(model, image, 8),
    }
    for one in work.values():
        one()
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(args.runs):
        for name, one in work.items():
            times[name].append(seconds(one))
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    for name, median in medians.items():
        print(f"{name:34s} {median:7.3f} s   (best {min(times[name]):.3f})")
    first, second = list(medians.values())[:2]
    print(f"encode: {second:.2f} s (at most 2.5), {second / first:.3f} x onnxruntime alone (at most 1.10)")


if __name__ == "__main__":
    main()
