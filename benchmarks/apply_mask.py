"""A 12-MP JPEG through the real mask worker, from message to stored PNG, beside the plain Pillow way.

    python -m benchmarks.apply_mask [--runs 9]

Postgres, Redis and the worker are real processes. The plain way is decode, resize the mask, crop, save, in a
process of its own. Runs are interleaved, so that what else the machine does falls on both alike; medians.
"""

import argparse
import asyncio
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from skimage import data
from uuid_utils.compat import uuid7

from app.accounts.service import AccountService
from app.accounts.types import LOCAL_USER_ID
from app.db.embedded import EmbeddedPostgres
from app.db.migrations import migrate
from app.db.pool import open_pool
from app.engines.sam2 import Sam2Engine
from app.images.service import ImageService
from app.imaging.probe import probe
from app.jobs.events import Events
from app.jobs.service import JobService
from app.jobs.types import ApplyParams, Job, JobKind, NewJob
from app.matting.options import CutoutOptions
from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.embedded import EmbeddedRedis
from app.settings import EmbeddedSettings
from app.storage import keys
from app.storage.local import LocalStore
from models.registry import Registry

SIZE = (4240, 2832)
"""12.0 MP."""


def photo(path: Path) -> None:
    """A cup (CC0, scikit-image), enlarged, with the grain that a real photo has and PNG must carry."""
    large = Image.fromarray(data.coffee()).resize(SIZE, Image.Resampling.BICUBIC)  # type: ignore[no-untyped-call]
    grain = np.random.default_rng(0).normal(0, 3, (SIZE[1], SIZE[0], 1))
    noisy = np.clip(np.asarray(large, np.float32) + grain, 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(path, quality=92)


def pillow_way(image: Path, mask: Path, out: Path) -> None:
    """What a script of ten lines does."""
    with Image.open(image) as opened, Image.open(mask) as low:
        alpha = low.resize(opened.size, Image.Resampling.BICUBIC)
        cutout = opened.convert("RGB")
        cutout.putalpha(alpha)
        cutout.crop(alpha.point(lambda value: 255 * (value > 127)).getbbox()).save(out, dpi=(300, 300))


def pillow_run(folder: Path) -> tuple[float, float]:
    """(seconds, peak MB) of the plain way, the interpreter's start not counted."""
    command = [sys.executable, "-m", "benchmarks.apply_mask", "--pillow", str(folder)]
    seconds, peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(seconds), float(peak)


def pillow_main(folder: Path) -> None:
    begun = time.perf_counter()
    pillow_way(folder / "photo.jpg", folder / "mask.png", folder / "pillow.png")
    seconds = time.perf_counter() - begun
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)


@dataclass(frozen=True)
class Bench:
    jobs: JobService
    new: NewJob

    async def run(self) -> Job:
        job = await self.jobs.create(self.new)
        while not job.status.ended:
            await asyncio.sleep(0.02)
            job = await self.jobs.get(LOCAL_USER_ID, job.id)
        assert job.result, job.error
        return job


@contextlib.contextmanager
def mask_worker(settings: EmbeddedSettings) -> Iterator[psutil.Process]:
    services = settings.services()
    environment = os.environ | {"CUTOUT_DATA_DIR": str(settings.data_dir), "CUTOUT_LOG_LEVEL": "warning"}
    command = [
        sys.executable,
        "-m",
        "app.cli",
        "embedded",
        "mask",
        services.database_url,
        services.redis_url,
        "0",
    ]
    with subprocess.Popen(command, env=environment) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


@contextlib.asynccontextmanager
async def bench(settings: EmbeddedSettings, folder: Path) -> AsyncIterator[Bench]:
    services, store = settings.services(), LocalStore(settings.storage_dir)
    pool = await open_pool(services.database_url)
    doorbell = ArqDoorbell(connect(services.redis_url))
    await AccountService(pool).ensure(LOCAL_USER_ID)
    jobs = JobService(pool, doorbell, Events(None))
    source = folder / "photo.jpg"
    image = await ImageService(pool, store, jobs).add(LOCAL_USER_ID, source, probe(source), "photo.jpg")
    key = keys.mask(LOCAL_USER_ID, image.id, uuid7())
    await store.put(key, folder / "mask.png", "image/png")
    params = ApplyParams(mask_key=key, options=CutoutOptions(matting="off"))
    yield Bench(jobs, NewJob(LOCAL_USER_ID, JobKind.APPLY_MASK, "lite", image.id, params))
    await doorbell.close()
    await pool.close()


async def measure(settings: EmbeddedSettings, folder: Path, runs: int) -> None:
    ours: list[Job] = []
    plain: list[tuple[float, float]] = []
    async with bench(settings, folder) as ready:
        with mask_worker(settings) as worker:
            await ready.run()  # compiles, and fills the page cache
            for _ in range(runs):
                ours.append(await ready.run())
                plain.append(await asyncio.to_thread(pillow_run, folder))
            peak = peak_mb(worker)
    report(ours, peak, plain)


def report(ours: list[Job], peak: float, plain: list[tuple[float, float]]) -> None:
    total = statistics.median(seconds(job) for job in ours)
    pillow = statistics.median(run[0] for run in plain)
    print(f"{'':34s}{'seconds':>9s}{'peak MB':>10s}")
    print(f"{'mask worker, message to stored PNG':34s}{total:9.2f}{peak:10.0f}   (at most 1.00 s, 500 MB)")
    print(f"{'plain Pillow':34s}{pillow:9.2f}{max(run[1] for run in plain):10.0f}")
    print(f"{pillow / total:.1f} x as fast; of it, by step:")
    for step in ours[0].timings:
        spent = statistics.median(job.timings[step] for job in ours)
        if spent >= 0.005:
            print(f"  {step:12s}{spent:7.3f} s")


def seconds(job: Job) -> float:
    """From the message to the stored result, the pick-up included."""
    assert job.finished_at
    return (job.finished_at - job.created_at).total_seconds()


def peak_mb(process: psutil.Process) -> float:
    """The largest resident size that the worker and its children together may have had."""
    return sum(_peak_mb(each.pid) for each in [process, *process.children(recursive=True)])


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1.024 / 1000


def prepare(folder: Path, registry: Registry) -> None:
    photo(folder / "photo.jpg")
    mask = Sam2Engine(registry.open("lite")).encode(folder / "photo.jpg").mask
    assert mask
    (folder / "mask.png").write_bytes(mask)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--pillow", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.pillow:
        pillow_main(args.pillow)
        return
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as running:
        folder = Path(name)
        folder.chmod(0o755)  # Postgres drops root's rights and must still reach its data
        postgres, redis = EmbeddedPostgres(folder / "postgres"), EmbeddedRedis(folder / "redis")
        running.callback(postgres.stop)
        running.callback(redis.stop)
        settings = EmbeddedSettings.load(
            database_url=postgres.start(), redis_url=redis.start(), data_dir=folder
        )
        registry = Registry(settings.models_dir)
        registry.pull("lite")
        prepare(folder, registry)
        migrate(settings.services().database_url)
        asyncio.run(measure(settings, folder, args.runs))


if __name__ == "__main__":
    main()
