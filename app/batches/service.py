"""What the API does with batches. Their items are begun by starter.py, in a worker."""

import builtins
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from math import nan
from uuid import UUID

from uuid_utils.compat import uuid7

from app.batches import repository
from app.batches.errors import (
    BatchClosed,
    BatchEnded,
    BatchNotFound,
    FixUnusable,
    ItemNotFound,
    NothingToRetry,
    TooManyItems,
)
from app.batches.types import MAX_ITEMS, Batch, BatchStatus, Item, NewBatch, NewItem, Order
from app.credits.service import Named
from app.db.page import BadCursor, Page, after, cut, every
from app.db.pool import Connection, Pool, connection, transaction
from app.jobs.service import JobService
from app.jobs.types import Job, JobStatus

_PAGE = 500
"""Items that are held at once while a report is written."""
_NO_CONFIDENCE = -1.0
"""Where queries.sql sorts items without."""


class BatchService:
    """Methods raise DatabaseUnavailable, and BatchNotFound for what is not the user's."""

    def __init__(self, pool: Pool, jobs: JobService) -> None:
        self._pool = pool
        self._jobs = jobs

    async def create(
        self, new: NewBatch, items: Sequence[NewItem], key: Named | None = None, *, close: bool
    ) -> Batch:
        """`close`: nothing more will be added. `key` is named with the rows. Raises TooManyItems."""
        async with transaction(self._pool) as conn:
            await repository.insert(conn, new)
            await _insert_items(conn, new.id, items, before=0)
            return await _filled(conn, new.user_id, new.id, key, close=close)

    async def add(
        self,
        user_id: UUID,
        batch_id: UUID,
        items: Sequence[NewItem],
        key: Named | None = None,
        *,
        close: bool = False,
    ) -> Batch:
        """Raises BatchClosed, TooManyItems."""
        async with self._locked(user_id, batch_id) as (conn, batch):
            if batch.closed_at is not None:
                raise BatchClosed("the batch is closed: make another one")
            await _insert_items(conn, batch_id, items, before=sum(batch.counts.values()))
            return await _filled(conn, user_id, batch_id, key, close=close)

    async def get(self, user_id: UUID, batch_id: UUID) -> Batch:
        async with connection(self._pool) as conn:
            return _found(await repository.batch(conn, user_id, batch_id))

    async def list(self, user_id: UUID, cursor: str | None = None, limit: int = 50) -> Page[Batch]:
        """Newest first. Raises BadCursor."""
        async with connection(self._pool) as conn:
            found = await repository.batches(conn, user_id, after(cursor), limit + 1)
        return cut(found, [batch.id for batch in found], limit)

    async def items(
        self,
        user_id: UUID,
        batch_id: UUID,
        *,
        cursor: str | None = None,
        limit: int = 50,
        state: JobStatus | None = None,
        ended: bool | None = None,
        reviewed: bool | None = None,
        order: Order = Order.ADDED,
    ) -> Page[Item]:
        """Raises BadCursor."""
        confidence, last = _place(cursor)
        async with connection(self._pool) as conn:
            _found(await repository.batch(conn, user_id, batch_id))
            values = _wanted(batch_id, state=state, ended=ended, reviewed=reviewed, order=order)
            place = {"after": last, "after_confidence": confidence, "limit": limit + 1}
            found = await repository.items(conn, {**values, **place})
        page = cut(found, [item.id for item in found], limit)
        return Page(page.items, _cursor(page.items[-1], order) if page.next_cursor else None)

    async def every_item(self, batch_id: UUID) -> AsyncIterator[Item]:
        """In the order in which they were given, however many they are."""

        async def read(conn: Connection, after: UUID | None, limit: int) -> builtins.list[Item]:
            values = {**_wanted(batch_id), "after": after, "after_confidence": 0, "limit": limit}
            return await repository.items(conn, values)

        async for item in every(self._pool, read, lambda item: item.id, _PAGE):
            yield item

    async def close(self, user_id: UUID, batch_id: UUID) -> Batch:
        """Nothing more is added. A second time changes nothing."""
        async with self._locked(user_id, batch_id) as (conn, _):
            await repository.change(conn, "close", batch_id)
        return await self.get(user_id, batch_id)

    async def pause(self, user_id: UUID, batch_id: UUID) -> Batch:
        """Nothing more is begun, and what waits for a worker is taken back. Raises BatchEnded."""
        async with self._locked(user_id, batch_id, under_way=True) as (conn, _):
            await repository.change(conn, "pause", batch_id)
            await repository.change(conn, "take_back", batch_id)
            taken_back = await self._jobs.cancel_of_batch(conn, batch_id, waiting_only=True)
            await repository.requeue_items(conn, [job.id for job in taken_back])
        await self._jobs.announce_changes(taken_back)
        return await self.get(user_id, batch_id)

    async def resume(self, user_id: UUID, batch_id: UUID) -> Batch:
        """Raises BatchEnded."""
        async with self._locked(user_id, batch_id, under_way=True) as (conn, _):
            await repository.change(conn, "resume", batch_id)
        return await self.get(user_id, batch_id)

    async def cancel(self, user_id: UUID, batch_id: UUID) -> Batch:
        """What has succeeded stays. Raises BatchEnded."""
        async with self._locked(user_id, batch_id, under_way=True) as (conn, _):
            await repository.change(conn, "cancel", batch_id)
            # the items first: who is making a job of one has committed it by then, or makes none
            await repository.change(conn, "cancel_items", batch_id)
            canceled = await self._jobs.cancel_of_batch(conn, batch_id)
        await self._jobs.announce_changes(canceled)
        return await self.get(user_id, batch_id)

    async def retry(self, user_id: UUID, batch_id: UUID) -> Batch:
        """What failed or was canceled, but for files that cannot become images. Raises NothingToRetry."""
        async with self._locked(user_id, batch_id) as (conn, _):
            if not await repository.retry(conn, batch_id):
                raise NothingToRetry("no item failed that could end otherwise: send other files")
            await repository.change(conn, "reopen", batch_id)
        return await self.get(user_id, batch_id)

    async def accept(self, user_id: UUID, batch_id: UUID, item_id: UUID, fix: Job | None = None) -> Item:
        """Somebody has looked at it; `fix`: an apply_mask of theirs takes the place of the item's result.

        Raises ItemNotFound, FixUnusable.
        """
        async with self._locked(user_id, batch_id) as (conn, _):
            item = await _item(conn, batch_id, item_id)
            if fix is not None:
                _check_fix(item, fix)
            if not await repository.accept(conn, item_id, fix.id if fix else None):
                raise FixUnusable(f"the item is {item.state}: only what has ended is reviewed")
            return await _item(conn, batch_id, item_id)

    @asynccontextmanager
    async def _locked(
        self, user_id: UUID, batch_id: UUID, *, under_way: bool = False
    ) -> AsyncIterator[tuple[Connection, Batch]]:
        """A transaction that holds the batch's row. Raises BatchEnded where it has to be `under_way`."""
        async with transaction(self._pool) as conn:
            batch = _found(await repository.locked(conn, user_id, batch_id))
            if under_way and batch.status in {BatchStatus.COMPLETED, BatchStatus.CANCELED}:
                raise BatchEnded(f"the batch is {batch.status}")
            yield conn, batch


