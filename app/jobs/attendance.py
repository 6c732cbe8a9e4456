"""At which queues somebody works. Where workers are stopped when there is nothing to do, nobody may."""

import time
from collections.abc import Callable

from app.queue.port import Presence

FRESH_S = 2.0
"""Redis is asked no more often: a worker needs seconds to start."""


class Attendance:
    def __init__(self, presence: Presence | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._presence = presence
        self._clock = clock
        self._workers: dict[str, int] | None = None
        self._fresh_until = -1.0

    async def nobody_at(self, queue: str) -> bool:
        """No worker of this queue is alive. False where that is not known."""
        if self._presence is not None and self._clock() >= self._fresh_until:
            # first: where Redis is silent one asks and waits, the others go on with what was known
            self._fresh_until = self._clock() + FRESH_S
            self._workers = await self._presence.alive()
        return self._workers is not None and queue not in self._workers
