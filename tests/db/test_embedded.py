"""Embedded Postgres over restarts, stale files and killed processes."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from app.db.embedded import EmbeddedPostgres


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    folder = Path(tempfile.mkdtemp(prefix="cutout-test-"))
    folder.chmod(0o755)  # Postgres under root drops to another user
    server = EmbeddedPostgres(folder / "postgres", {"fsync": "off"})
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def write(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("create table kept (word text)")
        connection.execute("insert into kept values ('still here')")


def words(dsn: str) -> list[tuple[str]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute("select word from kept").fetchall()


def postmaster(server: EmbeddedPostgres) -> psutil.Process:
    return psutil.Process(int((server.data_dir / "postmaster.pid").read_text().split()[0]))


def test_data_survives_a_restart(server: EmbeddedPostgres) -> None:
    write(server.start())
    server.stop()
    assert words(server.start()) == [("still here",)]


def test_data_survives_a_kill_and_what_is_left_of_it(server: EmbeddedPostgres) -> None:
    write(server.start())
    process = postmaster(server)
    family = [process, *process.children()]
    process.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, 10)
    # the pid in the file is somebody else's by now, as after a container's restart
    pid_file = server.data_dir / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert words(server.start()) == [("still here",)]


def test_what_runs_already_is_taken_over(server: EmbeddedPostgres) -> None:
    write(server.start())
    successor = EmbeddedPostgres(server.data_dir)
    assert words(successor.start()) == [("still here",)]
    assert postmaster(successor).pid == postmaster(server).pid
    successor.stop()
