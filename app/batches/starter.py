"""Items become images and jobs, a few at a time, in whichever worker has a moment: the rows say whose turn
it is. Credits are reserved with each job, so an empty balance fails the items that it does not pay for.
"""

import asyncio
import contextlib
import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import structlog

from app.batches import repository
from app.batches.errors import ItemGone, ItemQuarantined, ZipEntryDamaged
from app.batches.types import Begun, FileSource, UrlSource, ZipSource
from app.batches.unzip import unpacked
from app.db.pool import Connection, Pool, connection, transaction
from app.errors import AppError, Internal, Unavailable
from app.images.errors import ImageNotFound
from app.images.service import ImageService
from app.imaging.sandbox import probe
from app.jobs.errors import QueueFull, TooManyJobs
from app.jobs.service import JobService
from app.jobs.types import BATCH, JobKind, NewJob, RemoveParams
from app.matting.options import CutoutOptions
from app.net.client import GuardedClient
from app.net.errors import UrlTimeout, UrlUnreachable
from app.storage import keys
from app.storage.base import ObjectStore
from app.storage.errors import ObjectMissing

LOOK_S = 0.5
"""Between two looks while there is nothing to begin: one indexed query each."""
TIDY_S = 60.0
AT_ONCE = 4
"""Items that one worker begins at a time: 60 a second from disk, and no more than four downloads."""
WINDOW = 32
"""Jobs of a batch under way: what many workers take in a look or two, and what a pause takes back."""
LEASE_S = 8.0
"""Renewed every LOOK_S: what a killed worker was beginning is begun again after it."""
QUARANTINE = 6
"""Workers that an item may end, as with jobs (DESIGN §8)."""
MAX_ATTEMPTS = 3
BACKOFF_S = (5.0, 30.0)
FORGOTTEN_S = 86_400.0
"""A batch that got nothing for a day is closed: whoever fed it will not come back."""
KEEP_SOURCES_S = 7 * 86_400.0
"""Files of items that failed, for `retry`."""
_TIDY_AT_ONCE = 100
_MAY_PASS = (UrlTimeout, UrlUnreachable)

_log = structlog.get_logger(__name__)


