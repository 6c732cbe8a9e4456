"""Pick-up latency, throughput and database cost of the queue, beside plain arq with its defaults.

Real servers and one real worker process of each kind; jobs whose handler does nothing. Neither worker writes
a line for each job: arq's is silent as it comes, ours logs warnings only.
"""

import asyncio
import json
import logging
import random
import re
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
import structlog
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
COUNTED = 500
"""Jobs whose statements Postgres writes into its log, to be counted."""
_STATEMENT = re.compile(r"LOG:  (?:statement|execute)")


async def noop(_run: Run) -> Outcome:
    return Outcome({"done": True})


async def plain(_ctx: dict[str, Any]) -> None:
    return


@dataclass(frozen=True)
class Bench:
    dsn: str
    redis_url: str
    pool: Pool
    bell: ArqDoorbell
    log: Path
    """Of Postgres."""
    image: UUID

    async def create(self) -> UUID:
        new = NewJob(LOCAL_USER_ID, JobKind.ENCODE, MODEL, self.image, EncodeParams())
        return (await JobService(self.pool, self.bell, Events(self.bell)).create(new)).id

    async def value(self, statement: str) -> float:
        async with self.pool.connection() as conn:
            row = await (await conn.execute(statement.encode())).fetchone()
        assert row is not None
        return float(next(iter(row.values())) or 0)

    async def ended(self) -> float:
        return await self.value("select count(*) from jobs where finished_at is not null")

    @contextmanager
    def worker(self, kind: str, *, logged: bool = False) -> Iterator[None]:
        dsn = f"{self.dsn}&options=-c%20log_statement%3Dall" if logged else self.dsn
        arguments = json.dumps([kind, dsn, self.redis_url])
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
        yield Bench(dsn, redis_url, pool, doorbell, folder / "postgres" / "log", image)
        await doorbell.close()
        await pool.close()
        redis.stop()
        postgres.stop()


async def pickup(bench: Bench) -> list[float]:
    """Milliseconds from before the row is written to the start of the worker's claim, on an idle machine."""
    waits = []
    with bench.worker("ours"):
        await bench.create()
        await _until(bench, 1)
        for _ in range(PICKUPS):
            await asyncio.sleep(random.uniform(0.03, 0.09))  # not in step with the worker's polls
            begun = time.time()
            job = await bench.create()
            query = f"select extract(epoch from started_at) from jobs where id = '{job}'"
            while not (started := await bench.value(query)):
                await asyncio.sleep(0.005)
            waits.append((started - begun) * 1000)
    return sorted(waits)


async def ours(bench: Bench) -> tuple[float, float]:
    """Jobs a second of one worker; milliseconds of Postgres for each."""
    before = await bench.ended()
    for _ in range(OURS):
        await bench.create()
    active = "select active_time from pg_stat_database where datname = current_database()"
    start = await bench.value(active)
    with bench.worker("ours"):
        await _until(bench, before + OURS)
    await asyncio.sleep(1.5)  # Postgres publishes its counters once a second
    active_ms = (await bench.value(active) - start) / OURS
    span = await bench.value(
        "select extract(epoch from max(finished_at) - min(started_at)) from"
        f" (select * from jobs order by id desc limit {OURS}) latest"
    )
    return OURS / span, active_ms


async def statements(bench: Bench, pause_s: float) -> float:
    """That a worker sends for each job, all its background included; with a pause jobs come one at a time."""
    before, logged = await bench.ended(), _logged(bench)
    if not pause_s:
        for _ in range(COUNTED):
            await bench.create()
    with bench.worker("ours", logged=True):
        for _ in range(COUNTED if pause_s else 0):
            await bench.create()
            await asyncio.sleep(pause_s)
        await _until(bench, before + COUNTED)
    return (_logged(bench) - logged) / COUNTED


def _logged(bench: Bench) -> int:
    return len(_STATEMENT.findall(bench.log.read_text(encoding="utf-8", errors="replace")))


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


async def _until(bench: Bench, ended: float) -> None:
    while await bench.ended() < ended:
        await asyncio.sleep(0.1)


async def main() -> None:
    async with bench() as at:
        waits = await pickup(at)
        p50, p95 = statistics.median(waits), waits[int(0.95 * len(waits))]
        print(f"pick-up, idle, {len(waits)} jobs: p50 {p50:.0f} ms, p95 {p95:.0f} ms (arq's poll alone: 250)")
        rate, active_ms = await ours(at)
        left = await connect(at.redis_url).zcard(embed_queue(MODEL))
        other = await arq_defaults(at)
        print(f"no-op jobs of one worker, {SLOTS} slots: {rate:.0f}/s")
        print(f"the same by arq with its defaults: {other:.0f}/s, ours is {rate / other:.1f} times as many")
        print(f"left in Redis when the last job had ended: {left} announcements")
        single, bulk = await statements(at, 0.05), await statements(at, 0)
        print(
            f"Postgres for each job: {single:.1f} statements where jobs come one at a time,"
            f" {bulk:.1f} where many wait; {active_ms:.2f} ms"
        )


def run_worker(kind: str, dsn: str, redis_url: str) -> None:
    if kind == "plain":
        Worker([cast(Any, plain)], redis_settings=RedisSettings.from_dsn(redis_url)).run()
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
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
