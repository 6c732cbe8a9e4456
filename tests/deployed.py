"""The Procfile as an operator starts it: servers by URL, and an environment that holds nothing else."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.guard import Guard
from app.telemetry.metrics import PORTS

ROOT = Path(__file__).parent.parent
PROCESSES = ("web", "embed", "mask")
START_S = 180
"""As web/e2e/stack.ts: four interpreters on a CI machine."""


@dataclass(frozen=True)
class Deployed:
    url: str
    environment: dict[str, str]
    honcho: subprocess.Popen[bytes]

    def metrics(self, process: str) -> str:
        port = int(self.environment["CUTOUT_METRICS_PORT"]) + PORTS[process]
        return httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text

    def cutout(self, *command: str) -> None:
        run(self.environment, *command)


def run(environment: Mapping[str, str], *command: str) -> None:
    folder = environment["CUTOUT_DATA_DIR"]
    Path(folder).mkdir(parents=True, exist_ok=True)
    subprocess.run(["cutout", *command], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Of a deployment whose files lie in `folder`; `variables` come on top."""
    port = free_ports(4)
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
        "PYTHONPATH": str(ROOT),
        "CUTOUT_DATA_DIR": str(folder / "data"),
        "CUTOUT_PORT": str(port),
        "CUTOUT_METRICS_PORT": str(port + 1),
        **variables,
    }


@contextlib.contextmanager
def deployed(
    folder: Path, variables: dict[str, str], processes: tuple[str, ...] = PROCESSES, log: Path | None = None
) -> Iterator[Deployed]:
    """`cutout migrate`, then `honcho start` until the block ends. `web` answers; nothing is left after it."""
    shutil.copy(ROOT / "Procfile", folder)
    run(variables, "migrate")
    with contextlib.ExitStack() as opened:
        out = opened.enter_context(log.open("wb")) if log else None
        honcho = subprocess.Popen(
            [sys.executable, "-m", "honcho", "start", *processes],
            cwd=folder,
            env=variables,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        pid_file = folder / "honcho.pid"
        pid_file.write_text(f"{honcho.pid}\n")
        guard = Guard(pid_file, "TERM")  # whoever started us may be killed
        try:
            url = f"http://127.0.0.1:{variables['CUTOUT_PORT']}"
            if "web" in processes:
                _ready(url, honcho)
            yield Deployed(url, variables, honcho)
        finally:
            honcho.send_signal(signal.SIGTERM)
            code = honcho.wait(60)
            guard.dismiss()
            assert code in {0, 143}


def free_ports(count: int) -> int:
    """The first of so many in a row."""
    while True:
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            first: int = held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            for port in range(first + 1, first + count):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            return first


def _ready(url: str, honcho: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and honcho.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz", timeout=5, trust_env=False).status_code == 200:
                return
        time.sleep(0.2)
    raise AssertionError("the Procfile's processes are not ready")
