"""What a user does with webhooks. Sending is sender.py's."""

import builtins
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from app.db.page import Page, after, cut
from app.db.pool import Connection, Pool, connection, transaction
from app.net.client import GuardedClient
from app.webhooks import repository, signing
from app.webhooks.errors import DeliveryNotFound, TooManyWebhooks, WebhookDisabled, WebhookNotFound
from app.webhooks.types import (
    TEST_EVENT,
    Attempt,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointChange,
    JobWebhook,
    WebhookEvent,
)

MAX_ENDPOINTS = 20
ROTATION_S = 24 * 3600.0
"""So long the secret before the present one signs as well."""


@dataclass(frozen=True, slots=True)
class NewSecret:
    """The only time that a secret is shown."""

    secret: str

    def __repr__(self) -> str:
        return "NewSecret(…)"


class WebhookService:
    """Methods raise DatabaseUnavailable; WebhookNotFound or DeliveryNotFound for what is not the user's."""

    def __init__(self, pool: Pool, client: GuardedClient) -> None:
        self._pool = pool
        self._client = client

    def for_job(self, url: str, events: Sequence[WebhookEvent] = ()) -> JobWebhook:
        """What a new job keeps of `webhook_url` and `webhook_events`. Raises UrlRefused."""
        self._client.check(url)
        return JobWebhook(url=url, events=tuple(events))

    async def create(
        self, user_id: UUID, url: str, events: Sequence[WebhookEvent] = (), description: str = ""
    ) -> tuple[Endpoint, NewSecret]:
        """Raises UrlRefused, TooManyWebhooks."""
        self._client.check(url)
        values = {
            "id": uuid7(),
            "user_id": user_id,
            "url": url,
            "events": [str(event) for event in events],
            "description": description,
            "most": MAX_ENDPOINTS,
        }
        async with transaction(self._pool) as conn:
            endpoint = await repository.insert_endpoint(conn, values)
            if endpoint is None:
                raise TooManyWebhooks(f"An account has at most {MAX_ENDPOINTS} webhook endpoints.")
            return endpoint, await _new_secret(conn, user_id, endpoint.id)

    async def list(self, user_id: UUID) -> builtins.list[Endpoint]:
        async with connection(self._pool) as conn:
            return await repository.endpoints(conn, user_id)

    async def get(self, user_id: UUID, endpoint_id: UUID) -> Endpoint:
        async with connection(self._pool) as conn:
            return await _own_endpoint(conn, user_id, endpoint_id)

    async def change(self, user_id: UUID, endpoint_id: UUID, change: EndpointChange) -> Endpoint:
        """Disabling ends what is pending; enabling forgets the failures. Raises UrlRefused."""
        if change.url is not None:
            self._client.check(change.url)
        values = {
            **change.model_dump(),
            "events": None if change.events is None else [str(event) for event in change.events],
            "id": endpoint_id,
            "user_id": user_id,
        }
        async with transaction(self._pool) as conn:
            endpoint = await repository.change_endpoint(conn, values)
            if endpoint is None:
                raise WebhookNotFound("There is no such webhook endpoint.")
            if change.enabled is False:
                await repository.drop_pending(conn, endpoint_id)
            return endpoint

    async def delete(self, user_id: UUID, endpoint_id: UUID) -> None:
        """With its secrets and its deliveries."""
        async with connection(self._pool) as conn:
            if not await repository.delete_endpoint(conn, user_id, endpoint_id):
                raise WebhookNotFound("There is no such webhook endpoint.")

    async def rotate_secret(self, user_id: UUID, endpoint_id: UUID | None) -> NewSecret:
        """A new secret; the present one signs beside it for a day. None: the one of jobs' `webhook_url`."""
        async with transaction(self._pool) as conn:
            if endpoint_id is not None:
                await _own_endpoint(conn, user_id, endpoint_id)
            return await _new_secret(conn, user_id, endpoint_id)

    async def test(self, user_id: UUID, endpoint_id: UUID) -> Delivery:
        """Send a message that means nothing. Raises WebhookDisabled."""
        now = datetime.now(UTC).isoformat()
        async with transaction(self._pool) as conn:
            endpoint = await _own_endpoint(conn, user_id, endpoint_id)
            _refuse_disabled(endpoint)
            values = {
                "id": uuid7(),
                "user_id": user_id,
                "endpoint_id": endpoint_id,
                "event": TEST_EVENT,
                "url": endpoint.url,
                "payload": json.dumps({"type": TEST_EVENT, "timestamp": now, "data": {}}),
            }
            return await repository.insert_delivery(conn, values)

    async def deliveries(
        self,
        user_id: UUID,
        *,
        endpoint_id: UUID | None = None,
        job_id: UUID | None = None,
        batch_id: UUID | None = None,
        state: DeliveryState | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Delivery]:
        """Newest first. Raises BadCursor."""
        values = {
            "user_id": user_id,
            "endpoint_id": endpoint_id,
            "job_id": job_id,
            "batch_id": batch_id,
            "state": state,
            "after": after(cursor),
            "limit": limit + 1,
        }
        async with connection(self._pool) as conn:
            found = await repository.deliveries(conn, values)
        return cut(found, [delivery.id for delivery in found], limit)

    async def latest(self, limit: int) -> builtins.list[Delivery]:
        """Everybody's, newest first: for operators."""
        async with connection(self._pool) as conn:
            return await repository.latest(conn, limit)

    async def delivery(self, user_id: UUID, delivery_id: UUID) -> tuple[Delivery, builtins.list[Attempt]]:
        async with connection(self._pool) as conn:
            delivery = await repository.delivery(conn, user_id, delivery_id)
            if delivery is None:
                raise DeliveryNotFound("There is no such delivery.")
            return delivery, await repository.attempts(conn, delivery_id)

    async def redeliver(self, user_id: UUID, delivery_id: UUID) -> Delivery:
        """Send once more, under the same id, with the whole schedule before it. Raises WebhookDisabled."""
        async with transaction(self._pool) as conn:
            delivery = await repository.redeliver(conn, user_id, delivery_id)
            if delivery is None:
                raise DeliveryNotFound("There is no such delivery.")
            if delivery.endpoint_id is not None:
                _refuse_disabled(await _own_endpoint(conn, user_id, delivery.endpoint_id))
            return delivery


async def _own_endpoint(conn: Connection, user_id: UUID, endpoint_id: UUID) -> Endpoint:
    endpoint = await repository.endpoint(conn, user_id, endpoint_id)
    if endpoint is None:
        raise WebhookNotFound("There is no such webhook endpoint.")
    return endpoint


def _refuse_disabled(endpoint: Endpoint) -> None:
    if endpoint.disabled_at is not None:
        raise WebhookDisabled("The webhook endpoint is disabled; enable it first.")


async def _new_secret(conn: Connection, user_id: UUID, endpoint_id: UUID | None) -> NewSecret:
    secret = signing.new_secret()
    values = {
        "id": uuid7(),
        "user_id": user_id,
        "endpoint_id": endpoint_id,
        "secret": secret,
        "keep_s": ROTATION_S,
    }
    await repository.replace_secret(conn, values)
    return NewSecret(secret)
