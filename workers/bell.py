"""arq's worker as the ear for the doorbell; it keeps hearing when Redis goes and comes back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix
from arq.worker import Worker, func
from redis.exceptions import RedisError

from app.queue.arq_adapter import TASK

POLL_DELAY_S = 0.02
"""Pick-up p50 13 ms, p95 24 ms, 1.2 % of a core when idle; arq's default 0.5 makes it 250 ms."""
LOCK_S = 10.0
"""arq's lock on a message whose worker was killed; the row's own lease decides who works, not this."""
READ_LIMIT = 1000
"""Messages read per poll. With arq's 100, as many locks of killed workers at the head stop an idle worker."""
_PAUSE_S = 0.5

Heard = Callable[[object], Awaitable[None]]
_log = structlog.get_logger()


class BellWorker(Worker):
    """Calls `heard(message)` for each message, at most `slots` at once; holds it until that returns."""

    def __init__(self, redis: ArqRedis, queue: str, slots: int, heard: Heard) -> None:
        self._heard = heard
        super().__init__(
            [func(self._hear, name=TASK, timeout=None)],
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

    async def _poll_iteration(self) -> None:
        try:
            await super()._poll_iteration()
        except (RedisError, OSError) as error:
            await self._recover(error)

    async def _recover(self, error: Exception) -> None:
        _log.warning("the queue does not answer", queue=self.queue_name, error=str(error))
        await asyncio.sleep(_PAUSE_S)
        # arq takes a slot before it talks to Redis and does not give it back when that fails (start_jobs)
        self.tasks = {key: task for key, task in self.tasks.items() if not task.done()}
        self.job_counter = len(self.tasks)
        self.sem = asyncio.BoundedSemaphore(self.max_jobs + 1)
        for _ in self.tasks:
            await self.sem.acquire()

    async def _hear(self, ctx: dict[str, Any], message: object) -> None:
        keeper = asyncio.create_task(self._keep_lock(in_progress_key_prefix + ctx["job_id"]))
        try:
            await self._heard(message)
        finally:
            keeper.cancel()

    async def _keep_lock(self, key: str) -> None:
        while True:
            await asyncio.sleep(LOCK_S / 3)
            try:
                await self.pool.pexpire(key, int(LOCK_S * 1000))
            except (RedisError, OSError):
                continue  # the message is heard twice at worst
