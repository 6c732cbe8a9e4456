"""A receiver that fails three times and a sender that is killed in between: one message, delivered."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from standardwebhooks.webhooks import Webhook

from app.db.pool import Pool, connection
from app.webhooks.service import WebhookService
from tests.net.servers import Heard, reply, serving


@asynccontextmanager
async def a_sender(dsn: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.webhooks.sender_process", dsn)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_killed_senders_message_arrives_with_the_same_id(
    webhooks: WebhookService, user: UUID, pool: Pool, dsn: str
) -> None:
    async def answer(heard: Heard, writer: asyncio.StreamWriter) -> None:
        attempt = len(receiver.heard)
        if attempt == 2:
            await asyncio.Event().wait()  # the sender is killed while it waits for this answer
        await reply(500 if attempt < 5 else 200)(heard, writer)

    async def hurry(change: str) -> None:
        async with connection(pool) as conn:
            await conn.execute(f"update webhook_deliveries set {change} where state = 'pending'")

    async def recorded(attempts: int) -> None:
        while (await webhooks.delivery(user, delivery.id))[0].attempts < attempts:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)

    async with asyncio.timeout(60), serving(answer) as receiver:
        endpoint, secret = await webhooks.create(user, receiver.url())
        delivery = await webhooks.test(user, endpoint.id)
        async with a_sender(dsn) as sender:
            await recorded(1)
            await hurry("next_at = now()")
            await receiver.has_heard(2)
            sender.kill()
            await sender.wait()
        assert (await webhooks.delivery(user, delivery.id))[0].attempts == 1
        await hurry("lease_until = now()")  # as if 30 s had passed
        async with a_sender(dsn):
            for done in (2, 3, 4):
                await recorded(done)
                await hurry("next_at = now()")

    ended, attempts = await webhooks.delivery(user, delivery.id)
    assert (ended.state, [each.status for each in attempts]) == ("delivered", [500, 500, 500, 200])
    assert len(receiver.heard) == 5
    for heard in receiver.heard:
        assert heard.headers["webhook-id"] == str(delivery.id)
        Webhook(secret.secret).verify(heard.body, heard.headers)
