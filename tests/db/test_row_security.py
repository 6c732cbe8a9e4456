"""What a Supabase client with a user's JWT may do with the tables: read its own rows, nothing of secrets."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from tests.rows import a_job, a_user, an_image


@contextmanager
def client(dsn: str, role: str, user_id: UUID | None = None) -> Iterator[psycopg.Connection]:
    """A connection as PostgREST makes it."""
    with psycopg.connect(dsn) as connection:
        connection.execute("select set_config('request.jwt.claim.sub', %s, true)", (str(user_id or ""),))
        connection.execute(f"set local role {role}")
        yield connection


def count(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(f"select count(id) from {table}").fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def owner(dsn: str) -> UUID:
    owner = a_user(dsn)
    a_job(dsn, an_image(dsn, owner), owner)
    return owner


@pytest.mark.parametrize("table", ["users", "images", "jobs"])
def test_anonymous_then_a_stranger_then_the_owner(dsn: str, owner: UUID, table: str) -> None:
    with client(dsn, "anon") as anonymous, pytest.raises(InsufficientPrivilege):
        count(anonymous, table)
    with client(dsn, "authenticated", a_user(dsn)) as stranger:
        assert count(stranger, table) == (1 if table == "users" else 0)
    with client(dsn, "authenticated", owner) as mine:
        assert count(mine, table) == 1


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("images", "storage_key"),
        ("jobs", "webhook"),
        ("jobs", "params"),
        ("jobs", "result_key"),
        ("jobs", "worker"),
        ("schema_migrations", "sha256"),
    ],
)
def test_the_owner_reads_no_secrets(dsn: str, owner: UUID, table: str, column: str) -> None:
    with client(dsn, "authenticated", owner) as mine, pytest.raises(InsufficientPrivilege):
        mine.execute(f"select {column} from {table}")


@pytest.mark.parametrize(
    "statement",
    [
        "update jobs set status = 'succeeded'",
        "update users set email = 'me@example.com'",
        "delete from images",
        "insert into users (id) values (gen_random_uuid())",
    ],
)
def test_the_owner_changes_nothing(dsn: str, owner: UUID, statement: str) -> None:
    with client(dsn, "authenticated", owner) as mine, pytest.raises(InsufficientPrivilege):
        mine.execute(statement)


def test_every_table_has_row_security(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
            " and not relrowsecurity"
        ).fetchall()
    assert rows == []
