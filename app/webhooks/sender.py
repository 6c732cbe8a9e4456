"""Sends what the outbox holds. Any number may run; what a killed one was sending goes out again, same id."""

import asyncio
import random
import time
from collections.abc import Callable

import structlog
from uuid_utils.compat import uuid7

from app.db.errors import DatabaseUnavailable
from app.db.pool import Pool, connection, transaction
from app.net.client import WEBHOOK_DEADLINE_S, DeliveryOutcome, GuardedClient
from app.telemetry.metrics import WEBHOOKS
from app.webhooks import repository, signing
from app.webhooks.schedule import GIVE_UP_AFTER, wait_s
from app.webhooks.types import Delivery

BATCH = 32
"""Deliveries in flight at once; each holds one socket for at most 15 s."""
PER_RECEIVER = 4
LEASE_S = 2 * WEBHOOK_DEADLINE_S
POLL_S = 1.0
"""One indexed query a second and worker: a message leaves within a second of its job's end."""
KEEP_S = 30 * 86_400.0
FORGET_EVERY_S = 3600.0

_GONE = 410  # RFC 9110 §15.5.11: the receiver asks to be forgotten

log = structlog.get_logger(__name__)


class WebhookSender:
    def __init__(
        self, pool: Pool, client: GuardedClient, *, chance: Callable[[], float] = random.random
    ) -> None:
        self._pool = pool
        self._client = client
        self._chance = chance
        self._sending = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop; what is under way is finished first. Waits out a database that is away."""
        forget_at = 0.0
        async with asyncio.TaskGroup() as tasks:
            while not stop.is_set():
                claimed: list[Delivery] = []
                try:
                    claimed = await self._claim(BATCH - self._sending)
                    if time.monotonic() >= forget_at:
                        await self.forget_old()
                        forget_at = time.monotonic() + FORGET_EVERY_S
                except DatabaseUnavailable:
                    log.warning("webhooks wait for the database")
                for delivery in claimed:
                    tasks.create_task(self._try(delivery))
                if not claimed:
                    await _wait(stop, POLL_S)

    async def send_due(self) -> int:
        """Send what is due now, each delivery once; how many were tried. Raises DatabaseUnavailable."""
        claimed = await self._claim(BATCH)
        async with asyncio.TaskGroup() as tasks:
            for delivery in claimed:
                tasks.create_task(self._try(delivery))
        return len(claimed)

    async def forget_old(self) -> None:
        """Remove ended deliveries that nobody will ask for any more."""
        async with connection(self._pool) as conn:
            await repository.forget_old(conn, KEEP_S)

    async def _claim(self, limit: int) -> list[Delivery]:
        if limit <= 0:
            return []
        async with connection(self._pool) as conn:
            claimed = await repository.claim(conn, limit=limit, per_receiver=PER_RECEIVER, lease_s=LEASE_S)
        self._sending += len(claimed)
        return claimed

    async def _try(self, delivery: Delivery) -> None:
        """One attempt. What cannot be recorded is sent again, same id, when its lease has run out."""
        try:
            await self._record(delivery, await self._post(delivery))
        except DatabaseUnavailable:
            log.warning("webhook attempt not recorded", delivery=str(delivery.id))
        except Exception:
            log.exception("webhook attempt broke", delivery=str(delivery.id))
        finally:
            self._sending -= 1

    async def _post(self, delivery: Delivery) -> DeliveryOutcome:
        secrets = await self._secrets(delivery)
        body = delivery.payload.encode()
        headers = signing.headers(secrets, str(delivery.id), int(time.time()), body)
        return await self._client.post_webhook(
            delivery.url, body, {"Content-Type": "application/json", **headers}
        )

    async def _secrets(self, delivery: Delivery) -> list[str]:
        """All that we send is signed, also for a user who never asked for the secret of single jobs."""
        async with transaction(self._pool) as conn:
            return await repository.ensure_secrets(
                conn, delivery.user_id, delivery.endpoint_id, uuid7(), signing.new_secret()
            )

    async def _record(self, delivery: Delivery, outcome: DeliveryOutcome) -> None:
        WEBHOOKS.labels("delivered" if outcome.delivered else "failed").inc()
        number = delivery.attempts + 1
        gone = outcome.status == _GONE
        values = {
            "id": delivery.id,
            "number": number,
            "status": outcome.status,
            "ms": outcome.ms,
            "error": outcome.error,
            "delivered": outcome.delivered,
            "wait_s": None if gone else wait_s(delivery.step + 1, self._chance()),
        }
        async with transaction(self._pool) as conn:
            if not await repository.record_attempt(conn, values):
                return
            await repository.settle(conn, values)
            if delivery.endpoint_id is None:
                return
            if outcome.delivered:
                await repository.endpoint_took(conn, delivery.endpoint_id)
                return
            await repository.endpoint_failed(conn, delivery.endpoint_id)
            reason, after_s = ("gone", 0.0) if gone else ("failing", GIVE_UP_AFTER.total_seconds())
            if await repository.disable_endpoint(conn, delivery.endpoint_id, reason, after_s):
                await repository.drop_pending(conn, delivery.endpoint_id)
                log.warning("webhook endpoint disabled", endpoint=str(delivery.endpoint_id), reason=reason)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