class Starter:
    def __init__(
        self, pool: Pool, store: ObjectStore, client: GuardedClient, images: ImageService, jobs: JobService
    ) -> None:
        self._pool = pool
        self._store = store
        self._client = client
        self._images = images
        self._jobs = jobs
        self._held: dict[UUID, int] = {}
        """Items that are being begun, with their fences."""
        self._looked_at = -math.inf
        self._room = asyncio.Event()

    async def run(self) -> None:
        """Begin what may be begun and end what has ended, until cancelled; waits out what is unavailable."""
        tidied_at = -math.inf
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._room.clear()
                try:
                    for item in await self._begin(AT_ONCE - len(self._held)):
                        tasks.create_task(self._start(item))
                    await self._keep_and_finish()
                    if time.monotonic() - tidied_at >= TIDY_S:
                        await self.tidy()
                        tidied_at = time.monotonic()
                except Unavailable as error:
                    _log.warning("batches wait", code=error.code)
                await self._wait()

    async def _begin(self, count: int) -> list[Begun]:
        if count <= 0:
            return []
        values = {"window": WINDOW, "count": count, "lease_s": LEASE_S}
        async with transaction(self._pool) as conn:
            begun = await repository.begin(conn, values)
        self._held |= {item.id: item.starts for item in begun}
        return begun

    async def _wait(self) -> None:
        """Until an item has made room for the next, or LOOK_S."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._room.wait()

    async def tidy(self) -> None:
        """Now and then: close what is forgotten, remove files that no item needs. Raises Unavailable."""
        async with connection(self._pool) as conn:
            await repository.close_forgotten(conn, FORGOTTEN_S)
            needless = await repository.needless_sources(conn, KEEP_SOURCES_S, _TIDY_AT_ONCE)
        for batch in needless:
            async with connection(self._pool) as conn:
                forgotten = await repository.forget_sources(conn, batch.id)
            if forgotten:
                await self._store.delete(await self._store.list(keys.batch_prefix(batch.user_id, batch.id)))

    async def _keep_and_finish(self) -> None:
        """Every LOOK_S: renew our leases, take back those of the dead, end what has ended."""
        if time.monotonic() - self._looked_at < LOOK_S:
            return
        self._looked_at = time.monotonic()
        async with transaction(self._pool) as conn:
            if self._held:
                await repository.renew(conn, self._held, LEASE_S)
            dead = ItemQuarantined("the file ended every worker that took it")
            await repository.mend(conn, QUARANTINE, dead)
            finished = await repository.finish(conn)
        for batch_id in finished:
            _log.info("batch finished", batch=str(batch_id))

    async def _start(self, item: Begun) -> None:
        """Ends with a job, or with the item's row saying why not."""
        try:
            image_id = item.image_id or await self._image(item)
            await self._job(item, image_id)
        except ItemGone:
            _log.info("item lost: canceled, paused, or begun by another", item=str(item.id))
        except AppError as error:
            await self._settle(item, error)
        except asyncio.CancelledError:
            await asyncio.shield(self._put_back(item))
            raise
        except Exception:
            _log.exception("item not begun", item=str(item.id))
            await self._settle(item, Internal("something went wrong on our side"))
        finally:
            self._held.pop(item.id, None)
            self._room.set()

    async def _image(self, item: Begun) -> UUID:
        """Stored, and the row says so. Raises ItemGone, what is wrong with the file or its URL."""
        with tempfile.TemporaryDirectory(prefix="cutout-item-") as folder:
            path = await self._fetched(item, Path(folder) / "image")
            info = await asyncio.to_thread(probe, path)
            image = await self._images.add(item.batch.user_id, path, info, item.name)
        async with connection(self._pool) as conn:
            ours = await repository.has_image(conn, item, image.id)
        if not ours:
            await self._images.delete(image.user_id, image.id)
            raise ItemGone("the item is not ours any more")
        if isinstance(item.source, FileSource):
            await self._store.delete([item.source.key])
        return image.id

    async def _fetched(self, item: Begun, target: Path) -> Path:
        match item.source:
            case UrlSource(url=url):
                return (await self._client.fetch_image(url, target)).path
            case ZipSource() as source:
                await unpacked(self._store, source, target)
            case FileSource(key=key):
                with target.open("wb") as file:
                    async for chunk in self._store.read(key):
                        await asyncio.to_thread(file.write, chunk)
            case None:
                raise ImageNotFound("the file of this item is gone")
        return target

    async def _job(self, item: Begun, image_id: UUID) -> None:
        batch = item.batch
        new = NewJob(
            user_id=batch.user_id,
            kind=JobKind.REMOVE,
            model=batch.model,
            image_id=image_id,
            params=RemoveParams(options=CutoutOptions.model_validate(batch.options)),
            priority=BATCH,
            request_id=batch.request_id,
            batch_id=batch.id,
        )
        await self._jobs.create(new, _Named(item))

    async def _settle(self, item: Begun, error: AppError) -> None:
        """Later again where it may pass, else the item's end. What cannot be written ends with the lease."""
        full = isinstance(error, QueueFull | TooManyJobs)
        passing = error.retryable or isinstance(error, _MAY_PASS)
        try:
            async with connection(self._pool) as conn:
                if full:
                    wait = error.extra.get("retry_after")
                    await repository.put_back(conn, item, float(str(wait or BACKOFF_S[0])), counts=False)
                elif passing and item.attempt + 1 < MAX_ATTEMPTS:
                    await repository.put_back(conn, item, BACKOFF_S[item.attempt], counts=True)
                else:
                    await repository.fail(conn, item, error, keep_source=_may_end_otherwise(item, error))
        except Unavailable:
            _log.warning("item not settled", item=str(item.id))
        _log.info("item not begun", item=str(item.id), code=error.code)

    async def _put_back(self, item: Begun) -> None:
        """The worker leaves: another one may begin it at once."""
        with contextlib.suppress(Unavailable):
            async with connection(self._pool) as conn:
                await repository.put_back(conn, item, 0, counts=False)


@dataclass(frozen=True, slots=True)
class _Named:
    """Written with the job, or there is no job."""

    item: Begun

    async def name(self, conn: Connection, resource_id: UUID) -> None:
        """Raises ItemGone."""
        if not await repository.has_job(conn, self.item, resource_id):
            raise ItemGone("the item is not ours any more")


def _may_end_otherwise(item: Begun, error: AppError) -> bool:
    """A URL may answer another time, credits may come; a broken file stays broken."""
    if isinstance(item.source, UrlSource):
        return True
    return error.status >= 500 and not isinstance(error, ZipEntryDamaged | ObjectMissing)
