"""One pool a process, fit for a transaction pooler (Supabase): no session state, and prepared statements only
where no pooler stands between."""

import asyncio
import os
import select
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
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
SILENCE_S = 60.0
"""A server, or a pooler before it, that takes our bytes and answers nothing is left after so long."""
_VANISHED: dict[str, int] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A server, or a router on the way, that is gone without a word is found out within 11 s; Linux alone takes
two hours where nothing was sent, and 15 minutes where something was (tcp_keepalive_time, tcp_retries2)."""


async def open_pool(dsn: str, min_size: int = 1, max_size: int = 10) -> Pool:
    """A started pool; rows are dicts. Raises DatabaseUnavailable when Postgres does not answer."""
    kwargs: dict[str, Any] = {
        "row_factory": dict_row,
        "autocommit": True,
        "prepare_threshold": None,
        "connect_timeout": CONNECT_TIMEOUT_S,
        **_VANISHED,
    }
    pool: Pool = AsyncConnectionPool(
        dsn,
        connection_class=AsyncConnection[DictRow],
        kwargs=kwargs,
        configure=_may_prepare,
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


async def _may_prepare(conn: Connection) -> None:
    """Statements that ask for it (`prepare=True`) are planned once a connection: the look-ups of a request.
    Others are not: a prepared `select *` breaks with the next column.

    Whoever is told another number of its server's process than at the beginning speaks through a pooler,
    which may give the next statement to another process.
    """
    with _bounded(conn):
        row = await (await conn.execute("select pg_backend_pid() as pid")).fetchone()
    direct = row is not None and row["pid"] == conn.info.backend_pid
    conn.prepare_threshold = sys.maxsize if direct else None


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
        async with pool.connection() as conn:
            with _bounded(conn):
                async with conn.transaction():
                    yield conn
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise DatabaseUnavailable("the database does not answer") from error


@asynccontextmanager
async def connection(pool: Pool) -> AsyncIterator[Connection]:
    """A connection for single statements, each its own transaction. Raises DatabaseUnavailable."""
    try:
        async with pool.connection() as conn:
            with _bounded(conn):
                yield conn
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise DatabaseUnavailable("the database does not answer") from error


@contextmanager
def _bounded(conn: Connection) -> Iterator[None]:
    """The block ends within SILENCE_S. A cancellation would not do: psycopg then waits for the server."""
    timer = asyncio.get_running_loop().call_later(SILENCE_S, _cut, conn)
    try:
        yield
    finally:
        timer.cancel()


def _cut(conn: Connection) -> None:
    """Whoever waits for an answer finds the connection broken."""
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(conn.fileno())) as own:
        own.shutdown(socket.SHUT_RDWR)
