"""Work that comes together is done together: one run of the encoder for several jobs, errors apart."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from app.telemetry.metrics import BATCHES

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class BatchOptions:
    size: int = 1
    """The most in one batch."""
    wait_s: float = 0.005
    """How long the first of a batch waits for others while nothing else is worked on."""


@dataclass(frozen=True, slots=True)
class Batched(Generic[Out]):
    """One item's share of a batch."""

    value: Out
    size: int
    """Items in the batch."""
    waited_s: float
    """From handing it in until its batch began."""
    worked_s: float
    """Of the whole batch."""


@dataclass(slots=True)
class _Item(Generic[In, Out]):
    value: In
    answer: asyncio.Future[Batched[Out]]
    since: float = field(default_factory=time.perf_counter)


class Batcher(Generic[In, Out]):
    """Runs `work` on batches, one at a time, in a thread of its own. Belongs to one event loop.

    While a batch is worked on the next one gathers. When a batch of several raises, each is tried by itself,
    so that only the guilty one fails; after an error in `fatal` there is no use in that: all of them fail.
    """

    def __init__(
        self,
        work: Callable[[Sequence[In]], Sequence[Out]],
        options: BatchOptions,
        fatal: tuple[type[Exception], ...] = (),
    ) -> None:
        self._work = work
        self._options = options
        self._fatal = fatal
        self._waiting: list[_Item[In, Out]] = []
        self._full = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        # always the same thread: asyncio's own pool is busy with pictures, and CUDA graphs are a thread's own
        self._thread = ThreadPoolExecutor(1, "encoder")

    async def submit(self, value: In) -> Batched[Out]:
        """Raises what `work` raises for this item."""
        item = _Item[In, Out](value, asyncio.get_running_loop().create_future())
        self._waiting.append(item)
        if len(self._waiting) >= self._options.size:
            self._full.set()
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await item.answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                batch = self._taken()
                if batch:
                    await self._do(batch)
        finally:
            self._running = None

    async def _gather(self) -> None:
        """Until the batch is full, or its first item has waited long enough."""
        until = self._waiting[0].since + self._options.wait_s
        left = until - time.perf_counter()
        if len(self._waiting) < self._options.size and left > 0:
            self._full.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._full.wait()

    def _taken(self) -> list[_Item[In, Out]]:
        size = self._options.size
        batch, self._waiting = self._waiting[:size], self._waiting[size:]
        return [item for item in batch if not item.answer.done()]

    async def _do(self, batch: Sequence[_Item[In, Out]]) -> None:
        begun = time.perf_counter()
        values = [item.value for item in batch]
        try:
            answers = await asyncio.get_running_loop().run_in_executor(self._thread, self._work, values)
            pairs = list(zip(batch, answers, strict=True))
        except Exception as error:
            if len(batch) == 1 or isinstance(error, self._fatal):
                _fail(batch, error)
                return
            for item in batch:
                await self._do([item])
            return
        worked = time.perf_counter() - begun
        BATCHES.observe(len(batch))
        for item, answer in pairs:
            if not item.answer.done():
                item.answer.set_result(Batched(answer, len(batch), begun - item.since, worked))


def _fail(batch: Sequence[_Item[In, Out]], error: Exception) -> None:
    for item in batch:
        if not item.answer.done():
            item.answer.set_exception(error)
