"""What a job may cost, in milli-credits (DESIGN §7, §12)."""

from app.jobs.types import ApplyParams, JobKind, NewJob

SAM2 = 500
"""Half a credit for our own engine."""


def price(new: NewJob) -> int:
    """Encoding and previews are free; the ledger makes repeats on an image that was charged free as well."""
    if new.kind is JobKind.ENCODE or (isinstance(new.params, ApplyParams) and new.params.preview):
        return 0
    return SAM2
