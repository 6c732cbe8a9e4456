"""Numbered SQL files, applied forward only, each in its own transaction."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import psycopg

from app.db.errors import DatabaseUnavailable, MigrationChanged

MIGRATIONS = Path(__file__).parents[2] / "migrations"
_FILE = re.compile(r"(\d{4})_\w+\.sql")
_LOCK = 0x6375746F  # "cuto"; transaction level, because a pooler gives the session to others

_LEDGER = """
create table if not exists schema_migrations (
    version integer primary key,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default now()
)"""


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read(folder: Path = MIGRATIONS) -> list[Migration]:
    """In order. Raises ValueError unless they count 1, 2, 3 …"""
    files = sorted(path for path in folder.glob("*.sql") if _FILE.fullmatch(path.name))
    found = [Migration(int(path.name[:4]), path.stem, path.read_text(encoding="utf-8")) for path in files]
    if [m.version for m in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"migrations must count from 0001 without a gap: {[m.name for m in found]}")
    return found


def migrate(dsn: str, folder: Path = MIGRATIONS) -> list[str]:
    """Apply what is missing and return its names; several callers at once are fine.

    Raises MigrationChanged when an applied file differs from ours, DatabaseUnavailable.
    """
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=5, prepare_threshold=None) as connection:
            _check(connection, read(folder))
            return [m.name for m in read(folder) if _apply(connection, m)]
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable("the database does not answer") from error


def _check(connection: psycopg.Connection, ours: list[Migration]) -> None:
    with connection.transaction():
        _lock(connection)
        connection.execute(_LEDGER)
        applied = connection.execute("select version, name, sha256 from schema_migrations").fetchall()
    known = {m.version: m for m in ours}
    for version, name, sha256 in applied:
        if version not in known:
            raise MigrationChanged(f"the database has migration {name}, which this version does not know")
        if known[version].sha256 != sha256:
            raise MigrationChanged(f"migration {name} was applied with other contents")


def _apply(connection: psycopg.Connection, migration: Migration) -> bool:
    with connection.transaction():
        _lock(connection)
        row = connection.execute(
            "insert into schema_migrations (version, name, sha256) values (%s, %s, %s)"
            " on conflict do nothing returning version",
            (migration.version, migration.name, migration.sha256),
        ).fetchone()
        if row is None:
            return False
        connection.execute(migration.sql.encode())
        return True


def _lock(connection: psycopg.Connection) -> None:
    connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
