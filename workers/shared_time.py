"""Whose seconds are they: runs that go on side by side share the worker's time evenly."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Share:
    seconds: float = 0.0
    """Once its block has ended. All shares of a worker together are the time that it was not idle."""


class SharedTime:
    """Belongs to one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._running = 0
        self._last = 0.0
        self._each = 0.0
        """Seconds that a run has got which was there from the beginning."""

    @contextmanager
    def share(self) -> Iterator[Share]:
        self._advance()
        self._running += 1
        share, since = Share(), self._each
        try:
            yield share
        finally:
            self._advance()
            self._running -= 1
            share.seconds = self._each - since

    def _advance(self) -> None:
        now = self._clock()
        if self._running:
            self._each += (now - self._last) / self._running
        self._last = now
