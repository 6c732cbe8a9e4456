"""2,000 WebSocket listeners on one web process: how soon each hears of its job's end, and what they cost.

    python -m benchmarks.events [--listeners 2000]

Postgres, Redis and the web process are real; listeners are real sockets, held by this process on the same
cores. A latency runs from before the transaction that ends the job to the event in the listener's hands.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import psutil
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from app.accounts.service import AccountService
from app.accounts.types import LOCAL_USER_ID
from app.commands.serve import listen, url_of
from app.db.embedded import EmbeddedPostgres
from app.db.migrations import migrate
from app.db.pool import Pool, connection, open_pool
from app.jobs.claims import Claims, Outcome
from app.jobs.events import Events
from app.queue.arq_adapter import ArqDoorbell
from app.queue.arq_adapter import connect as connect_redis
from app.queue.embedded import EmbeddedRedis

QUEUE = "embed:bench"
AT_ONCE = 100
"""Connections that are opened side by side."""
PACE_S = 0.01
"""Between two ends of jobs: 100 a second, more than a fleet of ten GPUs makes."""


@dataclass(frozen=True)
class Bench:
    pool: Pool
    claims: Claims
    image: UUID
    service: "Web"

    @property
    def web(self) -> psutil.Process:
        return psutil.Process(self.service.process.pid)

    @property
    def url(self) -> str:
        return url_of(self.service.listener)

    async def job(self) -> UUID:
        job_id = uuid7()
        async with connection(self.pool) as conn:
            await conn.execute(
                "insert into jobs (id, user_id, kind, model, image_id, params, queue, turn, deadline)"
                " values (%s, %s, 'encode', 'bench', %s, %s, %s, 0, now() + interval '1 day')",
                (job_id, LOCAL_USER_ID, self.image, Jsonb({}), QUEUE),
            )
        return job_id

    async def end_next(self) -> tuple[UUID, float]:
        """The job whose turn it was, and when its end began."""
        job = await self.claims.claim(QUEUE, "bench", lease_s=600)
        assert job is not None
        begun = time.perf_counter()
        await self.claims.succeed(job, Outcome({"embedding": {}}), {})
        return job.id, begun

    def socket_url(self, job_id: UUID) -> str:
        return f"{self.url.replace('http', 'ws')}/api/jobs/{job_id}/ws"

    @property
    def cpu_s(self) -> float:
        """What the web process has used, whatever else the machine does."""
        times = self.web.cpu_times()
        return float(times.user + times.system)

    @property
    def rss_mb(self) -> float:
        return self.web.memory_info().rss / 1e6


class Web:
    """One web process, started anew when it was killed, on a socket that is ours, as `cutout dev` does."""

    def __init__(self, dsn: str, redis_url: str, data_dir: Path, listener: socket.socket) -> None:
        self.listener = listener
        self._services = (dsn, redis_url)
        self._environment = os.environ | {"CUTOUT_DATA_DIR": str(data_dir), "CUTOUT_LOG_LEVEL": "warning"}
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        fd = self.listener.fileno()
        command = [sys.executable, "-m", "app.cli", "embedded", "web", *self._services, str(fd)]
        return subprocess.Popen(command, env=self._environment, pass_fds=[fd])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process = self._start()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()


@contextmanager
def web_service(dsn: str, redis_url: str, data_dir: Path) -> Iterator[Web]:
    with listen("127.0.0.1", 0) as listener:
        web = Web(dsn, redis_url, data_dir, listener)
        try:
            yield web
        finally:
            web.end()


@asynccontextmanager
async def bench(folder: Path, dsn: str, redis_url: str) -> AsyncIterator[Bench]:
    pool = await open_pool(dsn)
    redis = connect_redis(redis_url)
    await AccountService(pool).ensure(LOCAL_USER_ID)
    image = uuid7()
    async with connection(pool) as conn:
        await conn.execute(
            "insert into images (id, user_id, storage_key, sha256, width, height, format, bytes)"
            " values (%s, %s, 'bench', 'ab', 640, 480, 'jpeg', 1000)",
            (image, LOCAL_USER_ID),
        )
    with web_service(dsn, redis_url, folder) as web:
        await _ready(url_of(web.listener))
        bell = ArqDoorbell(redis)
        yield Bench(pool, Claims(pool, bell, Events(bell)), image, web)
    await redis.aclose(close_connection_pool=True)
    await pool.close()


async def _ready(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(60):
        while True:
            try:
                await client.get(f"{url}/healthz")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


@asynccontextmanager
async def listening(at: Bench, jobs: Sequence[UUID]) -> AsyncIterator[list[ClientConnection]]:
    """A socket per entry of `jobs`, each with its present state received."""
    gate = asyncio.Semaphore(AT_ONCE)
    async with AsyncExitStack() as open_sockets:

        async def open_one(job_id: UUID) -> ClientConnection:
            async with gate:
                opening = connect(at.socket_url(job_id), compression=None, proxy=None)
                listener = await open_sockets.enter_async_context(opening)
                await listener.recv()
            return listener

        yield list(await asyncio.gather(*(open_one(each) for each in jobs)))


async def heard_end(listener: ClientConnection) -> float:
    """When the final event was there."""
    at = 0.0
    async for message in listener:
        if '"status":"succeeded"' in str(message):
            at = time.perf_counter()
    assert at, "the stream ended without the job's end"
    return at


async def one_each(at: Bench, listeners: int) -> None:
    """Every listener has a job of its own; jobs end one after the other."""
    before = at.rss_mb
    jobs = [await at.job() for _ in range(listeners)]
    async with listening(at, jobs) as sockets:
        await asyncio.sleep(5)
        idle = at.rss_mb
        before_cpu = at.cpu_s
        await asyncio.sleep(10)
        cpu = (at.cpu_s - before_cpu) / 10
        hearing = {job: asyncio.create_task(heard_end(each)) for job, each in zip(jobs, sockets, strict=True)}
        begun: dict[UUID, float] = {}
        for _ in jobs:
            job, moment = await at.end_next()
            begun[job] = moment
            await asyncio.sleep(PACE_S)
        latencies = [await hearing[job] - begun[job] for job in jobs]
    print(
        f"web RSS: {before:.0f} MB alone, {idle:.0f} MB with {listeners} listeners, {at.rss_mb:.0f} MB after"
    )
    print(f"web CPU with {listeners} idle listeners, all of them queued: {cpu:.1%} of a core")
    report(f"{listeners} listeners, a job each", latencies)


async def all_of_one(at: Bench, listeners: int) -> None:
    job = await at.job()
    async with listening(at, [job] * listeners) as sockets:
        hearing = [asyncio.create_task(heard_end(each)) for each in sockets]
        before = at.cpu_s
        _, begun = await at.end_next()
        latencies = [moment - begun for moment in await asyncio.gather(*hearing)]
        cost = at.cpu_s - before
    print(f"web CPU to tell {listeners} listeners and see them off: {cost:.2f} s")
    report(f"{listeners} listeners, all of one job", latencies)


async def over_a_kill(at: Bench, listeners: int) -> None:
    """The web process is killed while the jobs end; every listener comes back with its last event's id."""
    jobs = [await at.job() for _ in range(listeners)]
    gate = asyncio.Semaphore(AT_ONCE)
    connected = asyncio.Semaphore(0)
    listening = [asyncio.create_task(heard_over_breaks(at, job, gate, connected)) for job in jobs]
    for _ in jobs:
        await connected.acquire()
    for number in range(listeners):
        if number == listeners // 2:
            at.service.kill()
            killed = time.perf_counter()
        await at.end_next()
        await asyncio.sleep(PACE_S / 4)
    versions = await asyncio.gather(*listening)
    span = time.perf_counter() - killed
    # a place in the queue that has changed is told under the id of the state that it belongs to
    assert all(heard == sorted(heard) for heard in versions), "an event came out of order"
    print(f"{listeners} listeners, web process killed midway: all heard the end, the last {span:.1f} s after")


