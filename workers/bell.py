"""arq's worker as the ear for the doorbell; it keeps hearing when Redis goes and comes back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

import structlog
from arq.connections import ArqRedis
from arq.worker import Worker, func
from redis.exceptions import RedisError

from app.queue.arq_adapter import TASK

POLL_DELAY_S = 0.02
"""Pick-up p50 13 ms, p95 24 ms, 1.2 % of a core when idle; arq's default 0.5 makes it 250 ms."""
LOCK_S = 10.0
"""arq's lock on a message whose worker was killed; the row's own lease decides who works, not this."""
READ_LIMIT = 1000
"""Messages read per poll. With arq's 100, as many locks of killed workers at the head stop an idle worker."""
LOOK_S = 0.5
"""Between two looks of a patient worker: little beside the seconds that its jobs have waited."""
_PAUSE_S = 0.5

_log = structlog.get_logger()


class Hearer(Protocol):
    @property
    def busy(self) -> int:
        """Slots that are taken."""
        ...

    async def heard(self, message: object) -> None: ...


class Ear(Protocol):
    """Learns that there is work."""

    async def listen(self) -> None:
        """Until cancelled."""
        ...

    def deaf(self) -> None:
        """Take no more messages; those at work go on."""
        ...

    async def quiet(self) -> None:
        """After `listen` was cancelled: the messages under way are done with."""
        ...


class Patience:
    """The ear of a worker that leaves young jobs to others: a ring that it heard would be lost to them."""

    def __init__(self, look: Callable[[], Awaitable[None]]) -> None:
        self._look = look

    async def listen(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(LOOK_S)

    def deaf(self) -> None:
        pass

    async def quiet(self) -> None:
        pass


class BellWorker(Worker):
    """Tells its hearer of each message; takes none while all slots are taken, so that idle workers do."""

    def __init__(self, redis: ArqRedis, queue: str, slots: int, hearer: Hearer) -> None:
        self._hearer = hearer
        self._under_way = 0
        super().__init__(
            [func(cast(Any, self._hear), name=TASK)],
            queue_name=queue,
            redis_pool=redis,
            handle_signals=False,
            max_jobs=slots,
            job_timeout=24 * 3600,
            keep_result=0,
            poll_delay=POLL_DELAY_S,
            queue_read_limit=READ_LIMIT,
            max_tries=1_000_000,  # a message may be heard any number of times: the row knows better
            health_check_interval=60,
            job_serializer=redis.job_serializer,
            job_deserializer=redis.job_deserializer,
            log_results=False,
        )
        self.in_progress_timeout_s = LOCK_S

    @property
    def job_counter(self) -> int:
        """What arq holds against `max_jobs`: messages under way, and slots whose message is long done."""
        return self._under_way + self._hearer.busy

    @job_counter.setter
    def job_counter(self, value: int) -> None:
        self._under_way = value - self._hearer.busy

    async def listen(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.async_run()
            except (RedisError, OSError) as error:
                await self._recover(error)

    def deaf(self) -> None:
        """Take no more messages; those at work go on."""
        self.allow_pick_jobs = False

    async def quiet(self) -> None:
        """After `listen` was cancelled: the messages under way are done with."""
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)

    async def _poll_iteration(self) -> None:
        try:
            await super()._poll_iteration()
        except (RedisError, OSError) as error:
            await self._recover(error)

    async def _recover(self, error: Exception) -> None:
        _log.warning("the queue does not answer", queue=self.queue_name, error=str(error))
        await asyncio.sleep(_PAUSE_S)
        # arq counts a message before it talks to Redis and does not take that back when it fails (start_jobs)
        self.tasks = {key: task for key, task in self.tasks.items() if not task.done()}
        self._under_way = len(self.tasks)
        self.sem = asyncio.BoundedSemaphore(self.max_jobs + 1)
        for _ in self.tasks:
            await self.sem.acquire()

    async def _hear(self, _ctx: dict[str, Any], message: object) -> None:
        await self._hearer.heard(message)
