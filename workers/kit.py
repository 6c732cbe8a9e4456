"""What the handlers of both workers share: rows, files and engines."""

import functools
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from app.commands.models import model_errors
from app.db.pool import Pool, connection
from app.engines.sam2 import Sam2Engine
from app.images import repository
from app.images.errors import ImageNotFound
from app.images.reuse import reuse
from app.images.types import EmbeddingRow, Image
from app.jobs.types import Job
from app.settings import Settings
from app.storage.base import ObjectStore
from models.registry import Registry

Engines = Callable[[str], Sam2Engine]
"""By model name; the same engine each time."""


@dataclass(frozen=True, slots=True)
class Kit:
    pool: Pool
    store: ObjectStore
    engines: Engines

    async def image(self, job: Job, image_id: UUID | None = None) -> Image:
        """The job's image, or another one of its user. Raises ImageNotFound."""
        async with connection(self.pool) as conn:
            image = await repository.find(conn, job.user_id, image_id or job.image_id)
        if image is None:
            raise ImageNotFound("no such image")
        return image

    async def embedding(self, job: Job) -> EmbeddingRow | None:
        async with connection(self.pool) as conn:
            return await repository.embedding(conn, job.user_id, job.image_id, job.model)

    async def reuse(self, image: Image, model: str, revision: str, *, auto: bool) -> EmbeddingRow | None:
        """See app.images.reuse."""
        return await reuse(self.pool, self.store, image, model, revision, auto=auto)

    async def small(self, key: str, end: int | None = None) -> bytes:
        """A mask (50 KB), or an embedding as it is sent (0.2 MB): its first `end` bytes."""
        return b"".join([chunk async for chunk in self.store.read(key, end=end)])

    @asynccontextmanager
    async def files(self, *images: Image | None) -> AsyncIterator[list[Path | None]]:
        """The originals as local files."""
        async with AsyncExitStack() as stack:
            lend = stack.enter_async_context
            yield [None if i is None else await lend(self.store.local(i.storage_key)) for i in images]


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder for the files of one run."""
    with tempfile.TemporaryDirectory(prefix="cutout-run-") as folder:
        yield Path(folder)


def open_engines(settings: Settings, warm: str | None = None) -> Engines:
    """Models are opened when first asked for; `warm` now, so that no job pays for it. Raises ModelFailed."""
    registry = Registry(settings.models_dir)

    @functools.cache
    def opened(name: str) -> Sam2Engine:
        with model_errors():
            engine = Sam2Engine(
                registry.open(
                    name,
                    settings.threads,
                    settings.providers,
                    device=settings.device,
                    vram_bytes=settings.vram_bytes,
                )
            )
            if name == warm:
                engine.warmup()
        return engine

    if warm is not None:
        opened(warm)
    return opened
