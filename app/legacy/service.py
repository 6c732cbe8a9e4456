"""The way to ClippingMagic's editor and back: an image goes there, a person edits it, a job fetches it."""

import asyncio
from uuid import UUID

from app.db.pool import Pool, connection
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

    @property
    def account(self) -> Account:
        return self._engine.account

    async def send(
        self, store: ObjectStore, image: Image, reason: Reason, note: str | None = None
    ) -> LegacyImage:
        """The image goes to ClippingMagic now. Raises ImageNotFound and the engine's Legacy… errors.

        `note`: why a person sent it.
        """
        async with store.local(image.storage_key) as path:
            uploaded = await asyncio.to_thread(self._engine.upload, path)
        values = {
            "id": uploaded.id,
            "user_id": image.user_id,
            "image_id": image.id,
            "secret": uploaded.secret,
            "reason": reason,
            "note": note,
        }
        async with connection(self._pool) as conn:
            sent = await repository.insert(conn, values)
        if sent is None:
            raise ImageNotFound("no such image")
        return sent

    async def get(self, user_id: UUID, legacy_id: int) -> LegacyImage:
        """Raises LegacyImageNotFound."""
        async with connection(self._pool) as conn:
            found = await repository.find(conn, user_id, legacy_id)
        if found is None:
            raise LegacyImageNotFound("no image of yours is edited at ClippingMagic under this id")
        return found
