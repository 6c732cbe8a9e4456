"""`cutout dev`: everything on this machine, from wheels alone (DESIGN §5)."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from types import FrameType
from typing import NoReturn

import httpx
import structlog

from app import logs
from app.accounts.service import AccountService
from app.accounts.types import LOCAL_USER_ID
from app.commands.models import Bars, model_errors
from app.commands.running import only_one
from app.commands.serve import listen, url_of
from app.commands.supervisor import Child, Service, Stop, supervise
from app.db.embedded import EmbeddedPostgres
from app.db.migrations import migrate
from app.db.pool import open_pool
from app.fakes.clippingmagic import server as clippingmagic
from app.queue.embedded import EmbeddedRedis
from app.settings import EmbeddedSettings, Services
from models.errors import ModelMissing
from models.registry import Registry

SMALLEST = "lite"
"""What `auto` gets on a machine without any model: 45 MB, no GPU."""
_COMMAND = (sys.executable, "-m", "app.cli", "embedded", "--parent", str(os.getpid()))
# a terminal that is closed sends SIGHUP; under nohup it is ignored, and stays so
_ASKED_BY = (signal.SIGTERM, *(() if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else (signal.SIGHUP,)))

_log = structlog.get_logger(__name__)


def dev(settings: EmbeddedSettings, *, fake_legacy: bool = False) -> None:
    """Runs until SIGINT or SIGTERM; then nothing of it is left running."""
    logs.configure(settings, "dev")
    for number in _ASKED_BY:  # also while the services start: ExitStack stops what runs by then
        signal.signal(number, _leave)
    with ExitStack() as running:
        say = running.enter_context(only_one(settings.data_dir))
        listener = running.enter_context(listen(settings.host, settings.port))
        _ensure_model(settings)
        postgres = EmbeddedPostgres(settings.data_dir / "postgres")
        running.callback(postgres.stop)
        database_url = postgres.start()
        redis = EmbeddedRedis(settings.data_dir / "redis")
        running.callback(redis.stop)
        redis_url = redis.start()
        for name in migrate(database_url):
            _log.info("migrated", migration=name)
        asyncio.run(_local_user(database_url))
        say(Services(database_url, redis_url))
        url, fd = url_of(listener), listener.fileno()
        common = [database_url, redis_url, str(fd)]
        if fake_legacy:
            legacy = running.enter_context(clippingmagic.running()).url
            settings = settings.model_copy(update=clippingmagic.account(legacy))
            common += ["--fake-legacy", legacy]
        children = [
            Child(name, [*_COMMAND, *arguments, *common], (fd,)) for name, arguments in _processes(settings)
        ]
        asyncio.run(_until_signalled(children, {"postgres": postgres, "redis": redis}, url))
        _log.info("stopping")


async def _until_signalled(children: list[Child], services: Mapping[str, Service], url: str) -> None:
    stop = Stop()
    for number in (signal.SIGINT, *_ASKED_BY):
        asyncio.get_running_loop().add_signal_handler(number, stop.ask)
    greeting = asyncio.create_task(_greet(url))
    await supervise(children, services, stop)
    greeting.cancel()


async def _greet(url: str) -> None:
    """Say where to go once somebody is there."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get("/readyz")).is_success:
                    _log.info(f"Cutout is ready: {url}  (Ctrl-C stops it)")
                    return
            await asyncio.sleep(0.1)


def _ensure_model(settings: EmbeddedSettings) -> None:
    """Fetch `lite`, or the model that is asked for by name, unless one is there. Raises ModelFailed."""
    registry = Registry(settings.models_dir)
    with model_errors():
        try:
            name = registry.resolve(settings.model)
        except ModelMissing:
            name = SMALLEST
        if not registry.installed(name):
            _log.info("fetching the model", model=name, into=str(settings.models_dir))
            with Bars() as bars:
                registry.pull(name, bars.show)


async def _local_user(database_url: str) -> None:
    pool = await open_pool(database_url, max_size=1)
    try:
        await AccountService(pool).ensure(LOCAL_USER_ID)
    finally:
        await pool.close()


def _processes(settings: EmbeddedSettings) -> list[tuple[str, tuple[str, ...]]]:
    """(name, arguments): one of each, and an embed worker for every other model that is installed."""
    registry = Registry(settings.models_dir)
    chosen = registry.resolve(settings.model)
    others = [name for name in registry.names() if name != chosen and registry.installed(name)]
    more = [(f"embed:{name}", ("embed", "--model", name)) for name in others]
    legacy = [("legacy", ("legacy",))] if settings.legacy else []
    return [("web", ("web",)), ("embed", ("embed",)), *more, ("mask", ("mask",)), *legacy]


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
