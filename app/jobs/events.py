"""The one place that every visible change of a job passes, after its transaction stands."""

import json
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

import structlog

from app.jobs.types import Job, JobStatus
from app.queue.errors import QueueUnavailable
from app.queue.port import Publisher

_log = structlog.get_logger()


_CHANNEL = "jobs:"
EVERY_CHANNEL = f"{_CHANNEL}*"


def channel(user_id: UUID) -> str:
    """One channel a user: a listener to one job filters, a listener to all of them does not."""
    return f"{_CHANNEL}{user_id}"


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Says that something changed; the row says what. Repeats and gaps are possible, `version` orders."""

    job_id: UUID
    user_id: UUID
    status: JobStatus
    progress: float
    version: int

    @classmethod
    def of(cls, job: Job) -> Self:
        return cls(job.id, job.user_id, job.status, job.progress, job.version)

    def to_json(self) -> bytes:
        data = {
            "job_id": str(self.job_id),
            "user_id": str(self.user_id),
            "status": self.status,
            "progress": self.progress,
            "version": self.version,
        }
        return json.dumps(data, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, payload: bytes) -> Self:
        data: dict[str, Any] = json.loads(payload)
        return cls(
            job_id=UUID(data["job_id"]),
            user_id=UUID(data["user_id"]),
            status=JobStatus(data["status"]),
            progress=float(data["progress"]),
            version=int(data["version"]),
        )


class Events:
    def __init__(self, publisher: Publisher | None) -> None:
        """Without a publisher nobody is told: tools that run beside the service."""
        self._publisher = publisher

    async def changed(self, *jobs: Job) -> None:
        """Tell the listeners. Never raises: who missed it reads the row."""
        if self._publisher is None or not jobs:
            return
        try:
            told = [(channel(job.user_id), JobEvent.of(job).to_json()) for job in jobs]
            await self._publisher.publish(*told)
        except QueueUnavailable:
            _log.warning("listeners were not told", jobs=len(jobs))
