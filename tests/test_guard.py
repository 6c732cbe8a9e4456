"""Servers end with the process that started them."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

OWNER = """
import sys, time
from pathlib import Path
from app.db.embedded import EmbeddedPostgres
from app.queue.embedded import EmbeddedRedis
server = {server}(Path(sys.argv[1]))
server.start()
print((server.data_dir / "{pid_file}").read_text().split()[0], flush=True)
{then}
"""
SERVERS = [("EmbeddedRedis", "redis.pid"), ("EmbeddedPostgres", "postmaster.pid")]


@pytest.fixture
def folder() -> Iterator[Path]:
    # not pytest's tmp_path: Postgres under root drops to another user, who must be able to reach the folder
    with tempfile.TemporaryDirectory(prefix="cutout-test-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name) / "data"


@pytest.mark.parametrize(("server", "pid_file"), SERVERS)
@pytest.mark.parametrize("then", ["time.sleep(600)", "raise SystemExit(1)"], ids=["killed", "forgetful"])
def test_a_server_ends_with_its_owner(folder: Path, server: str, pid_file: str, then: str) -> None:
    code = OWNER.format(server=server, pid_file=pid_file, then=then)
    command = [sys.executable, "-c", code, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        running = psutil.Process(int(owner.stdout.readline()))
        owner.send_signal(signal.SIGKILL)
    assert not psutil.wait_procs([running], 20)[1]
    guards = [p for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or ())]
    assert not psutil.wait_procs(guards, 20)[1]
