from pathlib import Path

import pytest

from app.db.queries import load


def test_statements_are_found_by_name(tmp_path: Path) -> None:
    file = tmp_path / "queries.sql"
    file.write_text("-- of this folder\n-- name: first\nselect 1\n\n-- name: second\n-- why\nselect 2\n")
    assert dict(load(file)) == {"first": "select 1", "second": "-- why\nselect 2"}


def test_a_name_stands_once(tmp_path: Path) -> None:
    file = tmp_path / "queries.sql"
    file.write_text("-- name: first\nselect 1\n-- name: first\nselect 2\n")
    with pytest.raises(ValueError, match="twice"):
        load(file)


def test_sql_without_a_name_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "queries.sql"
    file.write_text("select 1\n-- name: first\nselect 1\n")
    with pytest.raises(ValueError, match="before the first"):
        load(file)
