"""`cutout users …` and `cutout keys …` over a real database, as an operator calls them."""

import asyncio
import io
import json
import zipfile
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from app.accounts.errors import KeyRefused
from app.accounts.sign_in import SignIn
from app.accounts.types import Caller
from app.db.pool import open_pool
from app.passwords.hashing import matches
from tests.cli.conftest import Run

NOBODY = UUID("00000000-0000-7000-8000-00000000000f")


@pytest.fixture(autouse=True)
def _services(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)


@pytest.fixture
def user(run: Run) -> str:
    return run("users", "add", "--email", "shop@example.com")[1].strip()


def caller(dsn: str, key: str) -> Caller:
    async def ask() -> Caller:
        async with await open_pool(dsn, max_size=1) as pool:
            return await SignIn(pool, None).by_key(key)

    return asyncio.run(ask())


def test_a_key_from_the_cradle_to_the_grave(run: Run, dsn: str, user: str) -> None:
    code, out, err = run(
        "keys", "create", "shop@example.com", "--scope", "read", "--name", "till", "--days", 7
    )
    assert (code, err) == (0, "")
    key = out.strip()
    assert caller(dsn, key).scopes == {"read"}
    (listed,) = json.loads(run("keys", "list", user, "--json")[1])["items"]
    assert (listed["user_id"], listed["name"], listed["scopes"]) == (user, "till", ["read"])
    assert key not in json.dumps(listed)
    assert run("keys", "revoke", listed["id"]) == (0, f"{listed['id']}: revoked\n", "")
    with pytest.raises(KeyRefused):
        caller(dsn, key)
    (row,) = run("keys", "list", user)[1].splitlines()[1:]
    assert row.split()[0] == listed["id"]


def test_a_password_by_which_the_user_signs_in(
    run: Run, user: str, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    done = (0, f"{user}: signs in by shop@example.com\n", "")
    assert run("users", "password", "shop@example.com", "--stdin") == done
    with psycopg.connect(dsn) as connection:
        (stored,) = connection.execute("select hash from passwords").fetchall()
    assert matches("correct horse battery", stored[0])
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert run("users", "password", user, "--stdin")[2].endswith("[weak_password]\n")
    nameless = run("users", "add")[1].strip()
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    assert run("users", "password", nameless, "--stdin")[2].endswith("[address_missing]\n")


def test_roles(run: Run, user: str) -> None:
    assert run("users", "grant", user, "admin")[1] == f"{user}: admin\n"
    (listed,) = json.loads(run("users", "list", "--json")[1])["items"]
    assert (listed["id"], listed["email"], listed["role"]) == (user, "shop@example.com", "admin")
    assert run("users", "grant", "shop@example.com", "user")[0] == 0
    assert run("users", "list")[1].splitlines()[1].split()[:3] == [user, "shop@example.com", "user"]


def test_users_come_in_pages(run: Run) -> None:
    ids = [run("users", "add")[1].strip() for _ in range(3)]
    page = json.loads(run("users", "list", "--limit", 2, "--json")[1])
    rest = json.loads(run("users", "list", "--cursor", page["next_cursor"], "--json")[1])
    assert [UUID(each["id"]) for each in page["items"] + rest["items"]] == sorted(map(UUID, ids))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("users", "grant", "nobody@example.com", "admin"), "user_not_found"),
        (("keys", "create", NOBODY), "user_not_found"),
        (("keys", "revoke", NOBODY), "key_not_found"),
    ],
)
def test_what_is_not_there(run: Run, arguments: tuple[object, ...], code: str) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "") and f"[{code}]" in err


def test_without_a_database(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    status, _, err = run("users", "list")
    assert status == 78 and "DATABASE_URL is not set" in err


def test_retention(run: Run, user: str) -> None:
    assert run("users", "retention", user, 7)[1] == f"{user}: images are kept for 7 days\n"
    assert run("users", "retention", user)[1] == f"{user}: images are kept for the default\n"


def test_a_user_is_deleted_and_the_log_knows(
    run: Run, user: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    run("keys", "create", user)
    code, out, _ = run("users", "delete", user, "--yes")
    assert code == 0 and out.startswith(f"{user}: gone with ") and "1 keys" in out
    assert run("users", "delete", user, "--yes")[0] == 2
    (deed,) = json.loads(run("users", "audit", "--json")[1])["items"]
    assert (deed["actor"], deed["action"], deed["subject"]) == ("command line", "user.erased", None)
    assert "user.erased" in run("users", "audit")[1]


def test_garbage(run: Run) -> None:
    assert run("gc")[1] == "0 images and 0 orphaned files removed\n"


def test_export(run: Run, user: str, tmp_path: Path) -> None:
    out = tmp_path / "shop.zip"
    assert run("users", "export", user, out)[0] == 0
    with zipfile.ZipFile(out) as archive:
        assert json.loads(archive.read("account.jsonl"))["email"] == "shop@example.com"
    assert out.stat().st_mode & 0o777 == 0o600
    code, _, err = run("users", "export", user, out)
    assert code == 2 and "[file_taken]" in err