async def _filled(
    conn: Connection, user_id: UUID, batch_id: UUID, key: Named | None, *, close: bool
) -> Batch:
    """As it is after its new items, read before they are committed: who is told of an error may clean up."""
    if close:
        await repository.change(conn, "close", batch_id)
    if key is not None:
        await key.name(conn, batch_id)
    return _found(await repository.batch(conn, user_id, batch_id))


def _check_fix(item: Item, fix: Job) -> None:
    if fix.image_id != item.image_id:
        raise FixUnusable("the job is of another image")
    if fix.status is not JobStatus.SUCCEEDED or fix.result_key is None or fix.params.get("preview"):
        raise FixUnusable("the job has no cutout that is kept")


async def _insert_items(conn: Connection, batch_id: UUID, items: Sequence[NewItem], before: int) -> None:
    if before + len(items) > MAX_ITEMS:
        raise TooManyItems(f"a batch has at most {MAX_ITEMS:,} items; make another one", limit=MAX_ITEMS)
    if items:
        await repository.insert_items(conn, batch_id, [uuid7() for _ in items], items)


async def _item(conn: Connection, batch_id: UUID, item_id: UUID) -> Item:
    values = {**_wanted(batch_id, item_id=item_id), "after": None, "after_confidence": 0, "limit": 1}
    found = await repository.items(conn, values)
    if not found:
        raise ItemNotFound("no such item of this batch")
    return found[0]


def _wanted(
    batch_id: UUID,
    *,
    item_id: UUID | None = None,
    state: JobStatus | None = None,
    ended: bool | None = None,
    reviewed: bool | None = None,
    order: Order = Order.ADDED,
) -> dict[str, object]:
    return {
        "batch_id": batch_id,
        "item_id": item_id,
        "state": state,
        "ended": ended,
        "reviewed": reviewed,
        "by_confidence": order is Order.CONFIDENCE,
    }


def _cursor(item: Item, order: Order) -> str:
    if order is Order.ADDED:
        return item.id.hex
    return f"{_NO_CONFIDENCE if item.confidence is None else item.confidence!r}:{item.id.hex}"


def _place(cursor: str | None) -> tuple[float, UUID | None]:
    """(confidence, id) of the last item that was given out. Raises BadCursor."""
    text, colon, item_id = (cursor or "").rpartition(":")
    try:
        confidence = float(text) if colon else 0.0
    except ValueError:
        confidence = nan
    if not _NO_CONFIDENCE <= confidence <= 1:
        raise BadCursor("the cursor is not one that a list of ours returned")
    return confidence, after(item_id or cursor)


def _found(batch: Batch | None) -> Batch:
    if batch is None:
        raise BatchNotFound("no such batch")
    return batch
