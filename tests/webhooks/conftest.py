"""A user with an image and jobs, and a client that reaches receivers on loopback."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from app.db.pool import Pool
from app.jobs.claims import Claims
from app.jobs.events import Events
from app.jobs.service import JobService
from app.jobs.types import EncodeParams, Job, JobKind, NewJob
from app.net.client import GuardedClient
from app.queue.arq_adapter import ArqDoorbell
from app.webhooks.sender import WebhookSender
from app.webhooks.service import WebhookService
from app.webhooks.types import JobWebhook
from tests.rows import a_user, an_image

NewJobOf = Callable[..., Awaitable[Job]]


@pytest.fixture
def user(dsn: str) -> UUID:
    return a_user(dsn)


@pytest.fixture
def jobs(pool: Pool, doorbell: ArqDoorbell) -> JobService:
    return JobService(pool, doorbell)


@pytest.fixture
def claims(pool: Pool, doorbell: ArqDoorbell) -> Claims:
    return Claims(pool, doorbell, Events(None))


@pytest.fixture
def new_job(dsn: str, jobs: JobService, user: UUID) -> NewJobOf:
    image = an_image(dsn, user)

    async def make(webhook: JobWebhook | None = None) -> Job:
        return await jobs.create(NewJob(user, JobKind.ENCODE, "lite", image, EncodeParams(), webhook=webhook))

    return make


@pytest.fixture
def client() -> GuardedClient:
    return GuardedClient(allow_loopback=True, webhook_deadline_s=1.0)


@pytest.fixture
def webhooks(pool: Pool, client: GuardedClient) -> WebhookService:
    return WebhookService(pool, client)


@pytest.fixture
def sender(pool: Pool, client: GuardedClient) -> WebhookSender:
    return WebhookSender(pool, client, chance=lambda: 0.0)
