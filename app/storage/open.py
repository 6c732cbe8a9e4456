"""The object store that the settings name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.settings import Settings
from app.storage.base import ObjectStore
from app.storage.http import StorageHttp
from app.storage.local import LocalStore
from app.storage.supabase import SupabaseStore


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[ObjectStore]:
    """Supabase's bucket where a key to it is set, else a folder. Raises BadSetting."""
    store = _store(settings)
    try:
        yield store
    finally:
        await store.close()


def storage_http(settings: Settings) -> StorageHttp | None:
    """None: objects lie in a folder. Raises BadSetting."""
    if settings.embedded or settings.supabase_service_role_key is None:
        return None
    return StorageHttp(settings.storage_url or settings.issuer(), settings.supabase_service_role_key)


def _store(settings: Settings) -> ObjectStore:
    http = storage_http(settings)
    return LocalStore(settings.storage_dir) if http is None else SupabaseStore(http, settings.supabase_bucket)
