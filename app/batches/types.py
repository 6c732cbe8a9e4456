"""A batch: many images by one call, one set of options, one end."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from app.jobs.types import JobStatus
from app.matting.options import CutoutOptions
from app.webhooks.types import JobWebhook

MAX_ITEMS = 10_000
"""Of one batch."""
MAX_NAME = 120


class BatchStatus(StrEnum):
    OPEN = "open"
    """Items are cut out as they come, and more may come."""
    PROCESSING = "processing"
    PAUSED = "paused"
    """Nothing is begun; what a worker holds is finished."""
    COMPLETED = "completed"
    """Every item has ended, well or not."""
    CANCELED = "canceled"


class _Source(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileSource(_Source):
    """An object of its own."""

    kind: Literal["file"] = "file"
    key: str


class ZipSource(_Source):
    """An entry of a ZIP in the store, without its local header's variable part being known yet."""

    kind: Literal["zip"] = "zip"
    key: str
    offset: int
    """Of the local file header, in the object."""
    packed: int
    """Bytes of the entry's data as stored."""
    bytes: int
    """As unpacked."""
    crc: int
    deflated: bool


class UrlSource(_Source):
    kind: Literal["url"] = "url"
    url: str


Source = Annotated[FileSource | ZipSource | UrlSource, Field(discriminator="kind")]
SOURCE: TypeAdapter[FileSource | ZipSource | UrlSource] = TypeAdapter(Source)


@dataclass(frozen=True, slots=True)
class NewItem:
    name: str
    """The file's own, safe in an archive."""
    source: FileSource | ZipSource | UrlSource | None
    error: dict[str, Any] | None = None
    """Why it will never be begun; then there is no source."""


@dataclass(frozen=True, slots=True)
class NewBatch:
    id: UUID
    user_id: UUID
    model: str
    name: str = ""
    options: CutoutOptions = field(default_factory=CutoutOptions)
    webhook: JobWebhook | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    id: UUID
    user_id: UUID
    name: str
    model: str
    options: dict[str, Any]
    webhook: JobWebhook | None
    request_id: str | None
    closed_at: datetime | None
    paused_at: datetime | None
    canceled_at: datetime | None
    finished_at: datetime | None
    created_at: datetime
    counts: dict[JobStatus, int]
    """Items by state, every state named."""

    @property
    def status(self) -> BatchStatus:
        if self.canceled_at is not None:
            return BatchStatus.CANCELED
        if self.finished_at is not None:
            return BatchStatus.COMPLETED
        if self.paused_at is not None:
            return BatchStatus.PAUSED
        return BatchStatus.OPEN if self.closed_at is None else BatchStatus.PROCESSING


@dataclass(frozen=True, slots=True)
class Item:
    id: UUID
    batch_id: UUID
    name: str
    state: JobStatus
    error: dict[str, Any] | None
    """`{"code", "message"}`; of a failed one."""
    confidence: float | None
    """Of the automatic subject, 0..1; None where none was found."""
    image_id: UUID | None
    image_size: tuple[int, int] | None
    """(width, height) in ImageSpace; None where the image is not known, or not here any more."""
    job_id: UUID | None
    result: dict[str, Any] | None
    """Of the job (DESIGN §9), where it succeeded."""
    result_key: str | None
    """Storage key of the cutout; None where there is none, or not any more."""
    credits: int
    """Milli-credits charged."""
    reviewed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Begun:
    """An item that somebody is making an image and a job of."""

    id: UUID
    batch: Batch
    name: str
    source: FileSource | ZipSource | UrlSource | None
    image_id: UUID | None
    """Where it became one at an earlier try."""
    starts: int
    """The fence: whoever began it later holds it now."""
    attempt: int


class Order(StrEnum):
    ADDED = "added"
    CONFIDENCE = "confidence"
    """The least confident first; those without any before them."""
