"""`cutout doctor`: everything that a deployment needs, one line each; `cutout storage init`: its bucket."""

import asyncio
import inspect
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import typer
from redis.exceptions import RedisError

from app.api.editor import DIST
from app.db.migrations import read as read_migrations
from app.errors import AppError
from app.imaging.types import MAX_BYTES
from app.queue.arq_adapter import connect
from app.roles import service as roles
from app.settings import Settings
from app.storage import bucket
from app.storage.http import StorageHttp
from app.storage.open import opened_store, storage_http
from models.errors import ModelError
from models.registry import Registry

CLOCK_S = 30.0
"""Tokens live with 60 s of leeway between all clocks."""
_POSTGRES, _REDIS = 150_000, (6, 2)
_ROOM_BYTES = 2 << 30

storage_app = typer.Typer(name="storage", help="Where images and results lie.", no_args_is_help=True)


class Unwell(AppError):
    """Something is red."""

    code = "unwell"
    exit_code = 1


class Red(Exception):
    """What is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    well: bool
    detail: str


Check = Callable[[Settings], str | Awaitable[str]]
"""What is well, in words. Raises Red, AppError, ModelError."""


def doctor() -> None:
    """Look at every part that a deployment needs: one line each. Exits with 1 when one of them is red."""
    findings = asyncio.run(examine(Settings.load()))
    for finding in findings:
        mark = typer.style("ok ", fg="green") if finding.well else typer.style("RED", fg="red", bold=True)
        typer.echo(f"{mark} {finding.name:<12} {finding.detail}")
    if red := [finding.name for finding in findings if not finding.well]:
        raise Unwell(f"{len(red)} of {len(findings)} red: {', '.join(red)}")


@storage_app.command("init")
def init() -> None:
    """Make the private bucket, if it is not there."""
    settings = Settings.load()
    http = storage_http(settings)
    if http is None:
        typer.echo(f"nothing to do: objects lie in {settings.storage_dir}")
        return

    async def run() -> bool:
        try:
            return await bucket.ensure(http, settings.supabase_bucket)
        finally:
            await http.close()

    made = asyncio.run(run())
    typer.echo(f"the bucket {settings.supabase_bucket} {'was made' if made else 'is there'}")


async def examine(settings: Settings) -> list[Finding]:
    """Every check, side by side; none of them changes anything that stays."""
    return list(await asyncio.gather(*(examined(name, check, settings) for name, check in CHECKS.items())))


async def examined(name: str, check: Check, settings: Settings) -> Finding:
    try:
        answer = check(settings)
        return Finding(name, True, await answer if inspect.isawaitable(answer) else answer)
    except (Red, AppError, ModelError) as error:
        return Finding(name, False, str(error))


async def _database(settings: Settings) -> str:
    return await asyncio.to_thread(_ask_database, settings.database())


def _ask_database(dsn: str) -> str:
    try:
        with psycopg.connect(dsn, connect_timeout=5, prepare_threshold=None) as connection:
            version = connection.info.server_version
            row = connection.execute("select extract(epoch from clock_timestamp())::float8").fetchone()
            skew = abs(time.time() - (row or (0.0,))[0])
            applied = _applied(connection)
    except psycopg.OperationalError as error:
        raise Red(f"DATABASE_URL: it does not answer ({str(error).strip().splitlines()[-1]})") from None
    if version < _POSTGRES:
        raise Red(f"Postgres {version // 10_000} is too old, 15 is needed")
    if skew > CLOCK_S:
        raise Red(f"its clock and ours are {skew:.0f} s apart: set both by NTP")
    missing = len(read_migrations()) - applied
    if missing > 0:
        raise Red(f"{missing} migrations are missing: run `cutout migrate`")
    return f"Postgres {version // 10_000}, migrations applied, clocks {skew:.1f} s apart"


def _applied(connection: psycopg.Connection) -> int:
    """How many migrations."""
    if connection.execute("select to_regclass('schema_migrations')").fetchone() == (None,):
        return 0
    row = connection.execute("select count(*) from schema_migrations").fetchone()
    return row[0] if row else 0


async def _redis(settings: Settings) -> str:
    client = connect(settings.services().redis_url)
    try:
        version = str((await client.info("server"))["redis_version"])
    except (RedisError, OSError) as error:
        raise Red(f"REDIS_URL: it does not answer ({type(error).__name__})") from None
    finally:
        await client.aclose(close_connection_pool=True)
    if tuple(map(int, version.split(".")[:2])) < _REDIS:
        raise Red(f"Redis {version} is too old, 6.2 is needed")
    return f"Redis {version}"


async def _model(settings: Settings) -> str:
    registry = Registry(settings.models_dir)
    manifest = await asyncio.to_thread(lambda: registry.verify(registry.resolve(settings.model)))
    return f"{manifest.name} ({manifest.revision}), every file with its hash"


async def _storage(settings: Settings) -> str:
    """Write, read, delete."""
    where = f"the folder {settings.storage_dir}"
    if (http := storage_http(settings)) is not None:
        where = await _bucket(http, settings.supabase_bucket)
    key = f"doctor/{uuid4()}.txt"
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe"
        probe.write_bytes(key.encode())
        async with opened_store(settings) as store:
            await store.put(key, probe, "text/plain")
            content = b"".join([chunk async for chunk in store.read(key)])
            await store.delete([key])
    if content != key.encode():
        raise Red(f"{where}: what was read is not what was written")
    return f"{where}: written, read, deleted"


async def _bucket(http: StorageHttp, name: str) -> str:
    try:
        found = await bucket.find(http, name)
    finally:
        await http.close()
    if found is None:
        raise Red(f"there is no bucket {name}: run `cutout storage init`")
    if found.public:
        raise Red(f"the bucket {name} is public: everybody may read every image; make it private")
    if found.limit is not None and found.limit < MAX_BYTES:
        raise Red(f"the bucket {name} takes {found.limit:,} bytes a file, {MAX_BYTES:,} are needed")
    return f"the private bucket {name}"


async def _issuer(settings: Settings) -> str:
    """Keys by which tokens are checked."""
    if settings.supabase_url is None:
        return "none: only API keys are good"
    if settings.supabase_jwt_secret is not None:
        return "HS256 by SUPABASE_JWT_SECRET"
    url = f"{settings.issuer()}/auth/v1/.well-known/jwks.json"
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            document: Any = (await client.get(url)).raise_for_status().json()
            count = len(document["keys"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise Red(f"SUPABASE_URL: no public keys at {url} ({type(error).__name__})") from None
    if count == 0:
        raise Red(f"SUPABASE_URL: {url} names no key; a legacy project needs SUPABASE_JWT_SECRET")
    return f"{count} public keys"


async def _roles(settings: Settings) -> str:
    """What workers on rented hosts may open."""
    opened = await asyncio.to_thread(roles.opened_tables, settings.database())
    if not opened:
        return f"no {roles.ROLE} here: `cutout setup-roles` makes it for rented hosts"
    again = "run `cutout setup-roles --apply` again"
    if more := opened - roles.TABLES:
        raise Red(f"{roles.ROLE} may open {', '.join(sorted(more))}: {again}")
    if missing := roles.TABLES - opened:
        raise Red(f"{roles.ROLE} may not open {', '.join(sorted(missing))}: {again}")
    return f"{roles.ROLE} opens what encoders need, no users, keys or credits"


async def _webhooks(settings: Settings) -> str:
    def ask() -> tuple[int, int]:
        with psycopg.connect(settings.database(), connect_timeout=5, prepare_threshold=None) as connection:
            row = connection.execute(
                "select count(*), count(coalesce(failing_since, disabled_at)) from webhook_endpoints"
            ).fetchone()
        return row or (0, 0)

    try:
        count, failing = await asyncio.to_thread(ask)
    except psycopg.Error:
        raise Red("the endpoints cannot be read, see database") from None
    if failing:
        raise Red(f"{failing} of {count} endpoints fail or are disabled: see their deliveries")
    return f"{count} endpoints, none fails"


def _editor(_settings: Settings) -> str:
    if not (DIST / "index.html").is_file():
        raise Red("it is not built: run `npm ci && npm run build` in web/")
    return "built"


def _room(settings: Settings) -> str:
    folder = settings.data_dir
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < _ROOM_BYTES:
        raise Red(f"CUTOUT_DATA_DIR: {free / 1e9:.1f} GB are free at {folder}, 2 GB are needed for uploads")
    return f"{free / 1e9:.0f} GB free at {folder}"


CHECKS: dict[str, Check] = {
    "database": _database,
    "redis": _redis,
    "model": _model,
    "storage": _storage,
    "issuer": _issuer,
    "roles": _roles,
    "webhooks": _webhooks,
    "editor": _editor,
    "room": _room,
}
