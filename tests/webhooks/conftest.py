"""A user with an image and jobs, and a client that reaches receivers on loopback."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from app.db.pool import Pool, connection
from app.jobs.claims import Claims
from app.jobs.events import Events
from app.jobs.service import JobService
from app.jobs.types import EncodeParams, Job, JobKind, NewJob
from app.net.client import GuardedClient
from app.queue.arq_adapter import ArqDoorbell
from app.webhooks.sender import WebhookSender
from app.webhooks.service import WebhookService
from app.webhooks.types import JobWebhook

NewJobOf = Callable[..., Awaitable[Job]]


async def add_user(pool: Pool) -> UUID:
    user = uuid7()
    async with connection(pool) as conn:
        await conn.execute("insert into users (id) values (%s)", (user,))
    return user


async def add_image(pool: Pool, user: UUID) -> UUID:
    image = uuid7()
    async with connection(pool) as conn:
        await conn.execute(
            "insert into images (id, user_id, storage_key, sha256, width, height, format, bytes)"
            " values (%s, %s, 'key', 'hash', 1, 1, 'png', 1)",
            (image, user),
        )
    return image


@pytest.fixture
async def user(pool: Pool) -> UUID:
    return await add_user(pool)


@pytest.fixture
def jobs(pool: Pool, doorbell: ArqDoorbell) -> JobService:
    return JobService(pool, doorbell)


@pytest.fixture
def claims(pool: Pool, doorbell: ArqDoorbell) -> Claims:
    return Claims(pool, doorbell, Events(None))


@pytest.fixture
async def new_job(pool: Pool, jobs: JobService, user: UUID) -> NewJobOf:
    image = await add_image(pool, user)

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
