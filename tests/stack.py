"""The whole product for tests: Postgres, Redis, the API and both workers, as `cutout dev` runs them."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import logs
from app.accounts.service import AccountService
from app.accounts.types import LOCAL_USER_ID
from app.commands.serve import listen, server, url_of
from app.db.pool import open_pool
from app.guard import end_with_parent
from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.messages import LEGACY_QUEUE, MASK_QUEUE, embed_queue
from app.settings import EmbeddedSettings, Settings
from models.registry import Registry
from tests.services import fresh_database

WAIT_S = 60


@dataclass(frozen=True)
class Stack:
    url: str
    settings: Settings

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=WAIT_S + 5, trust_env=False)


@pytest.fixture(scope="session")
def stack(
    postgres: str,
    template: str,
    redis_server: str,
    registry: Registry,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """One per test process; its data stays from test to test."""
    settings = EmbeddedSettings.load(
        database_url=fresh_database(postgres, template),
        redis_url=redis_server,
        data_dir=tmp_path_factory.mktemp("data"),
        models_dir=registry.root,
        port=0,
        model="lite",
    )
    asyncio.run(local_user(settings))
    with contextlib.ExitStack() as running:
        url = running.enter_context(serving(settings))
        for kind in ("embed", "mask"):
            running.enter_context(worker(kind, settings))
        yield Stack(url, settings)


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The HTTP process, in a thread of this one."""
    from app.main import create_app  # here, so that tests of the parts do not load the whole

    with listen(settings.host, settings.port) as listener, answering(create_app(settings), listener):
        yield url_of(listener)


@contextlib.contextmanager
def answering(app: Callable[..., Any], listener: socket.socket) -> Iterator[None]:
    """The server of one application, in a thread of this process."""
    process = server(app)
    thread = threading.Thread(target=process.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        _until(lambda: process.started or not thread.is_alive())
        yield
    finally:
        process.should_exit = True
        thread.join()


@contextlib.contextmanager
def worker(kind: str, settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    services = settings.services()
    command = [sys.executable, "-m", "tests.stack", kind, services.database_url, services.redis_url]
    arguments = [*command, str(settings.data_dir), str(settings.models_dir), settings.model]
    process = subprocess.Popen(arguments, env={**os.environ, **_legacy(settings)})
    try:
        yield process
    finally:
        queue = {"mask": MASK_QUEUE, "legacy": LEGACY_QUEUE}.get(kind) or embed_queue(settings.model)
        # a short test ends before the worker has come far enough to leave in order
        _until(lambda: process.poll() is not None or _present(queue, services.redis_url))
        process.terminate()
        try:
            assert process.wait(40) == 0
        finally:
            process.kill()


def _legacy(settings: Settings) -> dict[str, str]:
    """Credentials of ClippingMagic, as a worker gets them."""
    names = ("clippingmagic_url", "clippingmagic_api_id", "clippingmagic_api_secret", "legacy_daily_usd")
    return (
        {Settings.variable(name): str(getattr(settings, name)) for name in names} if settings.legacy else {}
    )


def _present(queue: str, redis_url: str) -> bool:
    async def ask() -> bool:
        bell = ArqDoorbell(connect(redis_url))
        try:
            return bool((await bell.alive() or {}).get(queue))
        finally:
            await bell.close()

    return asyncio.run(ask())


def finished(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """The job once it has ended."""
    ended: dict[str, Any] = client.get(job["urls"]["self"], params={"wait": WAIT_S}).json()
    assert ended["status"] not in {"queued", "processing"}, ended
    return ended


def succeeded(client: httpx.Client, response: httpx.Response) -> dict[str, Any]:
    """The job of a 202 once it has worked."""
    assert response.status_code == 202, response.text
    ended = finished(client, response.json())
    assert ended["status"] == "succeeded", ended["error"]
    return ended


async def local_user(settings: Settings) -> None:
    pool = await open_pool(settings.services().database_url, max_size=1)
    await AccountService(pool).ensure(LOCAL_USER_ID)
    await pool.close()


def _until(condition: Any, timeout_s: float = 3 * WAIT_S) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def _main(kind: str, database_url: str, redis_url: str, data_dir: str, models_dir: str, model: str) -> None:
    from workers.main import run_worker

    end_with_parent(os.getppid())
    settings = EmbeddedSettings.load(
        database_url=database_url,
        redis_url=redis_url,
        data_dir=Path(data_dir),
        models_dir=Path(models_dir),
        model=model,
        log_level="warning",
    )
    logs.configure(settings, kind)
    run_worker(kind, settings)  # type: ignore[arg-type]


if __name__ == "__main__":
    _main(*sys.argv[1:])
