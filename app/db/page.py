"""Cursor paging over ids that rise with time (UUIDv7): newest first."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

from app.db.pool import Connection, Pool, connection
from app.errors import BadInput

T = TypeVar("T")

MAX_LIMIT = 200

Read: TypeAlias = Callable[[Connection, UUID | None, int], Awaitable[list[T]]]
"""At most so many rows after an id, in the order of their ids."""


class BadCursor(BadInput):
    """The cursor is not one of ours."""

    code = "bad_cursor"


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    next_cursor: str | None
    """Give it back for the next page; None on the last one."""


def after(cursor: str | None) -> UUID | None:
    """The id that the page starts after. Raises BadCursor."""
    if cursor is None:
        return None
    try:
        return UUID(hex=cursor)
    except ValueError:
        raise BadCursor("the cursor is not one that a list of ours returned") from None


def cut(items: list[T], ids: list[UUID], limit: int) -> Page[T]:
    """A page of `limit` out of the `limit + 1` rows that were asked for."""
    more = len(items) > limit
    return Page(tuple(items[:limit]), ids[limit - 1].hex if more else None)


async def every(pool: Pool, read: Read[T], id_of: Callable[[T], UUID], size: int) -> AsyncIterator[T]:
    """All rows, however many: `size` of them are held at once, and no connection while they are used.

    Raises DatabaseUnavailable.
    """
    last: UUID | None = None
    while True:
        async with connection(pool) as conn:
            rows = await read(conn, last, size)
        for row in rows:
            yield row
        if len(rows) < size:
            return
        last = id_of(rows[-1])
