"""The Procfile as an operator starts it: servers by URL, tokens, storage over HTTP."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from app.telemetry.metrics import PORTS
from models.registry import Registry
from tests.data.photos import CAT
from tests.issuer import Signer, issuing
from tests.services import fresh_database
from tests.stack import succeeded
from tests.storage.supabase_server import BUCKET, KEY, SupabaseServer, supabase

ROOT = Path(__file__).parent.parent
START_S = 180


@dataclass(frozen=True)
class Deployed:
    url: str
    environment: dict[str, str]
    signer: Signer
    storage: SupabaseServer

    def tells(self, process: str, figure: str) -> None:
        """That it stands at one in the process's metrics."""
        port = int(self.environment["CUTOUT_METRICS_PORT"]) + PORTS[process]
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
        assert f"{figure} 1.0" in text.splitlines()

    def cutout(self, *command: str) -> None:
        subprocess.run(
            ["cutout", *command], cwd=self.environment["CUTOUT_DATA_DIR"], env=self.environment, check=True
        )


@pytest.fixture
def deployed(postgres: str, redis_server: str, registry: Registry, tmp_path: Path) -> Iterator[Deployed]:
    """`honcho start` with an environment that holds nothing but what is set here."""
    port = free_ports(4)
    with issuing() as signer, supabase() as (storage, server):
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": fresh_database(postgres),
            "REDIS_URL": f"{redis_server}?db=3",
            "SUPABASE_URL": signer.issuer.removesuffix("/auth/v1"),
            "SUPABASE_SERVICE_ROLE_KEY": KEY,
            "CUTOUT_STORAGE_URL": storage,
            "CUTOUT_SUPABASE_BUCKET": BUCKET,
            "CUTOUT_DATA_DIR": str(tmp_path / "data"),
            "CUTOUT_MODELS_DIR": str(registry.root),
            "CUTOUT_PORT": str(port),
            "CUTOUT_METRICS_PORT": str(port + 1),
        }
        shutil.copy(ROOT / "Procfile", tmp_path)
        subprocess.run(["cutout", "migrate"], cwd=tmp_path, env=environment, check=True)
        honcho = subprocess.Popen(
            [sys.executable, "-m", "honcho", "start", "web", "embed", "mask"],
            cwd=tmp_path,
            env=environment,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            ready(url, honcho)
            yield Deployed(url, environment, signer, server)
        finally:
            honcho.send_signal(signal.SIGTERM)
            assert honcho.wait(60) in {0, 143}


def test_the_procfile_serves_a_cutout(deployed: Deployed) -> None:
    user, server = uuid4(), deployed.storage
    token = {"Authorization": f"Bearer {deployed.signer.token(user)}"}
    with httpx.Client(base_url=deployed.url, headers=token, timeout=120, trust_env=False) as client:
        assert client.get("/api/account").status_code == 200  # known from the first sight on
        deployed.cutout("credits", "grant", str(user), "1")
        with CAT.path.open("rb") as photo:
            job = succeeded(client, client.post("/api/segment/remove", files={"image": ("cat.jpg", photo)}))
        result = client.get(job["result"]["url"])
        assert result.status_code == 200
        assert result.content == server.objects[stored(server, user, "results")][0]
        deployed.tells(
            "web", 'cutout_request_seconds_count{method="POST",route="/api/segment/remove",status="202"}'
        )
        deployed.tells("embed", 'cutout_step_seconds_count{kind="remove",step="encode"}')
        deployed.tells("mask", 'cutout_jobs_total{code="",kind="remove",outcome="succeeded"}')
        assert client.delete(f"/api/images/{job['image']['id']}").status_code in {200, 204}
    assert stored(server, user, "original") == ""


def free_ports(count: int) -> int:
    """The first of so many in a row."""
    while True:
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            first: int = held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            for port in range(first + 1, first + count):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            return first


def stored(server: SupabaseServer, user: object, part: str) -> str:
    """The user's object whose key has this part; empty without one."""
    keys = [key for key in server.objects if str(user) in key and part in key]
    return keys[0] if keys else ""


def ready(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError("the Procfile's processes are not ready")
