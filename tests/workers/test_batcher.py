"""Jobs that come together meet in the encoder; an error stays with its job."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from PIL import Image as Pillow

from app.db.pool import Pool
from app.engines.sam2 import Sam2Engine
from app.images.service import ImageService
from app.imaging.probe import probe
from app.jobs.service import JobService
from app.jobs.types import EncodeParams, Job, JobKind, JobStatus, NewJob
from app.storage.local import LocalStore
from models.errors import DeviceLost, ModelError, OutOfMemory
from models.sessions.base import DecoderOutput, Embedding, Fit, Prompts, RgbImage, View
from tests.rows import a_user
from tests.workers.conftest import OPTIONS
from workers.batcher import Batcher, BatchOptions
from workers.handlers import embed_handlers
from workers.kit import Kit
from workers.leases import LeaseKeeper
from workers.options import Context
from workers.runtime import Runtime

LONG_S = 60.0
"""Longer than any test: a batch that is not full would never go."""
BAD = 200
"""A grey that the simulated encoder cannot take."""


class Doubler:
    """Work that notes its batches; the first one waits for `go`."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, values: Sequence[int]) -> list[int]:
        self.batches.append(list(values))
        self.begun.set()
        assert self.go.wait(LONG_S)
        if any(value < 0 for value in values):
            raise ValueError(min(values))
        return [2 * value for value in values]


@pytest.fixture
def double() -> Doubler:
    work = Doubler()
    work.go.set()
    return work


async def test_a_full_batch_goes_at_once(double: Doubler) -> None:
    batcher = Batcher(double, BatchOptions(4, LONG_S))
    done = await asyncio.gather(*[batcher.submit(n) for n in range(8)])
    assert [one.value for one in done] == [0, 2, 4, 6, 8, 10, 12, 14]
    assert {one.size for one in done} == {4}
    assert double.batches == [[0, 1, 2, 3], [4, 5, 6, 7]]


async def test_one_alone_goes_after_its_wait(double: Doubler) -> None:
    done = await Batcher(double, BatchOptions(4, 0.01)).submit(1)
    assert (done.value, done.size) == (2, 1)
    assert done.waited_s >= 0.01


async def test_what_comes_while_the_encoder_works_is_the_next_batch(double: Doubler) -> None:
    double.go.clear()
    batcher = Batcher(double, BatchOptions(8, 0.0))
    first = asyncio.create_task(batcher.submit(0))
    await asyncio.to_thread(double.begun.wait)
    others = [asyncio.create_task(batcher.submit(n)) for n in range(1, 13)]
    await asyncio.sleep(0)
    double.go.set()
    await asyncio.gather(first, *others)
    assert [len(batch) for batch in double.batches] == [1, 8, 4]


async def test_a_bad_one_fails_alone(double: Doubler) -> None:
    batcher = Batcher(double, BatchOptions(4, LONG_S))
    done = await asyncio.gather(*[batcher.submit(n) for n in (1, -2, 3, 4)], return_exceptions=True)
    assert isinstance(done[1], ValueError)
    assert [one.value for one in done if not isinstance(one, BaseException)] == [2, 6, 8]
    assert double.batches == [[1, -2, 3, 4], [1], [-2], [3], [4]]


async def test_after_a_fatal_error_nothing_is_tried_again(double: Doubler) -> None:
    batcher = Batcher(double, BatchOptions(3, LONG_S), fatal=(ValueError,))
    done = await asyncio.gather(*[batcher.submit(n) for n in (1, -2, 3)], return_exceptions=True)
    assert [type(one) for one in done] == [ValueError] * 3
    assert len(double.batches) == 1


async def test_who_left_is_not_worked_for(double: Doubler) -> None:
    double.go.clear()
    batcher = Batcher(double, BatchOptions(2, 0.0))
    first = asyncio.create_task(batcher.submit(0))
    await asyncio.to_thread(double.begun.wait)
    left, stayed = asyncio.create_task(batcher.submit(1)), asyncio.create_task(batcher.submit(2))
    await asyncio.sleep(0)
    left.cancel()
    double.go.set()
    await asyncio.gather(first, stayed)
    assert double.batches == [[0], [2]]


async def test_too_few_answers_are_an_error_and_not_a_wait() -> None:
    with pytest.raises(ValueError, match="zip"):
        await Batcher[int, int](lambda _values: [], BatchOptions(1, 0.0)).submit(1)


class Simulated:
    """A promptable model without weights: notes its batches, may refuse a grey."""

    revision, max_batch, fit, dynamic_multimask = "1", 8, Fit.PAD, None
    codec_basis: bytes | None = None
    notes: tuple[str, ...] = ()

    def __init__(self, error: ModelError) -> None:
        self.batches: list[int] = []
        self._error = error

    def warmup(self) -> None:
        """There is nothing to load."""

    def look(self, image: RgbImage, view: View) -> None:
        """No prior."""

    def encode(self, images: Sequence[RgbImage], sizes: Sequence[tuple[int, int]]) -> list[Embedding]:
        self.batches.append(len(images))
        if any(image.mean() == BAD for image in images):
            raise self._error
        tensors = {"image_embed": np.zeros((1, 256, 64, 64), np.float32)}
        return [Embedding("lite", self.revision, size, tensors) for size in sizes]

    def decode(self, embedding: Embedding, prompts: Prompts) -> DecoderOutput:
        raise NotImplementedError


class Line:
    """Encode jobs of one user, and the worker that takes all of them at once."""

    def __init__(self, pool: Pool, store: LocalStore, jobs: JobService, owner: UUID, folder: Path) -> None:
        self._images = ImageService(pool, store, jobs)
        self._jobs, self._owner, self._folder = jobs, owner, folder

    async def job(self, grey: int, *, broken: bool = False) -> Job:
        path = self._folder / f"{grey}.png"
        Pillow.fromarray(np.full((32, 32, 3), grey, np.uint8)).save(path)
        info = probe(path)
        if broken:
            path.write_bytes(path.read_bytes()[:60])
        image = await self._images.add(self._owner, path, info)
        params = EncodeParams(auto=False)
        return await self._jobs.create(NewJob(self._owner, JobKind.ENCODE, "lite", image.id, params))

    async def now(self, job: Job) -> Job:
        return await self._jobs.get(self._owner, job.id)


@pytest.fixture
def line(pool: Pool, store: LocalStore, jobs: JobService, dsn: str, tmp_path: Path) -> Line:
    return Line(pool, store, jobs, a_user(dsn), tmp_path)


async def served(
    context: Context, keeper: LeaseKeeper, model: Simulated, jobs: Sequence[Job], batch: int
) -> Runtime:
    """All jobs at once, in batches that wait until they are full."""
    kit = Kit(context.pool, context.store, lambda _name: Sam2Engine(model))
    wide = replace(context, options=replace(OPTIONS, slots=len(jobs)))
    runtime = Runtime(wide, "embed:lite", embed_handlers(kit, BatchOptions(batch, LONG_S)), keeper)
    await runtime.look()
    await runtime.idle()
    return runtime


async def test_jobs_are_one_run_of_the_encoder_and_a_broken_file_fails_alone(
    context: Context, keeper: LeaseKeeper, line: Line
) -> None:
    model = Simulated(OutOfMemory("too large"))
    jobs = [await line.job(grey) for grey in range(6)]
    bad = await line.job(6, broken=True)
    await served(context, keeper, model, [*jobs, bad], batch=6)
    assert model.batches == [6]
    for job in [await line.now(job) for job in jobs]:
        assert job.status is JobStatus.SUCCEEDED, job.error
        assert job.timings["batch_size"] == 6
        assert {"queue_wait", "decode", "batch_wait", "encode", "codec", "store"} <= job.timings.keys()
    failed = await line.now(bad)
    assert failed.status is JobStatus.FAILED
    assert failed.error is not None
    assert failed.error["code"] != "internal"


async def test_an_image_that_the_encoder_cannot_take_fails_alone(
    context: Context, keeper: LeaseKeeper, line: Line
) -> None:
    model = Simulated(OutOfMemory("one image does not fit"))
    jobs = [await line.job(grey) for grey in (1, BAD, 3, 4)]
    await served(context, keeper, model, jobs, batch=4)
    assert model.batches == [4, 1, 1, 1, 1]
    ended = [await line.now(job) for job in jobs]
    assert [job.status for job in ended] == ["succeeded", "failed", "succeeded", "succeeded"]
    assert ended[1].error == {"code": "gpu_out_of_memory", "message": "one image does not fit"}


async def test_a_worker_whose_gpu_is_lost_gives_its_jobs_back_and_goes(
    context: Context, keeper: LeaseKeeper, line: Line
) -> None:
    model = Simulated(DeviceLost("the GPU failed"))
    jobs = [await line.job(grey) for grey in (1, BAD, 3)]
    runtime = await served(context, keeper, model, jobs, batch=3)
    assert model.batches == [3]
    assert runtime.leaving.is_set()
    assert runtime.broken is not None
    assert runtime.broken.exit_code != 0
    for job in [await line.now(job) for job in jobs]:
        assert (job.status, job.attempt, job.crashes) == (JobStatus.QUEUED, 0, 0)
