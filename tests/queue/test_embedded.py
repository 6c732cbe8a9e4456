"""Embedded Redis over restarts and stale files."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.queue.arq_adapter import connect
from app.queue.embedded import EmbeddedRedis


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path / "redis")
    yield server
    server.stop()


async def set_and_get(url: str) -> bytes | None:
    client = connect(url)
    await client.set("key", "value")
    value: bytes | None = await client.get("key")
    await client.aclose(close_connection_pool=True)
    return value


def pid_of(server: EmbeddedRedis) -> int:
    return int((server.data_dir / "redis.pid").read_text())


async def test_starts_answers_and_is_gone_after_stop(server: EmbeddedRedis) -> None:
    assert await set_and_get(server.start()) == b"value"
    pid = pid_of(server)
    server.stop()
    assert not psutil.pid_exists(pid)


async def test_what_runs_already_is_taken_over(server: EmbeddedRedis) -> None:
    server.start()
    pid = pid_of(server)
    successor = EmbeddedRedis(server.data_dir)
    assert await set_and_get(successor.start()) == b"value"
    assert pid_of(successor) == pid
    successor.stop()


async def test_starts_again_after_a_kill(server: EmbeddedRedis) -> None:
    server.start()
    process = psutil.Process(pid_of(server))
    os.kill(process.pid, signal.SIGKILL)
    process.wait(5)
    assert await set_and_get(server.start()) == b"value"


async def test_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path / ("long" * 30))
    try:
        assert await set_and_get(server.start()) == b"value"
    finally:
        server.stop()
