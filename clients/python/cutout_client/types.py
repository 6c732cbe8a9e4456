"""The server's documents, as far as programs need them. What it adds one day is passed over."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

State = Literal["queued", "processing", "succeeded", "failed", "canceled"]
BatchStatus = Literal["open", "processing", "paused", "completed", "canceled"]
ENDED = frozenset(("succeeded", "failed", "canceled"))


@dataclass(frozen=True, slots=True)
class Failure:
    code: str
    message: str

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Self | None:
        return cls(data["code"], data["message"]) if data else None


@dataclass(frozen=True, slots=True)
class Image:
    id: str
    width: int | None
    """In pixels of the upright photo; None once the image is deleted."""
    height: int | None

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Self | None:
        return cls(data["id"], data["width"], data["height"]) if data else None


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    kind: str
    status: State
    image: Image | None
    progress: float
    credits: float
    result: Mapping[str, Any] | None
    error: Failure | None
    urls: Mapping[str, str]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            id=data["id"],
            kind=data["kind"],
            status=data["status"],
            image=Image.from_json(data["image"]),
            progress=data["progress"],
            credits=data["credits"],
            result=data["result"],
            error=Failure.from_json(data["error"]),
            urls=data["urls"],
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """Items of a batch."""

    queued: int
    processing: int
    succeeded: int
    failed: int
    canceled: int
    total: int

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed + self.canceled


@dataclass(frozen=True, slots=True)
class Batch:
    id: str
    name: str
    status: BatchStatus
    model: str
    counts: Counts
    finished_at: str | None
    """RFC 3339; None until every item has ended and that was told."""
    urls: Mapping[str, str]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            id=data["id"],
            name=data["name"],
            status=data["status"],
            model=data["model"],
            counts=Counts(**{name: data["counts"][name] for name in Counts.__slots__}),
            finished_at=data["finished_at"],
            urls=data["urls"],
        )


@dataclass(frozen=True, slots=True)
class Item:
    id: str
    name: str
    """The file's own, as far as it is safe in an archive."""
    state: State
    error: Failure | None
    confidence: float | None
    """Of the subject that was found, 0..1."""
    image: Image | None
    job_id: str | None
    credits: float
    urls: Mapping[str, str | None]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            id=data["id"],
            name=data["name"],
            state=data["state"],
            error=Failure.from_json(data["error"]),
            confidence=data["confidence"],
            image=Image.from_json(data["image"]),
            job_id=data["job_id"],
            credits=data["credits"],
            urls=data["urls"],
        )
