"""The way to ClippingMagic's editor and back: an image goes there, a person edits it, a job fetches it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from app.credits.service import Named
from app.db.pool import Pool, connection, transaction
from app.engines.clippingmagic import ClippingMagicEngine
from app.engines.clippingmagic_http import Account
from app.flags.types import Reason
from app.images.errors import ImageNotFound
from app.images.types import Image
from app.legacy import repository
from app.legacy.errors import LegacyImageNotFound
from app.legacy.types import LegacyImage
from app.settings import Settings
from app.storage.base import ObjectStore

AT_ONCE = 5
"""Images there at a time, as ClippingMagic advises for a beginning."""


def account_of(settings: Settings) -> Account | None:
    """None: there is no ClippingMagic."""
    if settings.clippingmagic_api_id is None or settings.clippingmagic_api_secret is None:
        return None
    return Account(
        settings.clippingmagic_url,
        settings.clippingmagic_api_id,
        settings.clippingmagic_api_secret,
        settings.clippingmagic_test,
    )


class LegacyService:
    def __init__(self, pool: Pool, engine: ClippingMagicEngine) -> None:
        self._pool = pool
        self._engine = engine
        # an upload may wait for half a minute: in threads of its own it keeps none from disks
        self._uploads = ThreadPoolExecutor(AT_ONCE, "legacy-upload")

    def close(self) -> None:
        """Uploads that wait are not made."""
        self._uploads.shutdown(wait=False, cancel_futures=True)

    @property
    def account(self) -> Account:
        return self._engine.account

    async def send(
        self,
        store: ObjectStore,
        image: Image,
        reason: Reason,
        note: str | None = None,
        key: Named | None = None,
    ) -> LegacyImage:
        """The image goes to ClippingMagic now. Raises ImageNotFound and the engine's Legacy… errors.

        `note`: why a person sent it. `key` is named with the row.
        """
        async with store.local(image.storage_key) as path:
            loop = asyncio.get_running_loop()
            uploaded = await loop.run_in_executor(self._uploads, self._engine.upload, path)
        values = {
            "id": uploaded.id,
            "user_id": image.user_id,
            "image_id": image.id,
            "secret": uploaded.secret,
            "reason": reason,
            "note": note,
        }
        async with transaction(self._pool) as conn:
            sent = await repository.insert(conn, values)
            if sent is None:
                raise ImageNotFound("no such image")
            if key is not None:
                await key.name(conn, sent.resource_id)
        return sent

    async def fetched(self, image: LegacyImage) -> bool:
        """Its result has come from ClippingMagic, which bills that. False: not for the first time."""
        async with connection(self._pool) as conn:
            return await repository.fetched(conn, image.id)

    async def get(self, user_id: UUID, legacy_id: int) -> LegacyImage:
        """Raises LegacyImageNotFound."""
        async with connection(self._pool) as conn:
            found = await repository.find(conn, user_id, legacy_id)
        if found is None:
            raise LegacyImageNotFound("no image of yours is edited at ClippingMagic under this id")
        return found
