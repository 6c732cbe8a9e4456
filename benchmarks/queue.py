"""Pick-up latency, throughput and database cost of the queue, beside plain arq with its defaults.

Real servers and one real worker process of each kind; jobs whose handler does nothing.
"""

import asyncio
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
from arq import Worker, create_pool
from arq.connections import RedisSettings

from app.accounts.service import AccountService
from app.accounts.types import LOCAL_USER_ID
from app.db.embedded import EmbeddedPostgres
from app.db.migrations import migrate
from app.db.pool import Pool, open_pool
from app.jobs.claims import Outcome
from app.jobs.events import Events
from app.jobs.service import JobService
from app.jobs.types import EncodeParams, JobKind, NewJob
from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.embedded import EmbeddedRedis
from app.queue.messages import embed_queue
from app.storage.local import LocalStore
from workers.options import WorkerOptions, WorkerSettings
from workers.run import Run
from workers.serve import serve

MODEL = "bench"
PICKUPS = 200
SLOTS = 20
OURS, PLAIN = 5000, 1000
"""Jobs of a throughput run: arq's defaults read 100 messages every half second."""


async def noop(_run: Run) -> Outcome:
    return Outcome({"done": True})


async def plain(_ctx: dict[str, Any]) -> None:
    return


@dataclass(frozen=True)
class Bench:
    dsn: str
    redis_url: str
    pool: Pool
    jobs: JobService
    image: UUID

    async def create(self) -> UUID:
        new = NewJob(LOCAL_USER_ID, JobKind.ENCODE, MODEL, self.image, EncodeParams())
        return (await self.jobs.create(new)).id

    async def value(self, statement: str) -> float:
        async with self.pool.connection() as conn:
            row = await (await conn.execute(statement.encode())).fetchone()
        assert row is not None
        return float(next(iter(row.values())) or 0)

    @contextmanager
    def worker(self, kind: str) -> Iterator[None]:
        arguments = json.dumps([kind, self.dsn, self.redis_url])
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.queue", arguments])
        try:
            yield
        finally:
            process.terminate()
            process.wait()


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postgres under root drops to another user
        postgres, redis = EmbeddedPostgres(folder / "postgres"), EmbeddedRedis(folder / "redis")
        dsn, redis_url = postgres.start(), redis.start()
        migrate(dsn)
        pool, doorbell = await open_pool(dsn, 1, 4), ArqDoorbell(connect(redis_url))
        await AccountService(pool).ensure(LOCAL_USER_ID)
        image = UUID("00000000-0000-7000-8000-00000000000a")
        with psycopg.connect(dsn) as connection:
            connection.execute(
                "insert into images (id, user_id, storage_key, sha256, width, height, format, bytes)"
                " values (%s, %s, 'none', '', 1, 1, 'jpeg', 1)",
                (image, LOCAL_USER_ID),
            )
        yield Bench(dsn, redis_url, pool, JobService(pool, doorbell, Events(doorbell)), image)
        await doorbell.close()
        await pool.close()
        redis.stop()
        postgres.stop()


async def pickup(bench: Bench) -> list[float]:
    """Milliseconds from before the row is written to the start of the worker's claim, on an idle machine."""
    waits = []
    with bench.worker("ours"):
        await bench.create()
        await _until(bench, "select count(*) from jobs where status = 'succeeded'", 1)
        for _ in range(PICKUPS):
            await asyncio.sleep(random.uniform(0.03, 0.09))  # not in step with the worker's polls
            begun = time.time()
            job = await bench.create()
            query = f"select extract(epoch from started_at) from jobs where id = '{job}'"
            while not (started := await bench.value(query)):
                await asyncio.sleep(0.005)
            waits.append((started - begun) * 1000)
    return sorted(waits)


async def ours(bench: Bench) -> tuple[float, float, float]:
    """Jobs a second of one worker; transactions and milliseconds of Postgres for each."""
    before = await bench.value("select count(*) from jobs where finished_at is not null")
    for _ in range(OURS):
        await bench.create()
    cost = "select {} from pg_stat_database where datname = current_database()"
    counters = [cost.format(column) for column in ("xact_commit", "active_time")]
    start = [await bench.value(counter) for counter in counters]
    with bench.worker("ours"):
        await _until(bench, "select count(*) from jobs where finished_at is not null", before + OURS)
    await asyncio.sleep(1.5)  # Postgres publishes its counters once a second
    end = [await bench.value(counter) for counter in counters]
    span = await bench.value(
        "select extract(epoch from max(finished_at) - min(started_at)) from"
        f" (select * from jobs order by id desc limit {OURS}) latest"
    )
    transactions, active_ms = ((b - a) / OURS for a, b in zip(start, end, strict=True))
    return OURS / span, transactions, active_ms


async def arq_defaults(bench: Bench) -> float:
    """Jobs a second of one worker of arq as it comes."""
    redis = await create_pool(RedisSettings.from_dsn(bench.redis_url))
    jobs = [await redis.enqueue_job("plain") for _ in range(PLAIN)]
    with bench.worker("plain"):
        while await redis.zcard("arq:queue") == PLAIN:
            await asyncio.sleep(0.001)
        begun = time.perf_counter()
        while await redis.zcard("arq:queue"):
            await asyncio.sleep(0.005)
        seconds = time.perf_counter() - begun
    assert all(jobs)
    await redis.aclose()
    return PLAIN / seconds


async def _until(bench: Bench, statement: str, wanted: float) -> None:
    while await bench.value(statement) < wanted:
        await asyncio.sleep(0.1)


async def main() -> None:
    async with bench() as at:
        waits = await pickup(at)
        p50, p95 = statistics.median(waits), waits[int(0.95 * len(waits))]
        print(f"pick-up, idle, {len(waits)} jobs: p50 {p50:.0f} ms, p95 {p95:.0f} ms (arq's poll alone: 250)")
        rate, transactions, active_ms = await ours(at)
        other = await arq_defaults(at)
        print(f"no-op jobs of one worker, {SLOTS} slots: {rate:.0f}/s")
        print(f"the same by arq with its defaults: {other:.0f}/s, ours is {rate / other:.1f} times as many")
        print(f"Postgres for each job: {transactions:.1f} transactions, {active_ms:.1f} ms")


def run_worker(kind: str, dsn: str, redis_url: str) -> None:
    if kind == "plain":
        Worker([cast(Any, plain)], redis_settings=RedisSettings.from_dsn(redis_url)).run()
        return
    options = WorkerOptions(slots=SLOTS)
    handlers = {JobKind.ENCODE: noop}
    settings = WorkerSettings("bench", embed_queue(MODEL), lambda _context: handlers, options=options)
    with tempfile.TemporaryDirectory() as store:
        asyncio.run(serve(settings, dsn, redis_url, LocalStore(Path(store))))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run_worker(*json.loads(sys.argv[1]))
    else:
        asyncio.run(main())
