"""schemathesis over the whole document: no 5xx, no status and no shape that it does not name.

`make fuzz` is the long form: CUTOUT_FUZZ_SECONDS says how long.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.accounts.types import Role, Scope
from models.registry import Registry
from tests.gate import HOST, Gate, opened
from tests.rows import a_job, an_image
from tests.services import fresh_database

CONFIG = Path(__file__).with_name("schemathesis.toml")
SECONDS = os.environ.get("CUTOUT_FUZZ_SECONDS", "20")


@pytest.fixture
def own_gate(
    postgres: str, template: str, redis_server: str, registry: Registry, tmp_path: Path
) -> Iterator[Gate]:
    """Its own database: what comes changes the flag, and may delete its user."""
    dsn = fresh_database(postgres, template)
    with opened(dsn, f"{redis_server}?db=4", registry, tmp_path, limit_requests=10**6) as gate:
        yield gate


def test_the_service_is_as_it_says(own_gate: Gate, tmp_path: Path) -> None:
    user = own_gate.user(Role.ADMIN)
    key = own_gate.key(user, *Scope)[1]
    with own_gate.person(user) as me:
        endpoint = me.post("/api/webhooks", json={"url": "https://hooks.example/x"}).json()["id"]
        delivery = me.post(f"/api/webhooks/{endpoint}/test").json()["id"]
        batch = me.post("/api/batches", json={"close": False}).json()["id"]
    image = an_image(own_gate.dsn, user)
    known = {
        "image_id": image,
        "job_id": a_job(own_gate.dsn, image, user),
        "batch_id": batch,
        "endpoint_id": endpoint,
        "delivery_id": delivery,
        "user_id": own_gate.user(),
    }
    config = tmp_path / "schemathesis.toml"
    parameters = "".join(f'"path.{name}" = "{value}"\n' for name, value in known.items())
    config.write_text(f"{CONFIG.read_text()}\n[parameters]\n{parameters}")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
        *("run", f"{own_gate.url}/openapi.json", "--checks", "all", "--max-time", SECONDS),
        *("--header", f"X-Api-Key: {key}", "--header", f"Host: {HOST}"),
        *("--phases", "examples,coverage,fuzzing,stateful", "--generation-database", "none"),
        *("--seed", "1", "--no-color"),
    ]
    ended = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr[-2000:]
