"""32 encode jobs at once, in batches and one by one, on a simulated session: 20 ms a run and 4 ms an image.

First the batcher by itself, then whole jobs: rows in Postgres, files, decoding, one worker.
"""

import asyncio
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog
from PIL import Image

from app.accounts.service import AccountService
from app.accounts.types import LOCAL_USER_ID
from app.db.embedded import EmbeddedPostgres
from app.db.migrations import migrate
from app.db.pool import open_pool
from app.engines.sam2 import Sam2Engine
from app.images.service import ImageService
from app.imaging.sandbox import probe
from app.jobs.claims import Claims
from app.jobs.events import Events
from app.jobs.service import JobService
from app.jobs.types import EncodeParams, JobKind, NewJob
from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.embedded import EmbeddedRedis
from app.queue.messages import embed_queue
from app.storage.local import LocalStore
from models.sessions.base import DecoderOutput, Embedding, Fit, Prompts, RgbImage, View
from workers.batcher import Batcher, BatchOptions
from workers.embed import BATCHES_AT_ONCE
from workers.handlers import embed_handlers
from workers.kit import Kit
from workers.leases import LeaseKeeper
from workers.options import Context, WorkerOptions
from workers.runtime import Runtime

JOBS = 32
BATCH = 16  # of a GPU (models/sessions/torch.py)
RUN_S, IMAGE_S = 0.020, 0.004
LIMIT = 0.35
ALONE, TOGETHER = BatchOptions(1, 0.0), BatchOptions(BATCH)


def simulated(count: int) -> None:
    time.sleep(RUN_S + IMAGE_S * count)


class Simulated:
    """A model whose encoder takes the time of a GPU and no core; its embeddings are small."""

    revision, max_batch, fit, dynamic_multimask = "simulated", BATCH, Fit.PAD, None
    codec_basis: bytes | None = None
    notes: tuple[str, ...] = ()

    def encode(self, images: Sequence[RgbImage], sizes: Sequence[tuple[int, int]]) -> list[Embedding]:
        simulated(len(images))
        tensors = {"image_embed": np.zeros((1, 16, 64, 64), np.float32)}
        return [Embedding("simulated", self.revision, size, tensors) for size in sizes]

    def warmup(self) -> None:
        """There is nothing to load."""

    def look(self, image: RgbImage, view: View) -> None:
        """No prior."""

    def decode(self, embedding: Embedding, prompts: Prompts) -> DecoderOutput:
        raise NotImplementedError("nobody asks for a proposal here")


@dataclass(frozen=True)
class Bench:
    dsn: str
    doorbell: ArqDoorbell
    context: Context
    jobs: JobService
    folder: Path

    async def queue(self) -> None:
        """Jobs over images that differ, so that each must be encoded."""
        images = ImageService(self.context.pool, self.context.store, self.jobs)
        for _ in range(JOBS):
            noise = np.random.default_rng().integers(0, 255, (48, 64, 3), np.uint8)
            path = self.folder / "photo.jpg"
            Image.fromarray(noise).save(path)
            image = await images.add(LOCAL_USER_ID, path, probe(path))
            params = EncodeParams(auto=False)
            await self.jobs.create(NewJob(LOCAL_USER_ID, JobKind.ENCODE, "simulated", image.id, params))

    async def seconds(self, batches: BatchOptions) -> float:
        await self.queue()
        keeper = LeaseKeeper(
            self.dsn,
            lambda pool: Claims(pool, self.doorbell, Events(None)),
            lease_s=30,
            timeout_s=300,
            kill_after_s=60,
        )
        slots = 1 if batches.size == 1 else BATCHES_AT_ONCE * batches.size
        context = self.context
        wide = Context(
            context.pool, context.store, context.doorbell, context.events, WorkerOptions(slots=slots)
        )
        engine = Sam2Engine(Simulated())
        handlers = embed_handlers(Kit(context.pool, context.store, lambda _name: engine), batches)
        runtime = Runtime(wide, embed_queue("simulated"), handlers, keeper)
        keeper.start()
        begun = time.perf_counter()
        await runtime.look()
        await runtime.idle()
        took = time.perf_counter() - begun
        keeper.stop()
        return took


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postgres under root drops to another user
        postgres, redis = EmbeddedPostgres(folder / "postgres"), EmbeddedRedis(folder / "redis")
        dsn, redis_url = postgres.start(), redis.start()
        migrate(dsn)
        pool, doorbell = await open_pool(dsn, 4, 16), ArqDoorbell(connect(redis_url))
        await AccountService(pool).ensure(LOCAL_USER_ID)
        events = Events(doorbell)
        context = Context(pool, LocalStore(folder / "store"), doorbell, events, WorkerOptions())
        yield Bench(dsn, doorbell, context, JobService(pool, doorbell, events), folder)
        await doorbell.close()
        await pool.close()
        redis.stop()
        postgres.stop()


async def batcher_alone(batches: BatchOptions) -> float:
    def work(values: Sequence[int]) -> Sequence[int]:
        simulated(len(values))
        return values

    batcher = Batcher(work, batches)
    begun = time.perf_counter()
    await asyncio.gather(*[batcher.submit(n) for n in range(JOBS)])
    return time.perf_counter() - begun


def told(what: str, together: float, alone: float) -> None:
    ratio = together / alone
    print(f"{what}: {together:.2f} s in batches, {alone:.2f} s one by one: {ratio:.2f} x (at most {LIMIT})")


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    told(f"the batcher, {JOBS} images", await batcher_alone(TOGETHER), await batcher_alone(ALONE))
    async with bench() as at:
        await at.seconds(TOGETHER)  # children that decode, connections, threads
        told(f"a worker, {JOBS} jobs", await at.seconds(TOGETHER), await at.seconds(ALONE))


if __name__ == "__main__":
    asyncio.run(main())
