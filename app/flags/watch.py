"""Looks at our own path every second, and sends new work to ClippingMagic while it is unwell."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict

import structlog

from app.aio import end
from app.db.pool import Pool, connection, transaction
from app.engines.names import EngineName
from app.errors import Unavailable
from app.flags import repository
from app.flags.health import HealthLimits, Sample, step
from app.flags.service import Flags
from app.jobs.service import JobService
from app.queue.port import Presence
from app.telemetry.metrics import SWITCHES

LOOK_S = 1.0
WINDOW_S = 60.0
"""What ended within this tells how many fail."""

_log = structlog.get_logger()


class HealthWatch:
    """Any number may run; the row lets one look at a time, and all see what it found."""

    def __init__(
        self,
        pool: Pool,
        flags: Flags,
        jobs: JobService,
        presence: Presence,
        *,
        queues: Sequence[str],
        limits: HealthLimits,
        look_s: float = LOOK_S,
    ) -> None:
        """`queues`: where what `remove` of the model in service takes waits."""
        self._pool = pool
        self._flags = flags
        self._jobs = jobs
        self._presence = presence
        self._queues = queues
        self._limits = limits
        self._look_s = look_s

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            await end([task])

    async def look(self) -> None:
        """Once. Raises DatabaseUnavailable."""
        async with connection(self._pool) as conn:
            if not await repository.turn_to_look(conn, self._look_s * 0.8):
                return
        sample = await self._sample()
        async with transaction(self._pool) as conn:
            before, now = await repository.health(conn)
            health, reason = step(before, sample, self._limits, now)
            await repository.set_health(conn, health)
            if reason is not None:
                await repository.switched(conn, health.fallback, reason, asdict(sample))
        if reason is not None:
            # an error, so that somebody is told: new work costs real money now, or does no longer
            _log.error("engine switched", fallback=health.fallback, reason=reason, **asdict(sample))
            SWITCHES.labels(EngineName.CLIPPINGMAGIC if health.fallback else EngineName.SAM2, reason).inc()
            await self._flags.tell()

    async def _sample(self) -> Sample:
        pulse = await self._jobs.pulse(self._queues, WINDOW_S)
        alive = await self._presence.alive()
        workers = None if alive is None else min(alive.get(queue, 0) for queue in self._queues)
        return Sample(pulse.oldest_s, pulse.ended, pulse.faults, workers)

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except Unavailable as error:
                _log.warning("health not looked at", code=error.code)
            await asyncio.sleep(self._look_s)
