"""What was done, by whom, at what cost, and what that saved. A trigger writes the rows (migrations/0015)."""

import math
import time
from collections.abc import AsyncIterator, Callable
from uuid import UUID

from app.csv_rows import csv_row
from app.db.page import every
from app.db.pool import Connection, Pool, connection
from app.usage import repository
from app.usage.types import COLUMNS, DayUsage, JobUsage, MonthUsage

LATELY_S = 60.0
_PAGE = 1000
"""Rows that are held at once while a file is written."""


class Usage:
    """Methods raise DatabaseUnavailable."""

    def __init__(self, pool: Pool, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._clock = clock
        self._lately: tuple[float, list[DayUsage]] = (-math.inf, [])

    async def days(self, days: int, user_id: UUID | None = None) -> list[DayUsage]:
        """Of the last `days`, the oldest first; of everybody, or of one user."""
        async with connection(self._pool) as conn:
            return await repository.days(conn, user_id, days)

    async def lately(self) -> list[DayUsage]:
        """As `days(1)` of everybody, up to LATELY_S ago: a page that looks every few seconds shows it."""
        told_at, told = self._lately
        if self._clock() - told_at >= LATELY_S:
            told = await self.days(1)
            self._lately = (self._clock(), told)
        return told

    async def months(self, user_id: UUID) -> list[MonthUsage]:
        """All of them, as they were rolled up last, the oldest first."""
        async with connection(self._pool) as conn:
            return await repository.months(conn, user_id)

    async def roll_up(self) -> None:
        """Safe to repeat, and for several at once."""
        async with connection(self._pool) as conn:
            await repository.roll_up(conn)

    async def served(self, job_id: UUID, count: int) -> None:
        """So many bytes of the job's result went out."""
        async with connection(self._pool) as conn:
            await repository.served(conn, job_id, count)

    async def csv(self, days: int) -> AsyncIterator[str]:
        """A line a job, after the one with the names."""

        async def read(conn: Connection, after: UUID | None, limit: int) -> list[JobUsage]:
            return await repository.rows(conn, days, after, limit)

        yield csv_row(*COLUMNS)
        async for row in every(self._pool, read, lambda row: row.job_id, _PAGE):
            yield csv_row(*(_cell(getattr(row, name)) for name in COLUMNS))


def _cell(value: object) -> str:
    return "" if value is None else str(value)
