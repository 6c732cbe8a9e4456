"""`cutout dev` as a person runs it: a process in an empty folder."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import psutil
import pytest

from models.registry import Registry
from tests.data.photos import CAT
from tests.stack import succeeded

pytestmark = pytest.mark.xdist_group("dev")

START_S = 120


@dataclass
class Dev:
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def reading(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append(line.rstrip())

    def wait_for(self, pattern: str, times: int = 1) -> list[re.Match[str]]:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            found = [match for line in list(self.lines) if (match := re.search(pattern, line))]
            if len(found) >= times:
                return found
            assert self.process.poll() is None, "\n".join(self.lines)
            time.sleep(0.05)
        raise AssertionError("\n".join(self.lines))

    def children(self) -> dict[str, int]:
        """The latest pid of each."""
        return {m[1]: int(m[2]) for m in self.wait_for(r"started\s+child=(\w+) pid=(\d+)", 3)}

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture
def folder(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # not pytest's tmp_path: Postgres under root drops to another user, who must be able to reach the folder
    with tempfile.TemporaryDirectory(prefix="cutout-dev-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("CUTOUT_MODELS_DIR", str(folder / "models"))
        (folder / "models" / "files").mkdir(parents=True)
        for file in registry.manifest("lite").files:  # `cutout dev` starts a worker for every model it finds
            (folder / "models" / "files" / file.sha256).symlink_to(registry.file(file.sha256))
        monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        monkeypatch.delenv("DATABASE_URL", raising=False)
        yield folder
        monkeypatch.undo()  # out of the folder before it goes


CUTOUT = [sys.executable, "-m", "app.cli"]
COMMAND = [*CUTOUT, "dev", "--port", "0"]


@contextmanager
def started() -> Iterator[Dev]:
    """In the working directory. Ended by SIGTERM where the test has not ended it."""
    pipe = subprocess.PIPE
    with subprocess.Popen(COMMAND, stdout=pipe, stderr=pipe, text=True) as process:
        dev = Dev(process)
        reader = Thread(target=dev.reading)
        reader.start()
        try:
            yield dev
        finally:
            if process.poll() is None:
                dev.end(signal.SIGTERM)
            reader.join()


def belonging_to(folder: Path) -> list[psutil.Process]:
    """Every process whose arguments, or whose working directory, name the folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "name", "ppid"]):
        words = [*(process.info["cmdline"] or []), process.info["cwd"] or ""]
        if process.pid != os.getpid() and any(str(folder) in word for word in words):
            found.append(process)
    return found


def _the(service: str, folder: Path) -> psutil.Process:
    """Postgres is the one that was not started by another Postgres. Others may be gone by now."""
    found = [p for p in belonging_to(folder) if p.info["name"].startswith(service)]
    pids = {p.pid for p in found}
    return next(p for p in found if p.info["ppid"] not in pids)


def test_its_life(folder: Path) -> None:
    with started() as dev:
        url = dev.wait_for(r"Cutout is ready: (\S+)")[0][1]
        with httpx.Client(base_url=url, timeout=90) as client:
            photo = {"image": ("cat.jpg", CAT.path.read_bytes())}
            job = succeeded(client, client.post("/api/segment/remove", files=photo))
            batch = client.post("/api/batches", files={"zip": _shop()}).raise_for_status().json()

            for service in ("postgres", "redis-server"):
                _the(service, folder).kill()
                dev.wait_for(rf"restarting\s+service={service.partition('-')[0]}")
            for name, pid in dev.children().items():
                os.kill(pid, signal.SIGKILL)
                dev.wait_for(rf"restarting\s+child={name} ended=SIGKILL")
            dev.wait_for(r"started\s+child", 6)
            # the listening socket is the supervisor's: what comes while `web` is away waits
            same = {"image_id": job["image"]["id"]}
            again = succeeded(client, client.post("/api/segment/remove", json=same))
            assert client.get(again["urls"]["result"]).content[:4] == b"\x89PNG"
            _is_whole(client, batch)
        assert dev.end(signal.SIGINT) == 0
    assert belonging_to(folder) == []


PHOTOS, BROKEN = 20, {7}


def _shop() -> bytes:
    """The small form of `python -m benchmarks.batches`: bytes that were encoded before, one file broken."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for number in range(PHOTOS):
            content = CAT.path.read_bytes()
            archive.writestr(f"{number:02}.jpg", content[:9000] if number in BROKEN else content)
    return made.getvalue()


def _is_whole(client: httpx.Client, batch: dict[str, Any]) -> None:
    """After all was killed: every cutout under its name, every failure with its code."""
    until = time.monotonic() + START_S
    while (ended := client.get(batch["urls"]["self"]).json())["finished_at"] is None:
        assert time.monotonic() < until, ended["counts"]
        time.sleep(0.2)
    assert (ended["counts"]["succeeded"], ended["counts"]["failed"]) == (PHOTOS - len(BROKEN), len(BROKEN))
    with zipfile.ZipFile(io.BytesIO(client.get(batch["urls"]["result"]).content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"{n:02}.png" for n in range(PHOTOS) if n not in BROKEN]
    failed = client.get(batch["urls"]["items"], params={"state": "failed"}).json()["items"]
    assert [(item["name"], item["error"]["code"]) for item in failed] == [("07.jpg", "truncated")]


def test_data_survives_a_restart(folder: Path) -> None:
    with started() as dev:
        url = dev.wait_for(r"Cutout is ready: (\S+)")[0][1]
        job = httpx.post(f"{url}/api/segment/encode", files={"image": CAT.path.read_bytes()}).json()
        second = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
        assert (second.returncode, second.stderr.count("\n")) == (3, 1)
        assert second.stderr.endswith("[already_running]\n")
        listed = subprocess.run([*CUTOUT, "jobs", "list", "--json"], capture_output=True, check=True)
        assert [item["id"] for item in json.loads(listed.stdout)["items"]] == [job["id"]]
        assert dev.end(signal.SIGTERM) == 0
    assert belonging_to(folder) == []
    with started() as dev:
        url = dev.wait_for(r"Cutout is ready: (\S+)")[0][1]
        ended = httpx.get(url + job["urls"]["self"], params={"wait": 60}, timeout=90).json()
        assert (ended["id"], ended["status"]) == (job["id"], "succeeded")


def test_a_killed_supervisor_takes_everything_along(folder: Path) -> None:
    with started() as dev:
        dev.wait_for(r"Cutout is ready")
        children = [psutil.Process(pid) for pid in dev.children().values()]
        services = belonging_to(folder)
        dev.end(signal.SIGKILL)
        assert not psutil.wait_procs([*children, *services], 45)[1]
    assert belonging_to(folder) == []


def test_who_started_it_is_gone(folder: Path) -> None:
    """Nobody reads its pipe any more: it ends in order."""
    with started() as dev:
        dev.wait_for(r"Cutout is ready")
        assert dev.process.stdout is not None
        dev.process.stdout.close()
        assert dev.process.wait(60) == 0
    assert belonging_to(folder) == []


def test_its_terminal_is_closed(folder: Path) -> None:
    with started() as dev:
        dev.wait_for(r"Cutout is ready")
        assert dev.end(signal.SIGHUP) == 0
    assert belonging_to(folder) == []
