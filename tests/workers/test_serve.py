"""A worker process that loses a part of itself ends, to be started anew."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest

from app.queue.arq_adapter import ArqDoorbell
from app.queue.messages import JobMessage
from app.storage.local import LocalStore
from tests.workers.conftest import OPTIONS
from workers.leases import EXIT_STUCK
from workers.options import Context, WorkerSettings
from workers.run import WorkerBroken
from workers.serve import serve

QUEUE = "embed:lite"
PATIENCE_S = 60


async def test_a_part_that_breaks_ends_the_worker(dsn: str, redis_url: str, store: LocalStore) -> None:
    async def breaks(_context: Context) -> None:
        raise ZeroDivisionError

    settings = WorkerSettings("test", QUEUE, lambda _context: {}, background=(breaks,), options=OPTIONS)
    with pytest.raises(WorkerBroken, match="ZeroDivisionError") as broken:
        await serve(settings, dsn, redis_url, store)
    assert broken.value.exit_code == EXIT_STUCK


async def test_a_look_that_breaks_ends_the_worker(
    dsn: str, redis_url: str, store: LocalStore, doorbell: ArqDoorbell
) -> None:
    """No silent worker that hears every ring and takes nothing."""
    with psycopg.connect(dsn) as connection:
        connection.execute("alter table jobs rename to gone")
    await doorbell.ring(QUEUE, JobMessage(uuid4(), 0))
    with pytest.raises(WorkerBroken, match="UndefinedTable"):
        await serve(
            WorkerSettings("test", QUEUE, lambda _context: {}, options=OPTIONS), dsn, redis_url, store
        )


async def test_a_worker_without_work_ends_where_it_is_told_to(
    dsn: str, redis_url: str, store: LocalStore
) -> None:
    options = replace(OPTIONS, idle_s=0.2)
    async with asyncio.timeout(PATIENCE_S):
        await serve(
            WorkerSettings("test", QUEUE, lambda _context: {}, options=options), dsn, redis_url, store
        )


def test_a_heartbeat_that_breaks_ends_the_worker(dsn: str) -> None:
    """Without it every lease would run out under a worker that goes on."""
    code = """
import sys, time
from workers.leases import LeaseKeeper
LeaseKeeper(sys.argv[1], None, lease_s=float("inf"), timeout_s=1, kill_after_s=1).start()
time.sleep(60)
"""
    ended = subprocess.run([sys.executable, "-c", code, dsn], capture_output=True, check=False)
    assert ended.returncode == EXIT_STUCK, ended.stderr
