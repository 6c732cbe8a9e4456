"""Bad networks between a worker and what it needs: no job is lost, none has two outputs, no wait is endless.

`make chaos` runs the long form. Each toxic lasts a while on each way, over and over, while jobs are done.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import pytest
from psycopg.conninfo import conninfo_to_dict

from app.storage.http import StorageHttp
from app.storage.supabase import SupabaseStore
from tests.chaos.conftest import World, each_effect_once
from tests.chaos.proxy import Proxy
from tests.storage.supabase_server import BUCKET, KEY, supabase
from workers.sweep import tidy

ENDED = "select count(*) from jobs where finished_at is not null"
TOXICS = ("latency", "bandwidth", "reset", "silence")


@dataclass(frozen=True)
class Form:
    jobs: int
    toxic_s: float
    rounds: int
    patience_s: float


SHORT = Form(30, 0.25, 1, 120)
LONG = Form(300, 3.0, 3, 600)
"""Three seconds are most of a lease."""


@dataclass(frozen=True)
class Ways:
    """From the workers to what they need, and the same directly."""

    proxies: dict[str, Proxy]
    plan: dict[str, str]
    store: SupabaseStore


@pytest.fixture
async def ways(world: World) -> AsyncIterator[Ways]:
    database = conninfo_to_dict(world.dsn)
    sockets = {
        "database": f"{database['host']}/.s.PGSQL.{database.get('port', 5432)}",
        "redis": urlsplit(world.redis_url).path,
    }
    async with AsyncExitStack() as stack:
        storage, _ = stack.enter_context(supabase())
        port = urlsplit(storage).port
        proxies = {name: Proxy(partial(asyncio.open_unix_connection, path)) for name, path in sockets.items()}
        proxies["storage"] = Proxy(partial(asyncio.open_connection, "127.0.0.1", port))
        for proxy in proxies.values():
            await stack.enter_async_context(proxy.running())
        plan = {
            "dsn": f"postgresql://postgres:@127.0.0.1:{proxies['database'].port}/{database['dbname']}",
            "redis_url": f"redis://127.0.0.1:{proxies['redis'].port}",
            "storage_url": f"http://127.0.0.1:{proxies['storage'].port}",
            "notes_dsn": world.dsn,
        }
        direct = SupabaseStore(StorageHttp(storage, KEY), BUCKET)
        stack.push_async_callback(direct.close)
        yield Ways(proxies, plan, direct)


@pytest.mark.parametrize("form", [SHORT, pytest.param(LONG, marks=pytest.mark.slow)], ids=["short", "long"])
async def test_nothing_is_lost_and_nothing_happens_twice(world: World, ways: Ways, form: Form) -> None:
    fleet = world.fleet(2, work_s=0.1, slots=2, **ways.plan)
    async with fleet.running():
        made = await world.create(form.jobs)
        await world.until("select count(distinct worker) from begun", 2, form.patience_s)
        for _ in range(form.rounds):
            for toxic in TOXICS:
                for proxy in ways.proxies.values():
                    async with spoiled(proxy, toxic):
                        await asyncio.sleep(form.toxic_s)
                    made += await world.create(1)
        await world.until(ENDED, len(made), form.patience_s)
    assert all(proxy.spoiled for proxy in ways.proxies.values())
    await tidy(world.pool, ways.store)
    await each_effect_once(world, ways.store, [str(job.id) for job in made])


@asynccontextmanager
async def spoiled(proxy: Proxy, toxic: str) -> AsyncIterator[None]:
    if toxic == "latency":
        proxy.latency_s = 0.1
    elif toxic == "bandwidth":
        proxy.bytes_s = 20_000
    elif toxic == "reset":
        proxy.reset()
    else:
        proxy.silence()
    yield
    proxy.heal()
