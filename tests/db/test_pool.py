"""Connections that stood idle, over a real server."""

from collections.abc import AsyncIterator

import psycopg
import pytest

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
