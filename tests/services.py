"""Real Postgres and real Redis: one server of each per test process, a fresh database per test."""

import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from app.db.embedded import EmbeddedPostgres
from app.db.migrations import migrate
from app.db.pool import Pool, open_pool
from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.embedded import EmbeddedRedis

# a test's data need not survive a power cut: 4 s of fsync saved per 100 databases
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
}
_numbers = itertools.count()


def database(dsn: str, name: str) -> str:
    """The DSN of another database of the same server."""
    head, _, query = dsn.partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"


def fresh_database(postgres: str, template: str = "template1") -> str:
    """The DSN of a new database; it goes with the server."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    create = SQL("create database {} template {} strategy file_copy")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(create.format(Identifier(name), Identifier(template)))
    return database(postgres, name)


@pytest.fixture(scope="session")
def services_dir() -> Iterator[Path]:
    # not pytest's tmp_path: Postgres under root drops to another user, who must be able to reach the folder
    folder = Path(tempfile.mkdtemp(prefix="cutout-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(services_dir: Path) -> Iterator[str]:
    """DSN of a server's maintenance database."""
    server = EmbeddedPostgres(services_dir / "postgres", FAST)
    yield server.start()
    server.stop()


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """Name of a database with every migration applied."""
    dsn = fresh_database(postgres)
    migrate(dsn)
    return str(conninfo_to_dict(dsn)["dbname"])


@pytest.fixture
def dsn(postgres: str, template: str) -> str:
    """A migrated, empty database of the test's own."""
    return fresh_database(postgres, template)


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    opened = await open_pool(dsn, 1, 8)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def redis_server(services_dir: Path) -> Iterator[str]:
    server = EmbeddedRedis(services_dir / "redis")
    yield server.start()
    server.stop()


@pytest.fixture
async def redis_url(redis_server: str) -> AsyncIterator[str]:
    """An empty database of the server: not the one where the stack's workers listen."""
    url = f"{redis_server}?db=1"
    client = connect(url)
    await client.flushdb()
    yield url
    await client.flushdb()
    await client.aclose(close_connection_pool=True)


@pytest.fixture
async def doorbell(redis_url: str) -> AsyncIterator[ArqDoorbell]:
    bell = ArqDoorbell(connect(redis_url))
    yield bell
    await bell.close()
