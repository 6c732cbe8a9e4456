"""`cutout gc`: remove now what nobody needs any more."""

from app.accounts.erasure import forget_closed, orphans
from app.commands.accounts import ask
from app.commands.running import operator_settings
from app.db.pool import Pool
from app.images.service import purge, to_purge
from app.storage.base import ObjectStore
from app.storage.open import opened_store
from app.uploads.service import forget_expired

_AT_ONCE = 200


def gc() -> tuple[int, int]:
    """(images, files): expired or deleted images; files whose owner is no more, uploads that nobody used.

    Needs DATABASE_URL, or a running `cutout dev`.
    """

    async def run(pool: Pool) -> tuple[int, int]:
        async with opened_store(operator_settings()) as store:
            return await collect(pool, store)

    return ask(run)


async def collect(pool: Pool, store: ObjectStore) -> tuple[int, int]:
    """Safe to repeat and beside a running server. Raises DatabaseUnavailable, StorageUnavailable."""
    buried = 0
    while found := await to_purge(pool, _AT_ONCE):
        for user_id, image_id in found:
            await purge(pool, store, user_id, image_id)
        buried += len(found)
    files = 0
    while forgotten := await forget_expired(pool, store, _AT_ONCE):
        files += forgotten
    async for keys in orphans(pool, store):
        await store.delete(keys)
        files += len(keys)
    await forget_closed(pool)
    return buried, files
