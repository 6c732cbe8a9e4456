"""What jobs took and cost, summed up. Money in micro-dollars, credits in milli-credits."""

from dataclasses import dataclass, fields
from datetime import date, datetime
from uuid import UUID

from app.credits.types import LEGACY_MICROS
from app.engines.names import EngineName


@dataclass(frozen=True, slots=True)
class Sums:
    """Of one engine's jobs."""

    engine: str
    cutouts: int = 0
    """Images that were cut out, however often; previews are none."""
    jobs: int = 0
    failed: int = 0
    worker_s: float = 0.0
    bytes_stored: int = 0
    bytes_served: int = 0
    credits: int = 0
    cost_micros: int = 0
    """Of all its jobs: encodes, previews and failures are paid too."""

    @property
    def saved_micros(self) -> int:
        """Against ClippingMagic, where it was not ClippingMagic."""
        if self.engine == EngineName.CLIPPINGMAGIC:
            return 0
        return self.cutouts * LEGACY_MICROS - self.cost_micros


@dataclass(frozen=True, slots=True)
class DayUsage:
    """One day (UTC)."""

    day: date
    sums: Sums
    took_p50_s: float | None = None
    """From asking to the cutout; None without one."""


@dataclass(frozen=True, slots=True)
class MonthUsage:
    month: date
    """Its first day."""
    sums: Sums


@dataclass(frozen=True, slots=True)
class JobUsage:
    """One job's row."""

    job_id: UUID
    user_id: UUID
    image_id: UUID
    kind: str
    engine: str
    engine_reason: str | None
    status: str
    preview: bool
    embed_s: float
    mask_s: float
    legacy_s: float
    took_s: float
    bytes_stored: int
    bytes_served: int
    credits: int
    cost_micros: int
    ended_at: datetime


SUMS = tuple(field.name for field in fields(Sums))
COLUMNS = tuple(field.name for field in fields(JobUsage))
