"""What travels through Redis: ids, no data. The row is the truth, the message only rings (DESIGN §8)."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

VERSION = 1

MASK_QUEUE = "mask"
LEGACY_QUEUE = "legacy"
"""What ClippingMagic does."""


def embed_queue(model: str) -> str:
    """One queue per model: a worker holds one model."""
    return f"embed:{model}"


@dataclass(frozen=True, slots=True)
class JobMessage:
    job_id: UUID
    fence: int
    """The row's fence when it was announced; with the job's id it names the announcement."""
    request_id: str | None = None
    v: int = VERSION

    @property
    def key(self) -> str:
        """arq's id: the same announcement is told once, the one after a crash is another."""
        return announcement(self.job_id, self.fence)

    def to_json(self) -> dict[str, Any]:
        """For people who look into Redis: a worker that hears it asks the rows, not the message."""
        return {"v": self.v, "job_id": str(self.job_id), "fence": self.fence, "request_id": self.request_id}


def announcement(job_id: UUID, fence: int) -> str:
    return f"{job_id.hex}:{fence}"
