"""arq 0.28 behind the port. Only this file and workers/ know of it."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

from arq.connections import ArqRedis, RedisSettings
from arq.constants import job_key_prefix
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.queue.errors import QueueUnavailable
from app.queue.messages import JobMessage

TASK = "work"
"""The one function that our workers register with arq."""

SOCKET_TIMEOUT_S = 5.0
"""A Redis that is connected but silent must not hold a worker: arq sets no timeout of its own."""
CONNECTIONS = 64

PRESENT_S = 15.0
"""A worker that has not been heard of for so long is gone."""
_PRESENT = "cutout:workers"
_NOTES = "cutout:notes:"


def connect(redis_url: str) -> ArqRedis:
    """A lazy client: nothing is sent until the first call, every call is bounded in time."""
    where = RedisSettings.from_dsn(redis_url)
    options: dict[str, Any] = {
        "host": where.host,
        "port": where.port,
        "unix_socket_path": where.unix_socket_path,
        "db": where.database,
        "username": where.username,
        "password": where.password,
        "ssl": where.ssl,
        "socket_timeout": SOCKET_TIMEOUT_S,
        "socket_connect_timeout": SOCKET_TIMEOUT_S,
        "max_connections": CONNECTIONS,
        # a pooled connection that died with the old Redis is replaced once, without a word
        "retry": Retry(NoBackoff(), 1),
        "retry_on_error": [ConnectionError, OSError],
    }
    return ArqRedis(job_serializer=serialize, job_deserializer=json.loads, **options)


def serialize(data: dict[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()


async def drop_rings(redis: ArqRedis, queue: str, keys: Collection[str]) -> None:
    """What `enqueue_job` has made of them. Raises RedisError."""
    async with redis.pipeline(transaction=False) as pipe:
        pipe.zrem(queue, *keys)
        pipe.delete(*(f"{job_key_prefix}{key}" for key in keys))
        await pipe.execute()


class ArqDoorbell:
    """Doorbell, Publisher and Presence over one Redis."""

    def __init__(self, redis: ArqRedis, *, timeout_s: float = 1.0) -> None:
        self._redis = redis
        self._timeout_s = timeout_s

    async def ring(self, queue: str, message: JobMessage) -> None:
        async with self._bounded():
            await self._redis.enqueue_job(TASK, message.to_json(), _job_id=message.key, _queue_name=queue)

    async def forgotten(self, queue: str, keys: Collection[str]) -> set[str]:
        if not keys:
            return set()
        asked = list(keys)
        async with self._bounded():
            scores = await self._redis.zmscore(queue, asked)
        return {key for key, score in zip(asked, scores, strict=True) if score is None}

    async def answered(self, queue: str, keys: Collection[str]) -> None:
        if not keys:
            return
        async with self._bounded():
            await drop_rings(self._redis, queue, keys)

    async def publish(self, *messages: tuple[str, bytes]) -> None:
        async with self._bounded(), self._redis.pipeline(transaction=False) as pipe:
            for channel, payload in messages:
                pipe.publish(channel, payload)
            await pipe.execute()

    async def here(self, queue: str, worker: str) -> None:
        async with self._bounded():
            await self._redis.zadd(_PRESENT, {f"{queue} {worker}": time.time()})

    async def gone(self, queue: str, worker: str) -> None:
        async with self._bounded():
            await self._redis.zrem(_PRESENT, f"{queue} {worker}")

    async def alive(self) -> dict[str, int] | None:
        try:
            async with self._bounded():
                await self._redis.zremrangebyscore(_PRESENT, 0, time.time() - PRESENT_S)
                names = await self._redis.zrange(_PRESENT, 0, -1)
        except QueueUnavailable:
            return None
        return dict(Counter(name.decode().partition(" ")[0] for name in names))

    async def note(self, queue: str, notes: Sequence[str]) -> None:
        async with self._bounded():
            await self._redis.set(_NOTES + queue, json.dumps(notes), px=round(PRESENT_S * 1000))

    async def notes(self, queue: str) -> tuple[str, ...]:
        async with self._bounded():
            found = await self._redis.get(_NOTES + queue)
        return tuple(json.loads(found)) if found else ()

    async def ping(self) -> None:
        """Raises QueueUnavailable."""
        async with self._bounded():
            await self._redis.ping()

    async def close(self) -> None:
        await self._redis.aclose(close_connection_pool=True)

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except (RedisError, OSError, TimeoutError) as error:
            raise QueueUnavailable("the queue does not answer") from error
