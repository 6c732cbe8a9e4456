import asyncio
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.commands.doctor import CHECKS, Finding, examine
from app.settings import Settings
from models.registry import Registry
from tests.issuer import issuing
from tests.services import fresh_database
from tests.storage.supabase_server import BUCKET, KEY, SupabaseServer, supabase


@pytest.fixture(scope="module")
def project() -> Iterator[tuple[str, str, SupabaseServer]]:
    """(issuer, storage, the storage's server)"""
    with ExitStack() as running:
        signer = running.enter_context(issuing())
        storage, server = running.enter_context(supabase())
        yield signer.issuer.removesuffix("/auth/v1"), storage, server


@pytest.fixture
def well(
    postgres: str,
    template: str,
    redis_server: str,
    registry: Registry,
    project: tuple[str, str, SupabaseServer],
    tmp_path: Path,
) -> dict[str, Any]:
    issuer, storage, _ = project
    return {
        "database_url": fresh_database(postgres, template),
        "redis_url": redis_server,
        "supabase_url": issuer,
        "supabase_service_role_key": KEY,
        "storage_url": storage,
        "supabase_bucket": BUCKET,
        "models_dir": registry.root,
        "data_dir": tmp_path,
        "model": "lite",
    }


def found(**values: Any) -> dict[str, Finding]:
    return {finding.name: finding for finding in asyncio.run(examine(Settings.load(**values)))}


def test_all_is_well_and_nothing_stays_behind(
    well: dict[str, Any], project: tuple[str, str, SupabaseServer]
) -> None:
    findings = found(**well)
    assert findings.keys() == CHECKS.keys()
    red = {name: finding.detail for name, finding in findings.items() if not finding.well}
    assert red.keys() <= {"editor"}  # built or not, as this checkout is
    assert "bucket cutout: written, read, deleted" in findings["storage"].detail
    assert project[2].objects == {}


@pytest.mark.parametrize(
    ("name", "changed", "says"),
    [
        ("database", {"database_url": "postgresql://u:secret-word@127.0.0.1:9/x"}, "DATABASE_URL"),
        ("redis", {"redis_url": "redis://:secret-word@127.0.0.1:9/0"}, "REDIS_URL"),
        ("model", {"model": "sam2.1-hiera-tiny"}, "not installed|cutout models pull"),
        ("storage", {"supabase_service_role_key": "secret-word-of-another-project"}, "refuses"),
        ("storage", {"supabase_bucket": "nowhere"}, "cutout storage init"),
        ("storage", {"supabase_bucket": "open-to-all"}, "public"),
        ("storage", {"supabase_bucket": "narrow"}, "1,000 bytes"),
        ("issuer", {"supabase_url": "http://127.0.0.1:9"}, "SUPABASE_URL"),
        ("database", {"database_url": None}, "DATABASE_URL is not set"),
    ],
)
def test_what_is_wrong_is_named_with_the_next_step(
    well: dict[str, Any],
    project: tuple[str, str, SupabaseServer],
    name: str,
    changed: dict[str, Any],
    says: str,
) -> None:
    project[2].buckets |= {
        "open-to-all": {"name": "open-to-all", "public": True},
        "narrow": {"name": "narrow", "public": False, "file_size_limit": 1000},
    }
    finding = found(**{**well, **changed})[name]
    assert not finding.well
    assert any(part in finding.detail for part in says.split("|")), finding.detail
    assert "secret-word" not in finding.detail


def test_a_database_without_tables_asks_to_be_migrated(well: dict[str, Any], postgres: str) -> None:
    finding = found(**{**well, "database_url": fresh_database(postgres)})["database"]
    assert not finding.well
    assert "cutout migrate" in finding.detail


def test_a_damaged_model_is_red(well: dict[str, Any], tmp_path: Path) -> None:
    copy = tmp_path / "models"
    shutil.copytree(well["models_dir"], copy)
    decoder = max((copy / "files").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(decoder.read_bytes())
    content[-1] ^= 1
    decoder.write_bytes(content)
    assert not found(**{**well, "models_dir": copy})["model"].well


def test_the_commands(well: dict[str, Any], project: tuple[str, str, SupabaseServer]) -> None:
    environment = {Settings.variable(name): str(value) for name, value in well.items()}
    fresh = {**environment, "CUTOUT_SUPABASE_BUCKET": "fresh"}
    made = CliRunner().invoke(app, ["storage", "init"], env=fresh)
    assert made.output == "the bucket fresh was made\n"
    assert project[2].buckets["fresh"]["public"] is False
    again = CliRunner().invoke(app, ["storage", "init"], env=fresh)
    assert again.output == "the bucket fresh is there\n"
    sick = CliRunner().invoke(app, ["doctor"], env={**environment, "REDIS_URL": "redis://127.0.0.1:9/0"})
    assert sick.exit_code != 0
    marks = {line.split()[1]: line[:3] for line in sick.output.splitlines()}
    assert marks.keys() >= CHECKS.keys()
    assert (marks["redis"], marks["database"]) == ("RED", "ok ")
