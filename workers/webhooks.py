"""The mask worker sends webhooks beside its jobs."""

import asyncio

from app.aio import outlast
from app.net.client import GuardedClient
from app.webhooks.sender import WebhookSender
from workers.options import Background, Context


def sending(client: GuardedClient) -> Background:
    """Sends until cancelled; what is under way then is finished, so that a deploy repeats no message."""

    async def send(context: Context) -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(WebhookSender(context.pool, client).run(stop))
        try:
            await asyncio.shield(running)
        finally:
            stop.set()
            await outlast(running)

    return send
