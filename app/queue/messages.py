"""What travels through Redis: ids, no data. The row is the truth, the message only rings (DESIGN §8)."""

import json
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

VERSION = 1

MASK_QUEUE = "mask"


def embed_queue(model: str) -> str:
    """One queue per model: a worker holds one model."""
    return f"embed:{model}"


class BadMessage(ValueError):
    """Not a message of ours, or of a version that this process does not know."""


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
        return {"v": self.v, "job_id": str(self.job_id), "fence": self.fence, "request_id": self.request_id}

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Raises BadMessage."""
        match data:
            case {
                "v": 1,
                "job_id": str(job_id),
                "fence": int(fence),
                "request_id": str() | None as request_id,
            }:
                try:
                    return cls(UUID(job_id), fence, request_id)
                except ValueError as error:
                    raise BadMessage(job_id) from error
        raise BadMessage(json.dumps(data, default=repr)[:200])


def announcement(job_id: UUID, fence: int) -> str:
    return f"{job_id.hex}:{fence}"
