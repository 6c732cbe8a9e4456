"""What a Supabase client with a user's JWT may do with the tables: read its own rows, nothing of secrets."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from tests.rows import a_job, a_user, an_image, new_id


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
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "insert into api_keys (id, user_id, prefix, sha256, scopes)"
            " values (%s, %s, 'cut_', '\\x00', '{read}')",
            (new_id(), owner),
        )
    return owner


@pytest.mark.parametrize("table", ["users", "images", "jobs", "api_keys"])
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
        ("api_keys", "sha256"),
        ("closed_accounts", "user_sha256"),
        ("passwords", "hash"),
        ("sign_ins", "refresh_sha256"),
        ("webhook_secrets", "secret"),
        ("webhook_endpoints", "url"),
        ("idempotency_keys", "key"),
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


def test_the_service_role_sees_everybodys(dsn: str, owner: UUID) -> None:
    a_user(dsn)
    with client(dsn, "service_role") as service:
        assert count(service, "users") == 2
        assert count(service, "jobs") == 1


LINT = """
with tables as (
    select oid, relname, relrowsecurity as secured from pg_class
    where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace and relname <> 'schema_migrations'
), readable as (
    select *, has_any_column_privilege('authenticated', oid, 'select') as read from tables
)
select relname || ': no row security' from tables where not secured
union all
select relname || ': anonymous may read it' from tables where has_any_column_privilege('anon', oid, 'select')
union all
select relname || ': a client may change it' from tables
where has_any_column_privilege('authenticated', oid, 'insert, update')
   or has_table_privilege('authenticated', oid, 'delete, truncate')
union all
select relname || ': no grant to service_role'
from tables, unnest(array['select', 'insert', 'update', 'delete']) as needed
where not has_table_privilege('service_role', oid, needed)
union all
select relname || ': readable without a policy of one''s own rows' from readable t
where read and not exists (
    select from pg_policy where polrelid = t.oid and pg_get_expr(polqual, t.oid) like '%auth.uid()%')
union all
select relname || ': a policy without a grant' from readable t
where not read and exists (select from pg_policy where polrelid = t.oid)
"""
"""What is wrong with a table, whoever's data it holds. Migrations of tomorrow are held to it as well."""


def faults(connection: psycopg.Connection) -> set[str]:
    return {fault for (fault,) in connection.execute(LINT).fetchall()}


def test_every_table_is_secured_and_granted(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        assert faults(connection) == set()


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("", "no row security"),
        ("alter table t enable row level security", "no grant to service_role"),
        ("grant select on t to anon", "anonymous may read it"),
        ("grant select (user_id) on t to authenticated", "readable without a policy of one's own rows"),
        (
            "create policy p on t for select using (true); grant select on t to authenticated",
            "readable without a policy of one's own rows",
        ),
        ("grant update (user_id) on t to authenticated", "a client may change it"),
        ("grant delete on t to authenticated", "a client may change it"),
        (
            "create policy p on t for select to authenticated using (user_id = auth.uid())",
            "a policy without a grant",
        ),
    ],
)
def test_the_lint_sees(dsn: str, table: str, fault: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("create table t (user_id uuid); revoke all on t from anon, authenticated")
        connection.execute(table.encode())
        assert f"t: {fault}" in faults(connection)
