"""A job and its words (DESIGN §3, §7, §8)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.engines.names import EngineName
from app.flags.types import UNASKED, Reason
from app.images.types import MAX_CROPS
from app.imaging.types import Box
from app.matting.options import CutoutOptions
from app.segmentation.marks import Marks
from app.webhooks.types import JobWebhook

INTERACTIVE = 0
"""Somebody waits for it. All interactive jobs of a queue go before all batch jobs."""
BATCH = -10


class JobKind(StrEnum):
    ENCODE = "encode"
    APPLY_MASK = "apply_mask"
    REMOVE = "remove"
    LEGACY_FETCH = "legacy_fetch"
    """The result that a person made in ClippingMagic's editor."""
    SHADOW = "shadow"
    """Our own cutout of a legacy job's image, to be compared. Its user neither sees nor pays it."""


class JobStatus(StrEnum):
    QUEUED = "queued"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def ended(self) -> bool:
        return self in {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED}


class EncodeParams(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    auto: bool = True


class ApplyParams(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    marks: Marks = ()
    mask_key: str | None = None
    """Storage key of the mask the client sent; marks are then enforced, not decoded."""
    crops: tuple[Box, ...] = Field(default=(), max_length=MAX_CROPS)
    """Boxes of ImageSpace from which that mask was decoded a second time."""
    start: Literal["auto", "empty"] = "auto"
    options: CutoutOptions = CutoutOptions()
    preview: bool = False


class RemoveParams(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    options: CutoutOptions = CutoutOptions()


class LegacyFetchParams(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    legacy_id: int
    """ClippingMagic's id of the image."""
    options: CutoutOptions = CutoutOptions()


class ShadowParams(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    legacy_job: UUID


JobParams = EncodeParams | ApplyParams | RemoveParams | LegacyFetchParams | ShadowParams


PARAMS: dict[JobKind, type[JobParams]] = {
    JobKind.ENCODE: EncodeParams,
    JobKind.APPLY_MASK: ApplyParams,
    JobKind.REMOVE: RemoveParams,
    JobKind.LEGACY_FETCH: LegacyFetchParams,
    JobKind.SHADOW: ShadowParams,
}


@dataclass(frozen=True, slots=True)
class NewJob:
    user_id: UUID
    kind: JobKind
    model: str
    image_id: UUID
    params: JobParams
    priority: int = INTERACTIVE
    webhook: JobWebhook | None = None
    request_id: str | None = None
    result: dict[str, Any] | None = None
    """Where it is known already no worker is asked: the job succeeds as it is created."""
    batch_id: UUID | None = None
    """Whose item it is: the end is told with the batch, not for itself."""
    engine: EngineName = EngineName.SAM2
    reason: Reason | None = None
    """Why this engine."""

    @property
    def unasked(self) -> bool:
        """ClippingMagic by our own doing: on the day's budget, and at our own price."""
        return self.engine is EngineName.CLIPPINGMAGIC and self.reason in UNASKED


@dataclass(frozen=True, slots=True)
class Job:
    id: UUID
    user_id: UUID
    batch_id: UUID | None
    kind: JobKind
    status: JobStatus
    engine: str
    engine_reason: str | None
    """Why this engine; None where there was nothing to decide."""
    model: str
    image_id: UUID
    params: dict[str, Any]
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    """`{"code", "message", …}` of the failure that ended it."""
    result_key: str | None
    """Storage key of the file that `result` describes; None again once it is gone."""
    timings: dict[str, float]
    """Seconds by step; of an encode also `batch_size`, the images of the encoder's run."""
    queue: str
    priority: int
    progress: float
    fence: int
    """Rises with every claim; only who holds the present one may change the job."""
    attempt: int
    """Coded retryable errors so far."""
    crashes: int
    """Leases lost to dead workers so far."""
    lease_until: datetime | None
    deadline: datetime
    worker: str | None
    credits: int
    """Milli-credits charged."""
    cost_micros: int
    """Micro-dollars that it cost us."""
    webhook: JobWebhook | None
    request_id: str | None
    version: int
    """Rises with every change that a listener can see: the id of its event."""
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
