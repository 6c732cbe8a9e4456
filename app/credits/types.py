"""Credits and money. Stored as integers: milli-credits and micro-dollars; shown as decimals."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

LEGACY_MICROS = 125_000
"""What ClippingMagic takes for an image: $0.125."""


MAX_GRANT = 1_000_000
"""Credits at once. More is a slip of the finger; the ledger's columns hold twice as much."""


class Plan(StrEnum):
    PREPAID = "prepaid"
    """Nothing without credits."""
    UNMETERED = "unmetered"
    """Counted, never refused."""


@dataclass(frozen=True, slots=True)
class Balance:
    """Milli-credits."""

    user_id: UUID
    plan: Plan
    granted: int
    held: int
    """For jobs under way."""
    spent: int

    @property
    def available(self) -> int:
        return self.granted - self.held - self.spent


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger, in milli-credits; what each changes."""

    id: UUID
    entry_kind: str
    job_id: UUID | None
    granted: int
    held: int
    spent: int
    note: str | None
    created_at: datetime
