"""The embed worker with the real model: what it says of its device, and how it ends without it."""

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from structlog.testing import LogCapture

from app.db.pool import Pool
from app.images.service import ImageService
from app.imaging.probe import probe
from app.jobs.service import JobService
from app.jobs.types import EncodeParams, JobKind, JobStatus, NewJob
from app.queue.arq_adapter import ArqDoorbell
from app.queue.messages import embed_queue
from app.settings import Settings
from app.storage.local import LocalStore
from models.registry import Registry
from tests.data.photos import CAT
from tests.rows import a_user
from workers import embed
from workers.kit import open_engines
from workers.options import Context, WorkerOptions
from workers.run import WorkerBroken


async def test_an_encoder_without_its_driver_runs_on_the_cpu_and_says_so(
    registry: Registry, context: Context, doorbell: ArqDoorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = LogCapture()
    monkeypatch.setattr(embed, "_log", structlog.wrap_logger(None, processors=[said]))
    settings = Settings(models_dir=registry.root, providers=("CUDAExecutionProvider", "CPUExecutionProvider"))
    worker = embed.worker_settings(settings, WorkerOptions(), "lite")
    note = "encoder on CPU: CUDAExecutionProvider is not available here"
    assert [entry["event"] for entry in said.entries] == [note]
    (say,) = worker.background
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2):
            await say(context)  # at once, and again every few seconds
    assert await doorbell.notes(embed_queue("lite")) == (note,)


async def test_an_encoder_that_runs_as_asked_says_nothing(registry: Registry) -> None:
    worker = embed.worker_settings(Settings(models_dir=registry.root), WorkerOptions(), "lite")
    assert worker.background == ()
    assert (worker.queue, worker.options.slots) == ("embed:lite", 2)


def test_the_device_that_is_asked_for_is_the_encoders(
    fake_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    asked = {
        device: open_engines(Settings(models_dir=fake_registry.root, device=device))("fake-tiny").notes
        for device in ("cpu", "cuda", "auto")
    }
    assert asked["cpu"] == ()
    assert asked["cuda"] == asked["auto"]
    assert asked["auto"][0].startswith("encoder on CPU: ")


LOSES_ITS_GPU = """
import sys
from app.cli import main
from app.engines.sam2 import Sam2Engine
from models.errors import DeviceLost
def embed(engine, images):
    raise DeviceLost("CUDA error: the device is lost")
Sam2Engine.embed = embed
sys.argv = ["cutout", "worker", "embed"]
main()
"""


async def test_a_worker_whose_gpu_is_lost_gives_its_job_back_and_exits_with_an_error(
    registry: Registry,
    pool: Pool,
    dsn: str,
    redis_url: str,
    jobs: JobService,
    tmp_path: Path,
) -> None:
    owner = a_user(dsn)
    images = ImageService(pool, LocalStore(tmp_path / "storage"), jobs)
    image = await images.add(owner, CAT.path, probe(CAT.path))
    job = await jobs.create(NewJob(owner, JobKind.ENCODE, "lite", image.id, EncodeParams()))
    environment = {
        "DATABASE_URL": dsn,
        "REDIS_URL": redis_url,
        "CUTOUT_DATA_DIR": str(tmp_path),
        "CUTOUT_MODELS_DIR": str(registry.root),
        "CUTOUT_MODEL": "lite",
    }
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOSES_ITS_GPU, env=os.environ | environment, stderr=subprocess.PIPE
    )
    _, said = await worker.communicate()
    assert worker.returncode == WorkerBroken.exit_code != 0
    assert said.decode().splitlines()[-1].endswith("[worker_broken]")
    back = await jobs.get(owner, job.id)
    assert (back.status, back.attempt, back.crashes) == (JobStatus.QUEUED, 0, 0)
