"""Direct uploads (DESIGN §9): the client sends a photo to the object store, and then says what to do with it.

A store that signs takes the bytes itself. A folder cannot: there the web process takes them, at a URL with a
token whose hash stands in the row, so that any web process knows it and there is no key to keep or rotate.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from uuid_utils.compat import uuid7

from app.db.pool import Pool, connection
from app.imaging.errors import TooLargeBytes
from app.imaging.types import MAX_BYTES
from app.storage import keys
from app.storage.base import ObjectStore, SignedUpload
from app.storage.errors import ObjectMissing
from app.uploads import repository
from app.uploads.errors import TooManyOpenUploads, UploadIncomplete, UploadNotFound, UploadTaken
from app.uploads.types import NewUpload, UploadRow

LIFETIME_S = 2 * 3600.0
"""As long as Supabase's signed upload URLs live."""
GRACE_S = 3600.0
"""For bytes that were on their way when the URL ran out; 50 MB at 0.2 Mbit/s take 33 minutes."""
MOST_OPEN = 500
"""Of one user: 25 GB at the most."""
CONTENT_TYPE = "application/octet-stream"
"""What it is, is seen when an image is made of it."""


class UploadService:
    """Methods raise DatabaseUnavailable, StorageUnavailable."""

    def __init__(self, pool: Pool, store: ObjectStore) -> None:
        self._pool = pool
        self._store = store
        self._receiving = asyncio.Lock()

    async def begin(self, user_id: UUID, filename: str | None) -> NewUpload:
        """Raises TooManyOpenUploads."""
        upload_id, token = uuid7(), secrets.token_urlsafe(32)
        signed = await self._store.signed_upload(keys.upload(user_id, upload_id), CONTENT_TYPE)
        if signed is None:
            expires_at = datetime.now(UTC) + timedelta(seconds=LIFETIME_S)
            ours = f"/api/uploads/{upload_id}/file?token={token}"
            signed = SignedUpload(ours, {"Content-Type": CONTENT_TYPE}, expires_at)
        values: dict[str, object] = {
            "id": upload_id,
            "user_id": user_id,
            "filename": filename,
            "token_sha256": _hash(token),
            "expires_at": signed.expires_at,
            "most": MOST_OPEN,
        }
        async with connection(self._pool) as conn:
            if not await repository.insert(conn, values):
                raise TooManyOpenUploads(f"{MOST_OPEN} uploads wait to be used; use them, or let them expire")
        return NewUpload(upload_id, signed.url, "PUT", signed.headers, signed.expires_at)

    async def awaited(self, upload_id: UUID, token: str) -> UploadRow:
        """What the holder of the token may send. Raises UploadNotFound, UploadTaken."""
        async with connection(self._pool) as conn:
            row = await repository.find(conn, upload_id, token_sha256=_hash(token))
        if row is None:
            raise UploadNotFound("no such upload, or it has expired")
        await self._check_free(row)
        return row

    async def receive(self, row: UploadRow, file: Path) -> None:
        """Never over other bytes, which may be looked at this moment. Raises UploadTaken."""
        async with self._receiving:
            await self._check_free(row)
            await self._store.put(_key(row), file, CONTENT_TYPE)

    async def _check_free(self, row: UploadRow) -> None:
        """Raises UploadTaken."""
        try:
            await self._store.size(_key(row))
        except ObjectMissing:
            if row.image_id is None:
                return
        raise UploadTaken("the bytes of this upload have come already")

    async def get(self, user_id: UUID, upload_id: UUID) -> UploadRow:
        """Raises UploadNotFound."""
        async with connection(self._pool) as conn:
            row = await repository.find(conn, upload_id, user_id=user_id)
        if row is None:
            raise UploadNotFound("no such upload, or it has expired")
        return row

    @asynccontextmanager
    async def local(self, row: UploadRow) -> AsyncIterator[Path]:
        """Its bytes as a file. Raises UploadIncomplete, TooLargeBytes."""
        try:
            size = await self._store.size(_key(row))
        except ObjectMissing:
            raise UploadIncomplete("the bytes of this upload have not come") from None
        if size > MAX_BYTES:  # measured here: nobody has looked at what went to the store
            await asyncio.shield(_remove(self._pool, self._store, row))
            raise TooLargeBytes(f"the file is larger than {MAX_BYTES:,} bytes", limit=MAX_BYTES)
        async with self._store.local(_key(row)) as path:
            yield path

    async def became(self, row: UploadRow, image_id: UUID) -> None:
        """Names the image from now on; its own bytes go."""
        async with connection(self._pool) as conn:
            await repository.use(conn, row.id, image_id)
        await self._store.delete([_key(row)])


async def forget_expired(pool: Pool, store: ObjectStore, limit: int) -> int:
    """Remove uploads whose time is over, with bytes that nobody used; how many. Safe to repeat."""
    async with connection(pool) as conn:
        rows = await repository.expired(conn, GRACE_S, limit)
    for row in rows:
        await _remove(pool, store, row)
    return len(rows)


async def _remove(pool: Pool, store: ObjectStore, row: UploadRow) -> None:
    """The bytes first: a row without bytes is found again, bytes without a row are not."""
    await store.delete([_key(row)])
    async with connection(pool) as conn:
        await repository.forget(conn, row.id)


def _key(row: UploadRow) -> str:
    return keys.upload(row.user_id, row.id)


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
