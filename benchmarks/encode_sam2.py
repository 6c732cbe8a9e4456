"""SAM 2.1 tiny on the CPU: our encoder beside Meta's `SAM2ImagePredictor.set_image`, from the same photo.

    python -m benchmarks.encode_sam2 [--runs 5] [--threads 1 2] [--compile] [--onnx]

Random weights: the time is that of the real ones. Runs are interleaved, each contender takes the threads it
does best with; CPU seconds tell how much work it is, whatever else the machine does.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from benchmarks.encode import photo
from models.export.export import export
from models.export.fake import fake
from models.registry import Registry
from models.sam2.build import load
from models.sam2.encoder import ImageEncoder
from models.sessions.ort import OrtEncoder, OrtSession
from models.sessions.torch import Placement, TorchEncoder
from tests.models.predictor import predictor

ROOT = Path(__file__).parent.parent / ".cutout" / "bench-models"
NAME = "fake-tiny"
CPU = Placement(torch.device("cpu"))


@dataclass
class Contender:
    run: Callable[[], object]
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def measure(self) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        self.run()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)


def random_model(encoder: bool) -> Registry:
    """A registry with `fake-tiny`; its graphs are exported only when asked for."""
    registry = Registry(ROOT)
    if NAME not in registry.names():
        fake(registry, "sam2.1-hiera-tiny", 0, ROOT / "fake.pt")
        registry.pull(NAME)
    if encoder and registry.manifest(NAME).file("encoder") is None:
        export(registry, NAME, encoder=True)
    return registry


def contenders(registry: Registry, threads: int, with_compile: bool, with_onnx: bool) -> dict[str, Contender]:
    manifest, image = registry.manifest(NAME), photo()
    sam = load(registry.read(NAME, "checkpoint"), str(manifest.encoder.config), NAME)
    meta = predictor(sam)
    ours = TorchEncoder(manifest, ImageEncoder(sam), CPU)
    found = {
        "Meta's set_image": Contender(lambda: meta.set_image(image)),
        "ours, torch": Contender(lambda: ours.encode([image])),
    }
    if with_compile:
        graph: torch.nn.Module = torch.compile(ImageEncoder(sam))  # type: ignore[assignment]
        compiled = TorchEncoder(manifest, graph, CPU)
        found["ours, torch.compile"] = Contender(lambda: compiled.encode([image]))
    if with_onnx:
        exported = OrtEncoder(manifest, OrtSession(registry.read(NAME, "encoder"), NAME, threads=threads))
        found["ours, onnxruntime"] = Contender(lambda: exported.encode([image]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--compile", action="store_true", help="needs a C++ compiler")
    parser.add_argument("--onnx", action="store_true")
    args = parser.parse_args()
    registry = random_model(args.onnx)
    best: dict[str, float] = {}
    for threads in args.threads:
        torch.set_num_threads(threads)
        found = contenders(registry, threads, args.compile, args.onnx)
        for one in found.values():
            one.run()
        for _ in range(args.runs):
            for one in found.values():
                one.measure()
        for name, one in found.items():
            wall = statistics.median(one.wall)
            best[name] = min(wall, best.get(name, wall))
            print(f"{threads} threads  {name:20s} {wall:6.2f} s   CPU {statistics.median(one.cpu):6.2f} s")
    meta = best["Meta's set_image"]
    for name, wall in best.items():
        print(f"{name:20s} {wall:6.2f} s with its best threads, {wall / meta:.2f} x set_image")


if __name__ == "__main__":
    main()
