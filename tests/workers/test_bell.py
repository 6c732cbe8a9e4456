"""The ear of a worker, over a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import pytest

from app.aio import end
from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.messages import JobMessage
from workers.bell import BellWorker

QUEUE = "embed:bell"


@dataclass
class Counter:
    """Counts the looks, and has as many slots taken as it is told."""

    took_all: bool = True
    busy: int = 0
    looks: int = 0
    looked: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self) -> bool:
        self.looks += 1
        self.looked.set()
        return self.took_all


@asynccontextmanager
async def listening(redis_url: str, hearer: Counter) -> AsyncIterator[BellWorker]:
    redis = connect(redis_url)
    ear = BellWorker(redis, QUEUE, 1, hearer)
    listening = asyncio.create_task(ear.listen())
    yield ear
    await end([listening])
    await redis.aclose(close_connection_pool=True)


async def rings(doorbell: ArqDoorbell, count: int) -> list[str]:
    messages = [JobMessage(uuid4(), 0) for _ in range(count)]
    for message in messages:
        await doorbell.ring(QUEUE, message)
    return [message.key for message in messages]


async def test_one_look_answers_many_rings(doorbell: ArqDoorbell, redis_url: str) -> None:
    keys = await rings(doorbell, 150)
    hearer = Counter()
    async with listening(redis_url, hearer), asyncio.timeout(10):
        await hearer.looked.wait()
        while await doorbell.forgotten(QUEUE, keys) != set(keys):  # noqa: ASYNC110 - Redis has no event
            await asyncio.sleep(0.01)
    assert hearer.looks == 1


async def test_rings_stay_for_others_while_more_waits(doorbell: ArqDoorbell, redis_url: str) -> None:
    keys = await rings(doorbell, 3)
    hearer, other = Counter(took_all=False), Counter()
    async with asyncio.timeout(10):
        async with listening(redis_url, hearer):
            await hearer.looked.wait()
        assert await doorbell.forgotten(QUEUE, keys) == set()
        async with listening(redis_url, other):
            await other.looked.wait()


@pytest.mark.parametrize("deaf", [True, False])
async def test_who_is_busy_or_leaves_does_not_look(doorbell: ArqDoorbell, redis_url: str, deaf: bool) -> None:
    hearer, free = Counter(busy=0 if deaf else 1), Counter()
    async with listening(redis_url, hearer) as ear, asyncio.timeout(10):
        if deaf:
            ear.deaf()
        await rings(doorbell, 1)
        async with listening(redis_url, free):
            await free.looked.wait()
    assert hearer.looks == 0
