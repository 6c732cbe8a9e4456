"""SAM 2.1 on a GPU: images a second, of the encoder alone and from JPEG bytes to stored payload.

    python -m benchmarks.gpu [--model fake-tiny] [--batches 1 2 4 8 16 32 64] [--images 128]
                             [--usd-per-hour 0.80] [--device cuda]

Beside the plain predictor loop in the same run (at least 5 x is the aim), with the time of each part and the
share of the matrix rate that this GPU reaches on one large bf16 product. Random weights run as fast as real
ones. Without a GPU it says that it has not been run; `--device cpu --batches 1 --images 2` tries the code.
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from app.imaging.probe import probe
from app.imaging.working import working_image
from app.segmentation.codec import pack
from benchmarks.encode import photo
from benchmarks.encode_sam2 import NAME, random_model
from models.model import Model
from models.registry import Registry
from models.sam2.build import load
from models.sam2.encoder import ImageEncoder
from models.sessions.base import Embedding, RgbImage, Session
from models.sessions.torch import Placement, TorchEncoder
from tests.models.predictor import predictor

MATRIX = 8192


def rate(work: Callable[[], object], images: int) -> float:
    """Images a second, after one run to warm up."""
    work()
    start = time.perf_counter()
    work()
    return images / (time.perf_counter() - start)


def synchronised(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def matrix_rate(device: str) -> float:
    """Floating-point operations a second of one large bf16 product: the ceiling in practice."""
    side = MATRIX if device == "cuda" else 1024
    left = torch.ones((side, side), dtype=torch.bfloat16, device=device)

    def ten() -> None:
        for _ in range(10):
            left @ left
        synchronised(device)

    return rate(ten, 10) * 2 * side**3


def operations(sam: Any) -> int:
    """Floating-point operations of one image through the encoder."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        ImageEncoder(sam)(torch.zeros(1, 3, 1024, 1024))
    return int(counter.get_total_flops())


def plain_loop(sam: Any, device: str, images: Sequence[RgbImage]) -> float:
    """What a script with Meta's predictor does, in bf16 as Meta's examples run it."""
    meta = predictor(sam.to(device))

    def loop() -> None:
        half = torch.autocast(device, torch.bfloat16) if device == "cuda" else nullcontext()
        with torch.inference_mode(), half:
            for image in images:
                meta.set_image(image)
        synchronised(device)

    return rate(loop, len(images))


def no_decoder() -> Session:
    raise AssertionError("nothing is decoded here")


def from_jpeg_to_store(model: Model, jpeg: Path, count: int, out: Path) -> None:
    """Working images are made and payloads are packed and written by threads while the GPU encodes."""

    def working(_index: int) -> RgbImage:
        return working_image(jpeg, probe(jpeg))

    def store(index: int, embedding: Embedding) -> None:
        (out / str(index)).write_bytes(pack(embedding))

    with ThreadPoolExecutor() as makers, ThreadPoolExecutor() as writers:
        written: list[Future[None]] = []
        for batch in batched(makers.map(working, range(count)), model.max_batch):
            for embedding in model.encode(batch, [(4000, 3000)] * len(batch)):
                written.append(writers.submit(store, len(written), embedding))
        for one in written:
            one.result()


def batched(images: Iterator[RgbImage], size: int) -> Iterator[list[RgbImage]]:
    while batch := list(itertools.islice(images, size)):
        yield batch


def parts(model: Model, jpeg: Path) -> dict[str, float]:
    """Seconds of one image in each part, one after another."""
    start = time.perf_counter()
    image = working_image(jpeg, probe(jpeg))
    made = time.perf_counter()
    batch = [image] * model.max_batch
    embeddings = model.encode(batch, [(4000, 3000)] * len(batch))
    encoded = time.perf_counter()
    pack(embeddings[0])
    packed = time.perf_counter()
    return {
        "JPEG to working image": made - start,
        "encode": (encoded - made) / len(batch),
        "pack": packed - encoded,
    }


def report(registry: Registry, args: argparse.Namespace) -> None:
    manifest = registry.manifest(args.model)
    sam = load(registry.read(args.model, "checkpoint"), str(manifest.encoder.config), args.model)
    flops, ceiling = operations(sam), matrix_rate(args.device)
    images = [photo()] * args.images
    encoder = TorchEncoder(manifest, ImageEncoder(sam), Placement(torch.device(args.device)))
    encoder.warmup()
    model = Model(manifest, lambda: encoder, no_decoder)

    best, best_batch = 0.0, 1
    for batch in args.batches:
        encoder.max_batch = batch
        images_a_second = rate(lambda: encoder.encode(images), len(images))
        share = images_a_second * flops / ceiling
        print(
            f"encoder alone, batch {batch:3d} {images_a_second:8.1f} images/s, {share:.1%} of the matrix rate"
        )
        if images_a_second > best:
            best, best_batch = images_a_second, encoder.max_batch
    encoder.max_batch = best_batch

    with tempfile.TemporaryDirectory() as folder:
        jpeg = Path(folder) / "photo.jpg"
        Image.fromarray(photo(4000, 3000)).save(jpeg, quality=92)
        through = rate(lambda: from_jpeg_to_store(model, jpeg, args.images, Path(folder)), args.images)
        print(f"12-MP JPEG bytes to stored payload {through:8.1f} images/s")
        for name, seconds in parts(model, jpeg).items():
            print(f"  {name:24s} {seconds * 1000:8.1f} ms an image")
    plain = plain_loop(sam, args.device, images[:16])
    print(f"plain predictor loop              {plain:8.1f} images/s")
    print(f"encoder alone {best / plain:.1f} x the plain loop; JPEG to payload {through / plain:.1f} x")
    print(f"at ${args.usd_per_hour}/h: ${args.usd_per_hour / 3.6 / through:.4f} for 1,000 images")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default=NAME)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--usd-per-hour", type=float, default=0.80, help="of the GPU host")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    args = parser.parse_args()
    if args.device == "cuda" and not torch.cuda.is_available():
        print("no GPU here: this benchmark has not been run")
        return
    report(random_model(encoder=False), args)


if __name__ == "__main__":
    main()
