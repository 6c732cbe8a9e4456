"""What the embed worker is made of, with the real model."""

import asyncio
import contextlib

import pytest

from app.queue.arq_adapter import ArqDoorbell
from app.queue.messages import embed_queue
from app.settings import Settings
from models.registry import Registry
from workers.embed import worker_settings
from workers.options import Context, WorkerOptions


async def test_an_encoder_without_its_driver_runs_on_the_cpu_and_says_so(
    registry: Registry, context: Context, doorbell: ArqDoorbell, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(models_dir=registry.root, providers=("CUDAExecutionProvider", "CPUExecutionProvider"))
    worker = worker_settings(settings, WorkerOptions(), "lite")
    note = "encoder on CPU: CUDAExecutionProvider is not available here"
    assert note in capsys.readouterr().out
    (say,) = worker.background
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2):
            await say(context)  # at once, and again every few seconds
    assert await doorbell.notes(embed_queue("lite")) == (note,)


async def test_an_encoder_that_runs_as_asked_says_nothing(registry: Registry) -> None:
    worker = worker_settings(Settings(models_dir=registry.root), WorkerOptions(), "lite")
    assert worker.background == ()
    assert (worker.queue, worker.options.slots) == ("embed:lite", 2)
