"""A ledger as CSV, in decimal credits."""

from collections.abc import AsyncIterator
from decimal import Decimal

from app.credits.types import Entry
from app.csv_rows import csv_row, csv_text

_COLUMNS = ("time", "entry", "job", "granted", "held", "spent", "available", "note")


async def statement_csv(entries: AsyncIterator[tuple[Entry, int]]) -> AsyncIterator[str]:
    """A line an entry, after the one with the names; `entries` as Credits.statement gives them."""
    yield csv_row(*_COLUMNS)
    async for entry, available in entries:
        amounts = (decimal(amount) for amount in (entry.granted, entry.held, entry.spent, available))
        job = str(entry.job_id or "")
        yield csv_row(
            entry.created_at.isoformat(), entry.entry_kind, job, *amounts, csv_text(entry.note or "")
        )


def decimal(amount: int) -> str:
    """Milli-credits as people read them."""
    return f"{Decimal(amount) / 1000:.3f}"
