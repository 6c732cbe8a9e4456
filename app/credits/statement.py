"""A ledger as CSV (RFC 4180), in decimal credits."""

import csv
import io
from collections.abc import AsyncIterator
from decimal import Decimal

from app.credits.types import Entry

_COLUMNS = ("time", "entry", "job", "granted", "held", "spent", "available", "note")


async def statement_csv(entries: AsyncIterator[tuple[Entry, int]]) -> AsyncIterator[str]:
    """A line an entry, after the one with the names; `entries` as Credits.statement gives them."""
    yield _line(*_COLUMNS)
    async for entry, available in entries:
        amounts = (decimal(amount) for amount in (entry.granted, entry.held, entry.spent, available))
        job = str(entry.job_id or "")
        yield _line(entry.created_at.isoformat(), entry.entry_kind, job, *amounts, _cell(entry.note or ""))


def decimal(amount: int) -> str:
    """Milli-credits as people read them."""
    return f"{Decimal(amount) / 1000:.3f}"


def _line(*cells: str) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell(text: str) -> str:
    """A spreadsheet takes what begins so for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
