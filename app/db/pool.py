"""One pool a process, fit for a transaction pooler (Supabase): no session state, no prepared statements."""

import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from app.db.errors import DatabaseUnavailable

Row: TypeAlias = DictRow
Connection: TypeAlias = AsyncConnection[DictRow]
Pool: TypeAlias = AsyncConnectionPool[Connection]

CONNECT_TIMEOUT_S = 5
WAIT_S = 5.0
"""How long a caller waits for a connection before it is told `database_unavailable`."""


async def open_pool(dsn: str, min_size: int = 1, max_size: int = 10) -> Pool:
    """A started pool; rows are dicts. Raises DatabaseUnavailable when Postgres does not answer."""
    kwargs: dict[str, Any] = {
        "row_factory": dict_row,
        "autocommit": True,
        "prepare_threshold": None,
        "connect_timeout": CONNECT_TIMEOUT_S,
    }
    pool: Pool = AsyncConnectionPool(
        dsn,
        connection_class=AsyncConnection[DictRow],
        kwargs=kwargs,
        min_size=min_size,
        max_size=max_size,
        timeout=WAIT_S,
        check=_check,
        reconnect_timeout=WAIT_S,
        open=False,
    )
    try:
        await pool.open(wait=True, timeout=CONNECT_TIMEOUT_S)
    except PoolTimeout as error:
        await pool.close()
        raise DatabaseUnavailable("the database does not answer") from error
    return pool


async def _check(conn: Connection) -> None:
    """Whether a connection that was idle still stands. Raises psycopg.OperationalError.

    Who has asked nothing is told nothing: only where there is something to read, as a rule the server's
    farewell, is the server asked. psycopg_pool's own check is a round trip before every use.
    """
    poll = select.poll()
    poll.register(conn.fileno(), select.POLLIN)
    if poll.poll(0):
        await AsyncConnectionPool.check_connection(conn)


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """A connection inside one transaction. Raises DatabaseUnavailable when Postgres went away on the way."""
    try:
        async with pool.connection() as connection, connection.transaction():
            yield connection
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise DatabaseUnavailable("the database does not answer") from error


@asynccontextmanager
async def connection(pool: Pool) -> AsyncIterator[Connection]:
    """A connection for single statements, each its own transaction. Raises DatabaseUnavailable."""
    try:
        async with pool.connection() as conn:
            yield conn
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise DatabaseUnavailable("the database does not answer") from error
