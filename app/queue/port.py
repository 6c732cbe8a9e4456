"""What the product knows of the queue: a bell that can be rung, and asked what it still remembers."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Protocol

from app.queue.messages import JobMessage


class Doorbell(Protocol):
    async def ring(self, queue: str, message: JobMessage) -> None:
        """Wake a worker of this queue. Raises QueueUnavailable; the reconciler will ring again."""
        ...

    async def forgotten(self, queue: str, keys: Collection[str]) -> set[str]:
        """Which of these announcements (`JobMessage.key`) Redis does not hold. Raises QueueUnavailable."""
        ...

    async def answered(self, queue: str, keys: Collection[str]) -> None:
        """Forget these announcements. Raises QueueUnavailable; a ring too many does no harm."""
        ...


class Publisher(Protocol):
    async def publish(self, *messages: tuple[str, bytes]) -> None:
        """Tell whoever listens right now: (channel, payload) each. Raises QueueUnavailable."""
        ...


class Subscriber(Protocol):
    def messages(self, pattern: str) -> AsyncIterator[tuple[str, bytes]]:
        """(channel, payload) of what is published from now on. Raises QueueUnavailable when it breaks off."""
        ...


class Presence(Protocol):
    async def here(self, queue: str, worker: str) -> None:
        """This worker is alive; to be said every few seconds. Raises QueueUnavailable."""
        ...

    async def gone(self, queue: str, worker: str) -> None:
        """Raises QueueUnavailable."""
        ...

    async def note(self, queue: str, notes: Sequence[str]) -> None:
        """What a living worker runs other than was asked for; said as often. Raises QueueUnavailable."""
        ...

    async def notes(self, queue: str) -> tuple[str, ...]:
        """Of a queue's workers, lately. Raises QueueUnavailable."""
        ...

    async def alive(self) -> dict[str, int] | None:
        """Workers by queue; None where Redis does not answer."""
        ...
