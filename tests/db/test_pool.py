"""Connections that stood idle, over a real server."""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.db.errors import DatabaseUnavailable
from app.db.pool import Pool, connection, open_pool, transaction


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    """Of one connection."""
    opened = await open_pool(dsn, 1, 1)
    yield opened
    await opened.close()


async def backend(pool: Pool) -> int:
    async with connection(pool) as conn:
        await conn.execute("listen news")
        return conn.info.backend_pid


async def test_one_that_the_server_has_ended_is_replaced_unnoticed(pool: Pool, postgres: str) -> None:
    ended = await backend(pool)
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute("select pg_terminate_backend(%s, 5000)", (ended,))
    assert await backend(pool) != ended


async def prepared(dsn: str) -> int:
    """Statements that the server keeps, after one that asked for it and one that did not."""
    pool = await open_pool(dsn, 1, 1)
    async with connection(pool) as conn:
        await conn.execute("select 1", prepare=True)
        await conn.execute("select 2")
        row = await (await conn.execute("select count(*) from pg_prepared_statements")).fetchone()
    await pool.close()
    return int(row["count"]) if row else -1


@asynccontextmanager
async def pooler(dsn: str, folder: Path) -> AsyncIterator[str]:
    """As every pooler does it gives out process numbers of its own; the DSN by which it is reached."""
    server = conninfo_to_dict(dsn)
    name = f".s.PGSQL.{server.get('port', 5432)}"

    serving = set[asyncio.Task[None]]()

    async def serve(client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        serving.add(cast("asyncio.Task[None]", asyncio.current_task()))
        replies, requests = await asyncio.open_unix_connection(str(Path(str(server["host"])) / name))

        async def ask() -> None:
            while data := await client.read(65536):
                requests.write(data)
            requests.close()

        asking = asyncio.create_task(ask())
        while data := await replies.read(65536):
            answers.write(re.sub(rb"(?<=K\0\0\0\x0c)....", b"seen", data, flags=re.DOTALL))
        answers.close()
        await asyncio.gather(asking, answers.wait_closed(), requests.wait_closed())

    async with await asyncio.start_unix_server(serve, folder / name):
        yield make_conninfo(dsn, host=str(folder))
        await asyncio.gather(*serving)


async def test_statements_are_prepared_where_they_ask_for_it_and_no_pooler_is_between(dsn: str) -> None:
    assert await prepared(dsn) == 1
    with tempfile.TemporaryDirectory() as folder:  # a socket's path is short
        async with pooler(dsn, Path(folder)) as pooled:
            assert await prepared(pooled) == 0


async def test_one_that_was_told_something_is_used_again(pool: Pool, dsn: str) -> None:
    told = await backend(pool)
    with psycopg.connect(dsn, autocommit=True) as other:
        other.execute("notify news")
    assert await backend(pool) == told


async def test_a_server_that_answers_nothing_is_left(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = await backend(pool)
    monkeypatch.setattr("app.db.pool.SILENCE_S", 0.2)
    for block in (connection, transaction):
        with pytest.raises(DatabaseUnavailable):
            async with block(pool) as conn:
                await conn.execute("select pg_sleep(600)")
    monkeypatch.undo()
    assert await backend(pool) != silent
