"""The HTTP process as a configured server runs it: with sign-in, without workers."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from app.accounts.keyring import Keyring
from app.accounts.types import ApiKey, Role, Scope
from app.db.pool import open_pool
from app.settings import Settings
from models.registry import Registry
from tests.issuer import Signer, issuing
from tests.rows import a_job, an_image
from tests.services import fresh_database
from tests.stack import serving

HOST = "cutout.example"


@dataclass(frozen=True)
class Gate:
    url: str
    dsn: str
    settings: Settings
    signer: Signer

    def client(self, **credentials: str) -> httpx.Client:
        """`authorization=…`, `x_api_key=…`, `cookie=…`."""
        headers = {name.replace("_", "-"): value for name, value in credentials.items()}
        return httpx.Client(base_url=self.url, headers={"Host": HOST, **headers}, trust_env=False)

    def person(self, user_id: UUID) -> httpx.Client:
        return self.client(authorization=f"Bearer {self.signer.token(user_id)}")

    def user(self, role: Role = Role.USER) -> UUID:
        user_id = uuid4()
        with psycopg.connect(self.dsn) as connection:
            connection.execute("insert into users (id, role) values (%s, %s)", (user_id, role))
        return user_id

    def cutouts(self, user_id: UUID, count: int, cost_micros: int) -> None:
        """So many finished ones, of an image each, at half a credit."""
        with psycopg.connect(self.dsn) as connection:
            for _ in range(count):
                job = a_job(self.dsn, an_image(self.dsn, user_id), user_id)
                connection.execute(
                    "update jobs set kind = 'remove', status = 'succeeded', result = '{}',"
                    " finished_at = now(), credits = 500, cost_micros = %s where id = %s",
                    (cost_micros, job),
                )

    def key(self, user_id: UUID, *scopes: Scope, **more: Any) -> tuple[ApiKey, str]:
        async def make() -> tuple[ApiKey, str]:
            async with await open_pool(self.dsn, max_size=1) as pool:
                return await Keyring(pool).create(user_id, frozenset(scopes), **more)

        return asyncio.run(make())


@pytest.fixture(scope="session")
def gate(
    postgres: str,
    template: str,
    redis_server: str,
    registry: Registry,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gate]:
    """One per test process; its data stays from test to test."""
    dsn = fresh_database(postgres, template)
    with opened(dsn, f"{redis_server}?db=2", registry, tmp_path_factory.mktemp("gate")) as gate:
        yield gate


@contextmanager
def opened(dsn: str, redis_url: str, registry: Registry, data_dir: Path, **settings: Any) -> Iterator[Gate]:
    """One of its own."""
    with issuing() as signer:
        configured = Settings.load(
            database_url=dsn,
            redis_url=redis_url,
            supabase_url=signer.issuer.removesuffix("/auth/v1"),
            data_dir=data_dir,
            models_dir=registry.root,
            port=0,
            **settings,
        )
        with serving(configured) as url:
            yield Gate(url, dsn, configured, signer)
