"""What asyncio does not do by itself."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Any


async def end(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Cancel until it is heard, and wait: Python 3.11's wait_for, by which redis-py sends, loses a cancel
    that comes while it completes (cpython issue 86296)."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=0.5)


async def outlast(task: asyncio.Future[Any]) -> None:
    """Wait for the task, however often the one who waits is cancelled."""
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task})
