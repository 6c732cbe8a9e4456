"""What opens a door is nowhere written: neither in a dump of the database nor in the log of a server."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from app.accounts.types import Scope
from app.api.auth import COOKIE
from app.db.embedded import EmbeddedPostgres
from tests.gate import Gate

SECRET = "the-secret-of-a-legacy-project-that-signs-with-hs256"
NOBODY = "/api/jobs/00000000-0000-7000-8000-000000000001"


@contextlib.contextmanager
def served(gate: Gate, log: Path) -> Iterator[str]:
    """`cutout serve` as it is deployed, at its most talkative."""
    services = gate.settings.services()
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "DATABASE_URL": services.database_url,
        "REDIS_URL": services.redis_url,
        "SUPABASE_URL": str(gate.settings.supabase_url),
        "SUPABASE_JWT_SECRET": SECRET,
        "CUTOUT_DATA_DIR": str(gate.settings.data_dir),
        "CUTOUT_MODELS_DIR": str(gate.settings.models_dir),
        "CUTOUT_PORT": "0",
        "CUTOUT_LOG_LEVEL": "debug",
    }
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", "app.cli", "serve"], env=variables, stderr=file)
        try:
            until = time.monotonic() + 60
            while not (found := re.search(r'"url": "(http://[^"]+)"', log.read_text())):
                assert process.poll() is None and time.monotonic() < until, log.read_text()
                time.sleep(0.05)
            yield found[1]
        finally:
            process.terminate()
            assert process.wait(40) == -signal.SIGTERM  # uvicorn ends by the signal it was sent


def test_keys_and_tokens_are_nowhere(gate: Gate, tmp_path: Path) -> None:
    user = gate.user()
    token = gate.signer.token(user)
    forged = gate.signer.signed_with_public_key(user)
    key = gate.key(user, *Scope)[1]
    typo = key[:-1] + ("a" if key[-1] != "a" else "b")
    log = tmp_path / "log"
    with served(gate, log) as url, httpx.Client(base_url=url, trust_env=False) as client:
        shown = [
            {"X-Api-Key": key},
            {"X-Api-Key": typo},
            {"Authorization": f"Bearer {key}"},
            {"Authorization": f"Bearer {token}"},
            {"Authorization": f"Bearer {forged}"},
            {"Cookie": f"{COOKIE}={token}"},
        ]
        answers = [client.get(path, headers=headers) for headers in shown for path in ("/api/keys", NOBODY)]
        assert {answer.status_code for answer in answers} == {200, 401, 404}
        made = client.post("/api/keys", json={}, headers=shown[0]).json()["key"]
        assert client.get("/api/keys", headers={"X-Api-Key": made}).status_code == 200
        assert client.post("/api/session", headers=shown[3]).status_code == 204
        for headers in shown:
            with (
                pytest.raises(InvalidStatus),
                connect(f"{url.replace('http', 'ws')}{NOBODY}/ws", additional_headers=headers, proxy=None),
            ):
                pass
    written = {"log": log.read_text(), "dump": dump(gate)}
    assert str(user) in written["dump"] and '"path": "/api/keys"' in written["log"]
    # of a token the signature is the secret; of a key what follows its prefix
    secrets = {token.rpartition(".")[2], forged.rpartition(".")[2], key[10:], made[10:], typo[10:], SECRET}
    places = {(name, secret) for name, text in written.items() for secret in secrets if secret in text}
    assert places == set()


def dump(gate: Gate) -> str:
    command = [str(EmbeddedPostgres.binary("pg_dump")), "--data-only", f"--dbname={gate.dsn}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout
