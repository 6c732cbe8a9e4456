"""Deletion of a user: every row, every file, every key in Redis. A hash stays: nobody comes back."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from app.accounts import audit, repository
from app.accounts.errors import LocalUserStays, UserNotFound
from app.accounts.limits import bucket_keys
from app.accounts.types import LOCAL_USER_ID
from app.db.pool import Pool, connection, transaction
from app.errors import AppError
from app.jobs.service import JobService
from app.queue.buckets import RedisBuckets
from app.queue.errors import QueueUnavailable
from app.storage import keys
from app.storage.base import ObjectStore
from app.storage.errors import ObjectMissing

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Erased:
    """What is gone."""

    rows: dict[str, Any]
    """By kind: images, jobs, keys, webhooks, ledger_entries."""
    files: int
    bytes: int


class Erasure:
    def __init__(self, pool: Pool, store: ObjectStore, jobs: JobService, buckets: RedisBuckets) -> None:
        self._pool = pool
        self._store = store
        self._jobs = jobs
        self._buckets = buckets

    async def erase(self, user_id: UUID, actor: str) -> Erased:
        """Jobs are canceled first: workers stop. Raises UserNotFound, LocalUserStays, StorageUnavailable.

        If this process dies behind the rows, `cutout gc` removes the files: they are nobody's.
        """
        if user_id == LOCAL_USER_ID:
            raise LocalUserStays("`cutout dev` needs its user; delete its data directory instead")
        await self._jobs.cancel_of_user(user_id)
        async with connection(self._pool) as conn:
            key_ids = await repository.key_ids(conn, user_id)
        async with transaction(self._pool) as conn:
            rows = await repository.erase_user(conn, user_id)
            if rows is None:
                raise UserNotFound("no such user")
            await audit.record(conn, actor, "user.erased", None, rows)
        files, size = await self._remove_files(user_id)
        try:
            await self._buckets.forget(bucket_keys(user_id, key_ids))
        except QueueUnavailable:
            _log.warning("limits of an erased user stay until they are full again")
        return Erased(rows, files, size)

    async def _remove_files(self, user_id: UUID) -> tuple[int, int]:
        found = await self._store.list(keys.user_prefix(user_id))
        size = await self._measured(found)
        await self._store.delete(found)
        return len(found), size

    async def _measured(self, found: list[str]) -> int:
        """As far as the store says it: nobody can ask again, so the files go whatever the sum."""
        size = 0
        try:
            for key in found:
                with suppress(ObjectMissing):  # a worker that stopped took it away
                    size += await self._store.size(key)
        except AppError as error:
            _log.warning("files of an erased user are not measured", code=error.code)
        return size


async def orphans(pool: Pool, store: ObjectStore) -> AsyncIterator[list[str]]:
    """Files of users who are no more, a user at a time: late files of workers that did not know."""
    by_user: dict[UUID, list[str]] = {}
    for key in await store.list(keys.USERS):
        by_user.setdefault(keys.owner(key), []).append(key)
    async with connection(pool) as conn:
        known = await repository.known_users(conn, list(by_user))
    for user_id, found in by_user.items():
        if user_id not in known:
            yield found


async def forget_closed(pool: Pool) -> None:
    """The hashes of accounts whose last token has long run out."""
    async with connection(pool) as conn:
        await repository.forget_closed(conn)
