"""What a job may cost, in milli-credits (DESIGN §7, §12)."""

from dataclasses import dataclass
from typing import Self

from app.credits.service import milli
from app.jobs.types import ApplyParams, JobKind, NewJob
from app.settings import Settings

SAM2 = 500
"""Half a credit for our own engine."""
CLIPPINGMAGIC = 1000


@dataclass(frozen=True, slots=True)
class Prices:
    """Of one cutout, by engine."""

    sam2: int = SAM2
    clippingmagic: int = CLIPPINGMAGIC

    @classmethod
    def set_by(cls, settings: Settings) -> Self:
        return cls(milli(settings.price_sam2), milli(settings.price_clippingmagic))

    def of(self, new: NewJob) -> int:
        """Encoding and previews are free; so are, by the ledger, repeats on an image that was charged."""
        if new.kind is JobKind.ENCODE or (isinstance(new.params, ApplyParams) and new.params.preview):
            return 0
        return self.sam2


DEFAULT_PRICES = Prices()
