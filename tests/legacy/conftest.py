"""The product with ClippingMagic's stand-in: the API, a legacy worker, and a mask worker for its sweeper."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.accounts.types import LOCAL_USER_ID
from app.fakes.clippingmagic.server import FakeClippingMagic, account, running
from app.settings import EmbeddedSettings
from models.registry import Registry
from tests.services import fresh_database
from tests.stack import Stack, local_user, serving, worker


@dataclass(frozen=True)
class LegacyStack(Stack):
    fake: FakeClippingMagic = field(repr=False)

    def sql(self, statement: str) -> list[Any]:
        with psycopg.connect(self.settings.database()) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def rules(self, **rules: Any) -> None:
        """These and no others, from now on."""
        with self.client() as client:
            every = {"kill": False, "percentage": 0, "allow": [], "deny": [], "rerun": False, "shadow": 0}
            answer = client.patch("/api/admin/flags/sam2_editor", json={**every, **rules})
            assert answer.status_code == 200, answer.text

    def plan(self, plan: str) -> None:
        self.sql(f"update credit_balances set plan = '{plan}' where user_id = '{LOCAL_USER_ID}'")


@pytest.fixture(scope="module")
def legacy_stack(
    postgres: str,
    template: str,
    redis_server: str,
    registry: Registry,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LegacyStack]:
    with ExitStack() as stack:
        fake = stack.enter_context(running())
        settings = EmbeddedSettings.load(
            database_url=fresh_database(postgres, template),
            redis_url=f"{redis_server}?db=4",
            data_dir=tmp_path_factory.mktemp("legacy"),
            models_dir=Path(registry.root),
            port=0,
            model="lite",
            **account(fake.url),
        )
        asyncio.run(local_user(settings))
        url = stack.enter_context(serving(settings))
        for kind in ("legacy", "mask"):
            stack.enter_context(worker(kind, settings))
        yield LegacyStack(url, settings, fake)


@pytest.fixture
def legacy(legacy_stack: LegacyStack) -> Iterator[LegacyStack]:
    """As it is in the beginning: nobody has the new editor, the stand-in is in a good mood."""
    legacy_stack.fake.mood.set({})
    legacy_stack.rules()
    legacy_stack.sql("delete from legacy_spending; update engine_health set fallback = false")
    yield legacy_stack
    legacy_stack.fake.mood.set({})
    legacy_stack.plan("unmetered")


@pytest.fixture
def client(legacy: LegacyStack) -> Iterator[httpx.Client]:
    with legacy.client() as client:
        yield client
