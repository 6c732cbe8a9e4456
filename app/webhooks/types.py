"""Endpoints, deliveries and attempts."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class WebhookEvent(StrEnum):
    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELED = "job.canceled"
    BATCH_COMPLETED = "batch.completed"
    """Every item has ended; jobs of a batch are not told by themselves."""
    BATCH_CANCELED = "batch.canceled"


TEST_EVENT = "webhook.test"
"""Sent when the user asks for it, whatever the endpoint listens to."""

MAX_DESCRIPTION = 200

DisabledReason = Literal["gone", "failing", "by_user"]
"""The endpoint answered 410; nothing was delivered for five days; the user switched it off."""

DeliveryState = Literal["pending", "delivered", "failed"]


class JobWebhook(BaseModel):
    """`webhook_url` and `webhook_events` of one job, as `jobs.webhook` holds them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    events: tuple[WebhookEvent, ...] = ()
    """Empty: all of them."""


class EndpointChange(BaseModel):
    """What of an endpoint is to change; what is not set stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
    events: tuple[WebhookEvent, ...] | None = None
    description: str | None = Field(None, max_length=MAX_DESCRIPTION)
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    id: UUID
    user_id: UUID
    url: str
    events: tuple[WebhookEvent, ...]
    description: str
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: DisabledReason | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    id: UUID
    """Also the `webhook-id` header of every attempt: what a receiver remembers to act once."""
    user_id: UUID
    endpoint_id: UUID | None
    """None: the `webhook_url` of one job."""
    job_id: UUID | None
    """None: a batch's, or a test."""
    batch_id: UUID | None
    event: str
    url: str
    payload: str
    state: DeliveryState
    attempts: int
    step: int
    next_at: datetime
    created_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    number: int
    status: int | None
    """HTTP; None when no answer came."""
    ms: int
    error: str | None
    """Our code for what went wrong; never a word of the receiver's."""
    started_at: datetime
