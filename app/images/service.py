"""Images of a user: stored once, never altered; everything derived goes with them."""

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import uuid_utils

from app.db.page import Page, after, cut
from app.db.pool import Pool, connection, transaction
from app.engines.errors import SubjectNotFound
from app.errors import Unavailable
from app.images import repository
from app.images.crops import add_crop, check_crop, standing_crop
from app.images.errors import EmbeddingNotFound, ImageNotFound
from app.images.reuse import reuse
from app.images.types import EmbeddingRow, Image, ProposalRow
from app.imaging.encode import encode
from app.imaging.sandbox import probe, working_image
from app.imaging.types import Box, Format, ImageInfo, Picture
from app.jobs.repository import cancel_of_images
from app.jobs.service import JobService
from app.storage import keys
from app.storage.base import ObjectStore

RETENTION_S = 30 * 86_400.0
"""How long an image and what derives from it are kept."""


class ImageService:
    def __init__(self, pool: Pool, store: ObjectStore, jobs: JobService) -> None:
        self._pool = pool
        self._store = store
        self._jobs = jobs

    async def add(self, user_id: UUID, upload: Path, info: ImageInfo, filename: str | None = None) -> Image:
        """Store the bytes, then the row: no row ever points at nothing. Raises StorageUnavailable."""
        image_id = UUID(bytes=uuid_utils.uuid7().bytes)
        key = keys.image(user_id, image_id, info.format.extension)
        try:
            stored = await self._store.put(key, upload, info.content_type)
            values = {
                "id": image_id,
                "user_id": user_id,
                "storage_key": key,
                "sha256": stored.sha256,
                "width": info.width,
                "height": info.height,
                "format": info.format,
                "bytes": stored.bytes,
                "filename": filename,
                "retention_s": RETENTION_S,
            }
            async with connection(self._pool) as conn:
                return await repository.insert(conn, values)
        except BaseException:  # also of a `put`: it may have come further than it says
            await asyncio.shield(self._store.delete([key]))
            raise

    async def get(self, user_id: UUID, image_id: UUID) -> Image:
        """Raises ImageNotFound."""
        async with connection(self._pool) as conn:
            image = await repository.find(conn, user_id, image_id)
        if image is None:
            raise ImageNotFound("no such image")
        return image

    async def list(self, user_id: UUID, cursor: str | None = None, limit: int = 50) -> Page[Image]:
        """Newest first. Raises BadCursor."""
        async with connection(self._pool) as conn:
            images = await repository.page(conn, user_id, after(cursor), limit + 1)
        return cut(images, [image.id for image in images], limit)

    async def delete(self, user_id: UUID, image_id: UUID) -> None:
        """The image, its crops, everything derived from them, and their running jobs. Raises ImageNotFound.

        Invisible when the transaction stands. Its files go next; those of its crops, which may be many, are
        the sweeper's, and all of them where the store is away.
        """
        async with transaction(self._pool) as conn:
            buried = await repository.bury(conn, user_id, image_id)
            if not buried:
                raise ImageNotFound("no such image")
            canceled = await self._jobs.cancel_of_images(conn, buried)
        await self._jobs.announce_changes(canceled)
        with suppress(Unavailable):
            await purge(self._pool, self._store, user_id, image_id)

    async def working(self, user_id: UUID, image_id: UUID) -> str:
        """Storage key of the working image (JPEG), made now where nobody did. Raises ImageNotFound."""
        image = await self.get(user_id, image_id)
        if image.working_key is not None:
            return image.working_key
        with tempfile.TemporaryDirectory(prefix="cutout-") as folder:
            out = Path(folder) / "working.jpg"
            async with self._store.local(image.storage_key) as original:
                await asyncio.to_thread(write_working, original, out)
            key = keys.working(user_id, image_id, uuid_utils.uuid7().hex, "jpg")
            await self._store.put(key, out, Format.JPG.content_type)
        async with connection(self._pool) as conn:
            standing = await repository.save_working(conn, image_id, key)
        if standing != key:
            await self._store.delete([key])
        if standing is None:  # deleted meanwhile
            raise ImageNotFound("no such image")
        return standing

    async def embedding(self, user_id: UUID, image_id: UUID, model: str) -> EmbeddingRow:
        """Raises ImageNotFound, EmbeddingNotFound."""
        await self.get(user_id, image_id)
        async with connection(self._pool) as conn:
            found = await repository.embedding(conn, user_id, image_id, model)
        if found is None:
            raise EmbeddingNotFound(f"the image was not encoded with {model}")
        return found

    async def crop(self, image: Image, box: Box) -> Image | None:
        """The crop that is there. Raises CropInvalid, CropOfCrop, TooManyCrops."""
        check_crop(box, image)
        async with connection(self._pool) as conn:
            return await standing_crop(conn, image, box)

    async def add_crop(self, image: Image, box: Box) -> tuple[Image, bool]:
        """See app.images.crops."""
        return await add_crop(self._pool, self._store, image, box)

    async def reuse(self, image: Image, model: str, revision: str, *, auto: bool) -> EmbeddingRow | None:
        """See app.images.reuse."""
        return await reuse(self._pool, self._store, image, model, revision, auto=auto)

    async def proposal(self, user_id: UUID, image_id: UUID, model: str) -> ProposalRow:
        """The automatic subject. Raises ImageNotFound, EmbeddingNotFound, SubjectNotFound."""
        row = await self.embedding(user_id, image_id, model)
        if row.proposal is None:
            raise SubjectNotFound("no subject was found" if row.proposed else "no subject was looked for")
        return row.proposal


async def to_purge(pool: Pool, limit: int) -> list[tuple[UUID, UUID]]:
    """(user, image) of those deleted or past their time, whose jobs end first, as with a deletion."""
    async with transaction(pool) as conn:
        await cancel_of_images(conn, await repository.bury_expired(conn, limit))
    async with connection(pool) as conn:
        return await repository.to_purge(conn, limit)


async def purge(pool: Pool, store: ObjectStore, user_id: UUID, image_id: UUID) -> None:
    """Remove the files of a buried image, then say so in its row. Safe to repeat."""
    await store.delete(await store.list(keys.image_prefix(user_id, image_id)))
    async with transaction(pool) as conn:
        await repository.purged(conn, image_id)


def write_working(original: Path, out: Path) -> None:
    """JPEG, 4:4:4, quality 92: for the eye. Raises the errors of app.imaging."""
    pixels = working_image(original, probe(original))
    encode(Picture(pixels), out, Format.JPG, dpi=None)
