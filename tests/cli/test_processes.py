"""What each process says when it cannot start."""

import socket
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.mark.parametrize("command", [["serve"], ["worker", "embed"], ["worker", "mask"], ["migrate"]])
def test_a_missing_database_url(run: Run, command: list[str]) -> None:
    code, out, err = run(*command)
    assert (code, out, err.count("\n")) == (78, "", 1)
    assert err.startswith("cutout: DATABASE_URL is not set")


@pytest.mark.parametrize("command", [["serve"], ["worker", "embed"], ["worker", "mask"]])
def test_a_missing_redis_url(run: Run, command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/x")
    code, _, err = run(*command)
    assert (code, err.startswith("cutout: REDIS_URL is not set")) == (78, True)


def test_an_issuer_that_nobody_could_reach(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = run("issuer")
    assert (code, err.startswith("cutout: SUPABASE_URL is not set"), err.count("\n")) == (78, True, 1)
    monkeypatch.setenv("SUPABASE_URL", "http://localhost:9999")
    code, _, err = run("issuer")
    assert (code, err.startswith("cutout: DATABASE_URL is not set")) == (78, True)


@pytest.mark.parametrize("command", [["serve"], ["migrate"]])
def test_a_database_that_is_away(
    run: Run, tmp_path: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql:///cutout?host={tmp_path}")
    monkeypatch.setenv("REDIS_URL", "redis://localhost")
    code, _, err = run(*command)
    assert (code, err) == (3, "cutout: the database does not answer [database_unavailable]\n")


def test_a_bad_variable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTOUT_PORT", "http")
    code, _, err = run("serve")
    assert (code, err.startswith("cutout: CUTOUT_PORT: "), err.count("\n")) == (78, True, 1)


def test_a_port_that_is_taken(run: Run, dsn: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("REDIS_URL", redis_url)
    with socket.create_server(("127.0.0.1", 0)) as other:
        for command in ("serve", "dev"):
            code, _, err = run(command, "--port", other.getsockname()[1])
            assert (code, err.splitlines()[-1].endswith("[port_taken]")) == (3, True), err


def test_an_address_that_is_not_ours(
    run: Run, dsn: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("REDIS_URL", redis_url)
    code, _, err = run("serve", "--host", "192.0.2.1")
    assert (code, err.startswith("cutout: CUTOUT_HOST: ")) == (78, True)
    code, _, err = run("dev", "--host", "0.0.0.0")
    assert (code, err.startswith("cutout: CUTOUT_HOST: `cutout dev` listens on a loopback")) == (78, True)


def test_migrate(run: Run, postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.services import fresh_database

    monkeypatch.setenv("DATABASE_URL", fresh_database(postgres))
    code, out, _ = run("migrate")
    assert (code, out.splitlines()[0]) == (0, "applied 0001_core")
    assert run("migrate")[1] == "the database is up to date\n"


@pytest.mark.parametrize(
    "command",
    [[], ["dev"], ["serve"], ["worker"], ["migrate"], ["models"], ["remove"], ["batch"], ["jobs"], ["queue"]],
)
def test_help(run: Run, command: list[str]) -> None:
    code, out, _ = run(*command, "--help")
    assert (code, "Usage: cutout" in out, "embedded" in out) == (0, True, False)
