"""The schema is what the migrations make, and only that."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from app.db import snapshot
from app.db.errors import DatabaseUnavailable, MigrationChanged
from app.db.migrations import MIGRATIONS, migrate, read
from tests.services import fresh_database


@pytest.fixture
def empty(postgres: str) -> str:
    return fresh_database(postgres)


def test_all_migrations_give_the_snapshot(dsn: str) -> None:
    written = (MIGRATIONS / "schema.sql").read_text(encoding="utf-8")
    assert snapshot.dump(dsn) == written, "run `python -m app.db.snapshot`"


def test_only_what_is_missing_is_applied(empty: str) -> None:
    assert migrate(empty) == [m.name for m in read()]
    assert migrate(empty) == []


def test_several_at_once_apply_each_migration_once(empty: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        applied = [name for names in threads.map(migrate, [empty] * 4) for name in names]
    assert sorted(applied) == [m.name for m in read()]


def test_a_failing_migration_leaves_nothing_behind(empty: str, tmp_path: Path) -> None:
    (tmp_path / "0001_good.sql").write_text("create table good (id int)")
    (tmp_path / "0002_bad.sql").write_text("create table half (id int); select no_such_function()")
    with pytest.raises(psycopg.errors.UndefinedFunction):
        migrate(empty, tmp_path)
    with psycopg.connect(empty) as connection:
        assert connection.execute("select to_regclass('good'), to_regclass('half')").fetchone() == (
            "good",
            None,
        )


def test_a_changed_migration_is_refused(empty: str, tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("create table a (id int)")
    migrate(empty, tmp_path)
    (tmp_path / "0001_first.sql").write_text("create table a (id bigint)")
    with pytest.raises(MigrationChanged):
        migrate(empty, tmp_path)


def test_a_database_of_a_newer_version_is_refused(empty: str, tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("select 1")
    (tmp_path / "0002_second.sql").write_text("select 1")
    migrate(empty, tmp_path)
    (tmp_path / "0002_second.sql").unlink()
    with pytest.raises(MigrationChanged):
        migrate(empty, tmp_path)


def test_numbers_have_no_gaps(tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").touch()
    (tmp_path / "0003_third.sql").touch()
    with pytest.raises(ValueError, match="gap"):
        read(tmp_path)


def test_an_unreachable_database_is_a_coded_error(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable):
        migrate(f"postgresql://nobody@/nothing?host={tmp_path}")
