"""The embed workers are killed under load: new work goes to ClippingMagic's stand-in, and back by itself."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.fakes.clippingmagic.server import FakeClippingMagic, account, running
from app.settings import EmbeddedSettings
from models.registry import Registry
from tests.data.photos import CAT
from tests.services import fresh_database
from tests.stack import Stack, local_user, serving, worker

pytestmark = pytest.mark.slow
SWITCHED_WITHIN_S = 15
DAILY_USD = Decimal(3)
CAP = 24
"""Images that three dollars buy."""


@pytest.fixture
def product(
    postgres: str, template: str, redis_server: str, registry: Registry, tmp_path: Path
) -> Iterator[tuple[Stack, FakeClippingMagic]]:
    """Everything but an embed worker, with the limits that production has; the calm is shorter."""
    with ExitStack() as stack:
        fake = stack.enter_context(running())
        settings = EmbeddedSettings.load(
            database_url=fresh_database(postgres, template),
            redis_url=f"{redis_server}?db=5",
            data_dir=tmp_path,
            models_dir=registry.root,
            port=0,
            model="lite",
            use_sam2_editor="true",
            legacy_daily_usd=DAILY_USD,
            fallback_calm_s=5,
            **account(fake.url),
        )
        asyncio.run(local_user(settings))
        url = stack.enter_context(serving(settings))
        for kind in ("mask", "legacy"):
            stack.enter_context(worker(kind, settings))
        yield Stack(url, settings), fake


def photo() -> bytes:
    """Another file each time: what was encoded before is not encoded again."""
    content = CAT.path.read_bytes()
    return content[:2] + b"\xff\xfe\x00\x12" + os.urandom(16) + content[2:]


class Load:
    """Asks for cutouts and encodes at a steady pace, and remembers every job."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.jobs: list[dict[str, Any]] = []

    def once(self, kind: str) -> dict[str, Any]:
        answer = self.client.post(f"/api/segment/{kind}", files={"image": ("cat.jpg", photo())})
        assert answer.status_code == 202, answer.text
        self.jobs.append(answer.json())
        return self.jobs[-1]

    def until(self, condition: Callable[[], bool], seconds: float, pause_s: float = 1.0) -> float:
        """Seconds until it holds, under load."""
        begun = time.monotonic()
        while not condition():
            assert time.monotonic() - begun < seconds
            time.sleep(pause_s)
        return time.monotonic() - begun

    def of(self, status: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = [self.client.get(job["urls"]["self"]).json() for job in self.jobs]
        return [job for job in listed if job["status"] == status]


def engine(client: httpx.Client) -> str:
    return str(client.get("/api/editor").json()["engine"])


def test_the_embed_workers_die_under_load(product: tuple[Stack, FakeClippingMagic]) -> None:
    stack, fake = product
    with stack.client() as client:
        load = Load(client)
        with worker("embed", stack.settings) as first:
            for kind in ("remove", "encode", "remove"):
                load.once(kind)
            load.until(lambda: len(load.of("succeeded")) == len(load.jobs), 120)
            load.until(lambda: engine(client) == "sam2", 60)  # a slow start is an illness too
            stranded = [load.once("encode") for _ in range(4)]
            first.kill()
            killed = time.monotonic()
            first.wait()
            first.returncode = 0  # what the fixture would ask of a worker that leaves in order
            switched = load.until(lambda: load.once("remove")["engine"] == "clippingmagic", SWITCHED_WITHIN_S)
        assert engine(client) == "clippingmagic"
        for _ in range(CAP + 3):  # more than the day's budget
            load.once("remove")
        beyond = load.jobs[-1]
        assert (beyond["engine"], beyond["engine_reason"]) == ("sam2", "budget_spent")
        assert load.of("failed") == []
        away = time.monotonic() - killed
        with worker("embed", stack.settings):
            restarted = time.monotonic()
            ids = {job["id"] for job in stranded}
            load.until(lambda: ids <= {job["id"] for job in load.of("succeeded")}, 120)
            drained = time.monotonic() - restarted
            returned = load.until(lambda: client.get("/api/editor").json()["reason"] == "env_on", 240)
            load.until(lambda: len(load.of("succeeded")) == len(load.jobs), 300)
            assert load.once("remove")["engine"] == "sam2"
            load.until(lambda: len(load.of("succeeded")) == len(load.jobs), 60)
        reasons = Counter(job["engine_reason"] for job in load.of("succeeded"))
    with psycopg.connect(stack.settings.services().database_url) as connection:
        spent = connection.execute("select sum(micros)::bigint from legacy_spending").fetchone()
    print(
        f"\nnew work elsewhere {switched:.1f} s after the kill; away for {away:.0f} s;"
        f"\n{len(stranded)} waiting encodes ended {drained:.1f} s after the restart, routing back"
        f" {drained + returned:.1f} s after it;"
        f"\n{len(load.jobs)} jobs, none failed: {dict(reasons)};"
        f" billed {fake.album.stats()['billed']} of {CAP}"
    )
    assert spent == (int(DAILY_USD * 1_000_000),)
    assert fake.album.stats()["billed"] == CAP
