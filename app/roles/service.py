"""What a worker on a rented host gets instead of the master keys (DESIGN §13): three narrow ways in."""

import time
from hashlib import sha256
from pathlib import Path
from typing import Final, LiteralString, cast
from urllib.parse import quote, urlsplit

import jwt
import psycopg
from psycopg import sql
from redis.exceptions import RedisError

from app.db.errors import DatabaseUnavailable
from app.db.pool import CONNECT_TIMEOUT_S
from app.queue.arq_adapter import connect
from app.queue.errors import QueueUnavailable
from app.roles.errors import MayNotMakeRoles

ROLE: Final = "cutout_embed"
TOKEN_DAYS = 90
TABLES: Final = frozenset(
    {"jobs", "images", "embeddings", "flag_versions", "engine_health", "legacy_spending"}
)
"""What database.sql opens, by rows and columns."""
_HERE = Path(__file__).parent
_KEYS: Final = (
    "embed:*",  # rings of its queues, and arq's sign of life
    "mask",  # rings for what it passes on
    "legacy",
    "arq:job:*",  # what a ring says
    "arq:result:*",  # only looked for: nothing writes them
    "cutout:workers",
    "cutout:notes:embed:*",
)
_COMMANDS: Final = (
    *("ping", "select", "info", "dbsize"),
    *("multi", "exec", "watch", "unwatch", "discard"),
    *("zadd", "zrem", "zcard", "zrangebyscore"),
    *("exists", "set", "psetex", "del", "publish"),
)
"""What a worker sends: nothing that lists keys, empties a database, reads a value or subscribes."""


def database_sql(password: str) -> sql.Composed:
    """Everything that makes the role."""
    own = sql.SQL("alter role {} password {};").format(sql.Identifier(ROLE), sql.Literal(password))
    return sql.SQL("\n").join([sql.SQL(_read("database.sql")), own])


def storage_sql(bucket: str) -> sql.Composed:
    """Policies of Supabase's storage."""
    return sql.SQL(_read("storage.sql")).format(bucket=sql.Literal(bucket))


def acl(password: str) -> list[str]:
    """The words of `ACL SETUSER`, or of a line in Redis's ACL file; the password is in it as its hash."""
    keys = [f"~{key}" for key in _KEYS]
    commands = [f"+{command}" for command in _COMMANDS]
    secret = f"#{sha256(password.encode()).hexdigest()}"
    return [ROLE, "reset", "on", secret, *keys, "resetchannels", "&jobs:*", "-@all", *commands]


def storage_token(secret: str) -> str:
    """A token of the project (HS256) that opens what `storage_sql` grants, and nothing of the API."""
    now = int(time.time())
    claims = {"role": ROLE, "iss": "cutout", "iat": now, "exp": now + TOKEN_DAYS * 86_400}
    return jwt.encode(claims, secret, "HS256")


def as_role(url: str, password: str) -> str:
    """The same server for the role. A pooler of Supabase wants the project's name behind it, as in `url`."""
    parts = urlsplit(url)
    project = (parts.username or "").partition(".")[2]
    user = f"{ROLE}.{project}" if project else ROLE
    where = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{quote(user)}:{quote(password)}@{where}").geturl()


def apply_database(dsn: str, statements: sql.Composed) -> None:
    """In one transaction. Raises DatabaseUnavailable, MayNotMakeRoles."""
    try:
        with psycopg.connect(dsn, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            connection.execute(statements)
    except psycopg.errors.InsufficientPrivilege as error:
        raise MayNotMakeRoles(
            f"DATABASE_URL: its user may not do that: {error.diag.message_primary}"
        ) from error
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable("the database does not answer") from error


def opened_tables(dsn: str) -> set[str] | None:
    """Tables of which the role may read or write a column; "everything" where it is above row security.

    None: there is no such role. Raises DatabaseUnavailable.
    """
    try:
        with psycopg.connect(dsn, connect_timeout=CONNECT_TIMEOUT_S, prepare_threshold=None) as connection:
            row = connection.execute(_OPENED, {"role": ROLE}).fetchone()
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable("the database does not answer") from error
    if row is None:
        return None
    above, tables = row
    return {"everything"} if above else set(tables)


_OPENED: Final = """
select r.rolsuper or r.rolbypassrls, array(
    select c.relname from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
      and has_any_column_privilege(r.oid, c.oid, 'select, insert, update')
)
from pg_roles r where r.rolname = %(role)s
"""


def has_storage(dsn: str) -> bool:
    """The database is a Supabase project's."""
    with psycopg.connect(dsn, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        row = connection.execute("select to_regclass('storage.objects') is not null").fetchone()
    return row is not None and bool(row[0])


async def apply_redis(url: str, words: list[str]) -> None:
    """Raises QueueUnavailable."""
    redis = connect(url)
    try:
        await redis.execute_command("ACL", "SETUSER", *words)  # type: ignore[no-untyped-call]
    except (RedisError, OSError) as error:
        raise QueueUnavailable("Redis does not answer, or does not let this user make others") from error
    finally:
        await redis.aclose(close_connection_pool=True)


def _read(name: str) -> LiteralString:
    text = (_HERE / name).read_text(encoding="utf-8")
    return cast(LiteralString, text)  # type: ignore[redundant-cast]
