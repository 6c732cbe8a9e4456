"""The Procfile as an operator starts it: servers by URL, and an environment that holds nothing else.

    python -m tests.deployed FOLDER PORT

is all of it for the browser's tests, ClippingMagic's stand-in too, and a user who is an admin: it prints a
line of JSON with the user's access token once everything answers, and ends with its stdin, or by SIGTERM.
"""

import contextlib
import json
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
from uuid import uuid4

import httpx
import psutil

from app.db.embedded import EmbeddedPostgres
from app.fakes.clippingmagic import server as clippingmagic
from app.guard import Guard
from app.queue.embedded import EmbeddedRedis
from app.settings import Settings
from app.telemetry.metrics import PORTS
from models.registry import Registry
from tests.issuer import issuing
from tests.storage.supabase_server import BUCKET, KEY, supabase

ROOT = Path(__file__).parent.parent
PROCESSES = ("web", "embed", "mask")
START_S = 180
"""As web/e2e/stack.ts: four interpreters on a CI machine."""
DAY_S = 86_400


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
        pid_file = folder / "first.pid"
        pid_file.write_text(f"{_first(honcho).pid}\n")
        guard = Guard(pid_file, "TERM")  # whoever started us may be killed
        try:
            url = f"http://127.0.0.1:{variables['CUTOUT_PORT']}"
            if "web" in processes:
                _ready(url, honcho)
            yield Deployed(url, variables, honcho)
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                _first(honcho).terminate()
            code = honcho.wait(60)
            guard.dismiss()
            assert code == 0


@dataclass(frozen=True)
class Shop:
    """A deployment with servers of its own, and somebody signed in who may ask for anything."""

    product: Deployed
    user: str
    token: str
    expires_at: int
    """Of the token, in seconds since 1970."""


@contextlib.contextmanager
def shop(folder: Path, processes: tuple[str, ...] = PROCESSES, **variables: str) -> Iterator[Shop]:
    """Where `variables` name no bucket, images lie in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # Postgres under root drops to another user
    postgres, redis = EmbeddedPostgres(folder / "postgres"), EmbeddedRedis(folder / "redis")
    with contextlib.ExitStack() as running:
        running.callback(postgres.stop)
        running.callback(redis.stop)
        signer = running.enter_context(issuing())
        services = {
            "DATABASE_URL": postgres.start(),
            "REDIS_URL": redis.start(),
            "SUPABASE_URL": signer.issuer.removesuffix("/auth/v1"),
        }
        wanted = environment(folder, **services, **variables)
        product = running.enter_context(deployed(folder, wanted, processes, folder / "log"))
        user, expires_at = uuid4(), int(time.time()) + DAY_S
        token = signer.token(user, exp=expires_at)
        headers = {"Authorization": f"Bearer {token}"}
        # known from its first sight on
        httpx.get(f"{product.url}/api/account", headers=headers, trust_env=False).raise_for_status()
        product.cutout("credits", "plan", str(user), "unmetered")
        yield Shop(product, str(user), token, expires_at)


def main(folder: Path, port: str) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    models = Settings.load().models_dir
    Registry(models).pull("lite")
    with supabase() as (storage, _), clippingmagic.running() as legacy:
        variables = {
            "SUPABASE_SERVICE_ROLE_KEY": KEY,
            "CUTOUT_STORAGE_URL": storage,
            "CUTOUT_SUPABASE_BUCKET": BUCKET,
            "CUTOUT_PORT": port,
            **{Settings.variable(name): value for name, value in clippingmagic.account(legacy.url).items()},
            "CUTOUT_MODELS_DIR": str(models),
        }
        with shop(folder, (*PROCESSES, "legacy"), **variables) as standing:
            standing.product.cutout("users", "grant", standing.user, "admin")
            print(json.dumps({"token": standing.token, "expiresAt": standing.expires_at}), flush=True)
            sys.stdin.read()


def free_ports(count: int) -> int:
    """The first of so many in a row."""
    while True:
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            first: int = held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            for port in range(first + 1, first + count):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            return first


def _first(honcho: subprocess.Popen[bytes]) -> psutil.Process:
    """Of its processes: where one ends honcho ends all. A signal to itself, at a line it prints, it dies of
    ("reentrant call", honcho 2.0), and leaves them.
    """
    until = time.monotonic() + START_S
    while time.monotonic() < until and honcho.poll() is None:
        for process in psutil.Process(honcho.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # a shell on its way
                if "cutout" in {Path(word).name for word in process.cmdline()}:
                    return process
        time.sleep(0.05)
    raise AssertionError("honcho runs no process")


def _ready(url: str, honcho: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and honcho.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz", timeout=5, trust_env=False).status_code == 200:
                return
        time.sleep(0.2)
    raise AssertionError("the Procfile's processes are not ready")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
