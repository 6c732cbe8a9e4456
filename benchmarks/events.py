"""2,000 WebSocket listeners on one web process: how soon each hears of its job's end, and what they cost.

    python -m benchmarks.events [--listeners 2000]

Postgres, Redis and the web process are real; listeners are real sockets, held by this process on the same
cores. A latency runs from before the transaction that ends the job to the event in the listener's hands.
"""

import argparse
import asyncio
import os
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
    web: psutil.Process
    url: str

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

    @property
    def cpu_s(self) -> float:
        """What the web process has used, whatever else the machine does."""
        times = self.web.cpu_times()
        return float(times.user + times.system)

    @property
    def rss_mb(self) -> float:
        return self.web.memory_info().rss / 1e6


@contextmanager
def web_process(dsn: str, redis_url: str, data_dir: Path) -> Iterator[tuple[psutil.Process, str]]:
    environment = os.environ | {"CUTOUT_DATA_DIR": str(data_dir), "CUTOUT_LOG_LEVEL": "warning"}
    with listen("127.0.0.1", 0) as listener:
        command = [sys.executable, "-m", "app.cli", "embedded", "web", dsn, redis_url, str(listener.fileno())]
        with subprocess.Popen(command, env=environment, pass_fds=[listener.fileno()]) as process:
            try:
                yield psutil.Process(process.pid), url_of(listener)
            finally:
                process.terminate()


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
    with web_process(dsn, redis_url, folder) as (web, url):
        await _ready(url)
        bell = ArqDoorbell(redis)
        yield Bench(pool, Claims(pool, bell, Events(bell)), image, web, url)
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
            url = f"{at.url.replace('http', 'ws')}/api/jobs/{job_id}/ws"
            async with gate:
                socket = await open_sockets.enter_async_context(connect(url, compression=None, proxy=None))
                await socket.recv()
            return socket

        yield list(await asyncio.gather(*(open_one(each) for each in jobs)))


async def heard_end(socket: ClientConnection) -> float:
    """When the final event was there."""
    at = 0.0
    async for message in socket:
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
        at.web.cpu_percent()
        await asyncio.sleep(10)
        cpu = at.web.cpu_percent()
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
    print(f"web CPU with {listeners} idle listeners, all of them queued: {cpu:.1f} % of a core")
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


def report(name: str, latencies: Sequence[float]) -> None:
    ms = sorted(1000 * each for each in latencies)
    p95 = ms[int(len(ms) * 0.95)]
    print(f"{name}: p50 {statistics.median(ms):.0f} ms, p95 {p95:.0f} ms, last {ms[-1]:.0f} ms")


async def run(folder: Path, dsn: str, redis_url: str, listeners: int) -> None:
    async with bench(folder, dsn, redis_url) as at:
        await one_each(at, listeners)
        await all_of_one(at, listeners)


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
