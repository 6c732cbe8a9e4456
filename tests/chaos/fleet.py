"""Worker processes that are started again when they die, and the means to make them die."""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.chaos.worker import Plan

RESTART_S = 0.2


@dataclass
class Fleet:
    """`size` workers of one plan, for the time of `running()`."""

    plan: Plan
    size: int
    log: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    kills: dict[str, float] = field(default_factory=dict)
    """When (time.time) a worker was killed, by its pid."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Fleet"]:
        self.workers = [self._start() for _ in range(self.size)]
        self._supervisor = asyncio.create_task(self._supervise())
        try:
            yield self
        finally:
            self._supervisor.cancel()
            for worker in self.workers:
                worker.kill()
                worker.wait()

    def kill_one(self, busy: Collection[int]) -> None:
        """One of those whose pid is `busy`: who dies before it has begun anything proves nothing."""
        victims = [worker for worker in self.workers if worker.pid in busy and worker.poll() is None]
        if victims:
            victim = random.choice(victims)
            self.kills[str(victim.pid)] = time.time()
            victim.kill()

    def signal(self, number: signal.Signals) -> None:
        for worker in self.workers:
            worker.send_signal(number)

    async def dismiss(self) -> list[int]:
        """SIGTERM to all of them, and nobody is started again; their exit codes."""
        self._supervisor.cancel()
        self.signal(signal.SIGTERM)
        return await asyncio.gather(*(asyncio.to_thread(worker.wait, 60) for worker in self.workers))

    async def _supervise(self) -> None:
        while True:
            for index, worker in enumerate(self.workers):
                if worker.poll() is not None:
                    self.workers[index] = self._start()
            await asyncio.sleep(RESTART_S)

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.worker", json.dumps(asdict(self.plan))],
                stderr=log,
                stdout=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
