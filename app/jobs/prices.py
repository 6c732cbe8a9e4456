"""What a job may cost, in milli-credits (DESIGN §7, §12)."""

from dataclasses import dataclass
from typing import Self

from app.credits.service import milli
from app.engines.names import EngineName
from app.flags.types import UNASKED, Reason
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
        if new.kind in {JobKind.ENCODE, JobKind.SHADOW} or (
            isinstance(new.params, ApplyParams) and new.params.preview
        ):
            return 0
        return self.of_legacy(new.reason) if new.engine is EngineName.CLIPPINGMAGIC else self.sam2

    def of_legacy(self, reason: Reason | None) -> int:
        """Who did not ask for ClippingMagic, and would not have got it, pays what our own engine costs."""
        return self.sam2 if reason in UNASKED else self.clippingmagic


DEFAULT_PRICES = Prices()
