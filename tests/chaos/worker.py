"""`python -m tests.chaos.worker '{…}'`: a worker process of ours with handlers made for chaos.

Everything around the handlers is the product's: claims, leases, heartbeat, sweeper, settling, leaving.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from app.db.pool import Connection
from app.guard import end_with_parent
from app.jobs.claims import Outcome
from app.jobs.types import JobKind
from app.queue.messages import embed_queue
from app.storage import keys
from app.storage.base import ObjectStore
from app.storage.http import StorageHttp
from app.storage.local import LocalStore
from app.storage.supabase import SupabaseStore
from tests.storage.supabase_server import BUCKET, KEY
from workers.options import Context, Handlers, WorkerOptions, WorkerSettings
from workers.run import Run
from workers.serve import serve
from workers.sweep import sweep

MODEL = "chaos"
QUEUE = embed_queue(MODEL)

TABLES = """
create table begun (job_id uuid, fence int, worker text, at timestamptz default clock_timestamp());
create table effects (job_id uuid, fence int);
"""
"""What the handlers leave beside the product's own rows: each start, and each effect of a result."""


@dataclass(frozen=True)
class Plan:
    """What a process is told on its command line."""

    dsn: str
    redis_url: str
    store: str
    """A folder."""
    storage_url: str = ""
    """A project of Supabase instead."""
    notes_dsn: str = ""
    """Where starts are noted, if the way to `dsn` is bad."""
    work_s: float = 0.0
    """Seconds in steps of 10 ms, with progress."""
    block_s: float = 0.0
    """Seconds in which the loop stands still."""
    stuck_s: float = 0.0
    """Seconds in which a thread neither works nor listens."""
    slots: int = 1
    lease_s: float = 4.0
    grace_s: float = 5.0
    job_timeout_s: float = 60.0


def handlers(plan: Plan) -> Handlers:
    """`remove` does the work and leaves a file and a row; `encode` is poison: it ends its worker."""

    async def work(run: Run) -> Outcome:
        await asyncio.to_thread(_note_start, plan.notes_dsn or plan.dsn, run)
        time.sleep(plan.block_s)  # noqa: ASYNC251 - what is tested
        if plan.stuck_s:
            await run.thread("stuck", time.sleep, plan.stuck_s)
        if plan.work_s:
            await run.thread("work", _steps, run, plan.work_s)
        key = keys.result(run.job.user_id, run.job.image_id, run.files.name, "png")
        with tempfile.NamedTemporaryFile() as file:
            file.write(str(run.job.id).encode())
            file.flush()
            await run.files.put(key, Path(file.name), "image/png")

        async def effect(conn: Connection) -> None:
            await conn.execute("insert into effects values (%s, %s)", (run.job.id, run.job.fence))

        return Outcome({"done": True}, result_key=key, effects=[effect])

    async def poison(run: Run) -> Outcome:
        os.kill(os.getpid(), signal.SIGKILL)
        return Outcome()

    return {JobKind.REMOVE: work, JobKind.ENCODE: poison}


def _note_start(dsn: str, run: Run) -> None:
    """On a connection of its own, so that it stays whatever becomes of the run."""
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(
                "insert into begun (job_id, fence, worker) values (%s, %s, %s)",
                (run.job.id, run.job.fence, str(os.getpid())),
            )
    except psycopg.OperationalError:
        return  # Postgres is being restarted: this start is not measured


def _steps(run: Run, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        run.progress(1 - left / seconds)
        time.sleep(0.01)


def main() -> None:
    end_with_parent(os.getppid())
    plan = Plan(**json.loads(sys.argv[1]))

    def made(_context: Context) -> Handlers:
        return handlers(plan)

    options = WorkerOptions(
        slots=plan.slots,
        lease_s=plan.lease_s,
        grace_s=plan.grace_s,
        job_timeout_s=plan.job_timeout_s,
        kill_after_s=1.0,
    )
    settings = WorkerSettings("chaos", QUEUE, made, background=(sweep,), options=options)
    asyncio.run(run_until_told(plan, settings))


async def run_until_told(plan: Plan, settings: WorkerSettings) -> None:
    store: ObjectStore = LocalStore(Path(plan.store))
    if plan.storage_url:
        store = SupabaseStore(StorageHttp(plan.storage_url, KEY, first_pause_s=0.05, silence_s=1.0), BUCKET)
    await serve(settings, plan.dsn, plan.redis_url, store)
    await store.close()


if __name__ == "__main__":
    main()
