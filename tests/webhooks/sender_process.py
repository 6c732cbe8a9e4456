"""A sender in a process of its own, to be killed: `python -m tests.webhooks.sender_process DSN`."""

import asyncio
import os
import sys

from app.db.pool import open_pool
from app.guard import end_with_parent
from app.net.client import GuardedClient
from app.webhooks.sender import WebhookSender


async def main(dsn: str) -> None:
    pool = await open_pool(dsn)
    client = GuardedClient(allow_loopback=True)
    await WebhookSender(pool, client, chance=lambda: 0.0).run(asyncio.Event())


if __name__ == "__main__":
    end_with_parent(os.getppid())
    asyncio.run(main(sys.argv[1]))
