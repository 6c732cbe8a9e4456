"""The product as a self-hoster runs it, for the browser's tests: real `cutout` processes and one user.

    python -m tests.configured FOLDER

prints a line of JSON (url, email, password) once everything answers, and ends with its stdin.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import psycopg

from app.accounts.service import AccountService
from app.commands.serve import listen, url_of
from app.credits.service import Credits
from app.db.embedded import EmbeddedPostgres
from app.db.migrations import migrate
from app.db.pool import open_pool
from app.net.client import GuardedClient
from app.passwords.service import set_password
from app.queue.embedded import EmbeddedRedis
from app.webhooks.service import WebhookService
from tests.rows import a_user
from tests.services import FAST

EMAIL, PASSWORD = "shop@example.com", "correct horse battery"
START_S = 180
"""As web/e2e/stack.ts: four interpreters on a CI machine."""


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # Postgres under root drops to another user
    with contextlib.ExitStack() as running:
        for name in ("postgres", "redis", "data"):  # the logs stay
            running.callback(shutil.rmtree, folder / name, ignore_errors=True)
        postgres, redis = EmbeddedPostgres(folder / "postgres", FAST), EmbeddedRedis(folder / "redis")
        running.callback(postgres.stop)
        running.callback(redis.stop)
        database_url, issuer, url = postgres.start(), _free_url(), _free_url()
        migrate(database_url)
        asyncio.run(_shop(database_url))
        variables = os.environ | {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis.start(),
            "SUPABASE_URL": issuer,
            "CUTOUT_DATA_DIR": str(folder / "data"),
        }
        for arguments in (
            ["issuer", "--port", issuer.rpartition(":")[2]],
            ["serve", "--port", url.rpartition(":")[2]],
            ["worker", "embed"],
            ["worker", "mask"],
        ):
            running.enter_context(_process(arguments, variables, folder / f"{arguments[-1]}.log"))
        _until_up(f"{issuer}/auth/v1/health", f"{url}/readyz")
        print(json.dumps({"url": url, "email": EMAIL, "password": PASSWORD}), flush=True)
        sys.stdin.read()


async def _shop(database_url: str) -> None:
    """A user with a password, ten credits, and a delivery that did not arrive."""
    user = a_user(database_url, plan="prepaid")
    async with await open_pool(database_url, max_size=1) as pool:
        await AccountService(pool).ensure(user, EMAIL)
        await set_password(pool, user, EMAIL, PASSWORD)
        await Credits(pool).grant(user, 10_000, "to begin with")
        webhooks = WebhookService(pool, GuardedClient())
        endpoint, _ = await webhooks.create(user, url="https://old.example/cutout", events=(), description="")
        delivery = await webhooks.test(user, endpoint.id)
    with psycopg.connect(database_url) as connection:
        connection.execute("update webhook_deliveries set state = 'failed' where id = %s", (delivery.id,))


@contextlib.contextmanager
def _process(arguments: list[str], variables: Mapping[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as file:
        command = [sys.executable, "-m", "app.cli", *arguments]
        process = subprocess.Popen(command, env=variables, stdout=file, stderr=file)
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


def _free_url() -> str:
    with listen("127.0.0.1", 0) as listener:
        return url_of(listener)


def _until_up(*urls: str) -> None:
    until = time.monotonic() + START_S
    waiting = list(urls)
    while waiting:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(waiting[0], trust_env=False).is_success:
                waiting.pop(0)
                continue
        assert time.monotonic() < until, waiting
        time.sleep(0.1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