async def heard_over_breaks(
    at: Bench, job_id: UUID, gate: asyncio.Semaphore, connected: asyncio.Semaphore
) -> list[int]:
    """The ids of all events until the job's end, over as many connections as it takes."""
    heard: list[int] = []
    while True:
        resume = f"?last_event_id={heard[-1]}" if heard else ""
        try:
            async with gate:
                listener = await connect(at.socket_url(job_id) + resume, compression=None, proxy=None)
            async with listener:
                async for message in listener:
                    event = json.loads(message)
                    heard.append(int(event["id"]))
                    connected.release()
                    if event["data"]["status"] == "succeeded":
                        return heard
        except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError):
            pass
        await asyncio.sleep(random.uniform(0.5, 1.5))


def report(name: str, latencies: Sequence[float]) -> None:
    ms = sorted(1000 * each for each in latencies)
    p95 = ms[int(len(ms) * 0.95)]
    print(f"{name}: p50 {statistics.median(ms):.0f} ms, p95 {p95:.0f} ms, last {ms[-1]:.0f} ms")


async def run(folder: Path, dsn: str, redis_url: str, listeners: int) -> None:
    async with bench(folder, dsn, redis_url) as at:
        await one_each(at, listeners)
        await all_of_one(at, listeners)
        await over_a_kill(at, listeners)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--listeners", type=int, default=2000)
    listeners = parser.parse_args().listeners
    with tempfile.TemporaryDirectory(prefix="cutout-bench-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)  # Postgres under root drops to another user
        postgres, redis = EmbeddedPostgres(folder / "postgres"), EmbeddedRedis(folder / "redis")
        try:
            dsn, redis_url = postgres.start(), redis.start()
            migrate(dsn)
            asyncio.run(run(folder, dsn, redis_url, listeners))
        finally:
            redis.stop()
            postgres.stop()


if __name__ == "__main__":
    main()
