"""Redis's publish/subscribe behind the port: one connection, however many listeners."""

from collections.abc import AsyncIterator

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.queue.errors import QueueUnavailable

SILENCE_S = 5.0
"""After so long without a message Redis is asked whether it is there; after as long again it is given up."""


class RedisSubscriber:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def messages(self, pattern: str) -> AsyncIterator[tuple[str, bytes]]:
        """(channel, payload) as they come. Raises QueueUnavailable when the connection breaks."""
        subscription = self._redis.pubsub(ignore_subscribe_messages=True)
        try:
            await subscription.psubscribe(pattern)
            asked = False
            while True:
                message = await subscription.get_message(timeout=SILENCE_S)
                if message is None:
                    if asked:
                        raise QueueUnavailable("the queue is connected, but silent")
                    await subscription.ping()
                asked = message is None
                if message is not None and message["type"] == "pmessage":
                    yield message["channel"].decode(), message["data"]
        except (RedisError, OSError) as error:
            raise QueueUnavailable("the queue does not answer") from error
        finally:
            await subscription.aclose()  # type: ignore[no-untyped-call]
