"""Cursor paging over ids that rise with time (UUIDv7): newest first."""

from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from app.errors import BadInput

T = TypeVar("T")

MAX_LIMIT = 200


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
