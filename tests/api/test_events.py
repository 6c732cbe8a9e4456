"""Streams over real sockets: a server of its own without workers, rows changed by hand."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import ExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as connect_sync

from app.accounts.types import LOCAL_USER_ID
from app.api import events as events_module
from app.api.events import EventStream
from app.db.pool import Pool
from app.jobs.claims import Claims, Outcome
from app.jobs.events import Events
from app.jobs.types import Job
from app.queue.arq_adapter import ArqDoorbell
from app.settings import EmbeddedSettings, Settings
from tests.rows import a_job, a_user, an_image
from tests.stack import local_user, serving

PATIENCE_S = 30


@pytest.fixture
def settings(dsn: str, redis_url: str, tmp_path: Path) -> Settings:
    settings = EmbeddedSettings.load(
        database_url=dsn, redis_url=redis_url, data_dir=tmp_path, models_dir=tmp_path / "models", port=0
    )
    asyncio.run(local_user(settings))
    return settings


@pytest.fixture
def url(settings: Settings) -> Iterator[str]:
    with serving(settings) as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, trust_env=False) as client:
        yield client


@pytest.fixture
def claims(pool: Pool, doorbell: ArqDoorbell) -> Claims:
    return Claims(pool, doorbell, Events(doorbell))


@pytest.fixture
def job_id(dsn: str, url: str) -> UUID:
    return a_job(dsn, an_image(dsn, LOCAL_USER_ID), LOCAL_USER_ID)


async def claimed(claims: Claims) -> Job:
    job = await claims.claim("embed:lite", "worker", lease_s=60)
    assert job is not None
    return job


async def ends(claims: Claims, job: Job | None = None) -> None:
    await claims.succeed(job or await claimed(claims), Outcome({"embedding": {}}), {})


async def blocks(response: httpx.Response) -> AsyncGenerator[dict[str, str], None]:
    """Server-sent events as a browser reads them, comments and id-only blocks among them."""
    block: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line:
            name, _, value = line.partition(":")
            block[name] = value.strip()
        else:
            yield block
            block = {}


async def streamed(
    client: httpx.AsyncClient, path: str, last: str | None = None
) -> list[tuple[str, dict[str, Any]]]:
    """(id, document) of each event until the server ends the stream."""
    headers = {} if last is None else {"Last-Event-ID": last}
    async with client.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        return [(each["id"], json.loads(each["data"])) async for each in blocks(response) if "data" in each]


async def messages(socket: ClientConnection) -> list[dict[str, Any]]:
    return [json.loads(each) async for each in socket]


async def test_server_sent_events_from_the_present_state_to_the_end(
    client: httpx.AsyncClient, claims: Claims, job_id: UUID
) -> None:
    listening = asyncio.create_task(streamed(client, f"/api/jobs/{job_id}/events"))
    await asyncio.sleep(0.3)
    job = await claimed(claims)
    await asyncio.sleep(0.3)
    await ends(claims, job)
    heard = await listening
    assert [each["status"] for _, each in heard] == ["queued", "processing", "succeeded"]
    assert [int(each_id) for each_id, _ in heard] == sorted(int(each_id) for each_id, _ in heard)
    assert heard[-1][1] == (await client.get(f"/api/jobs/{job_id}")).json()


async def test_who_comes_back_with_the_last_id_misses_nothing_and_hears_nothing_twice(
    client: httpx.AsyncClient, claims: Claims, job_id: UUID
) -> None:
    path = f"/api/jobs/{job_id}/events"
    async with client.stream("GET", path) as response, aclosing(blocks(response)) as stream:
        first = [await anext(stream) for _ in range(2)][1]
    await ends(claims)
    heard = await streamed(client, path, first["id"])
    assert heard[-1][1]["status"] == "succeeded"
    assert all(int(each_id) > int(first["id"]) for each_id, _ in heard)
    again = await client.get(path, headers={"Last-Event-ID": heard[-1][0]})
    assert again.status_code == 204  # an EventSource stops coming back
    assert (await client.get(path, params={"last_event_id": heard[-1][0]})).status_code == 204


async def test_websocket_from_the_present_state_to_the_end(url: str, claims: Claims, job_id: UUID) -> None:
    async with connect(f"{url.replace('http', 'ws')}/api/jobs/{job_id}/ws", proxy=None) as socket:
        first = json.loads(await socket.recv())
        assert (first["event"], first["data"]["status"]) == ("job", "queued")
        await socket.send("a listener has nothing to say")
        await ends(claims)
        heard = await messages(socket)
    assert heard[-1]["data"]["status"] == "succeeded"
    assert socket.close_code == 1000
    again = f"{url.replace('http', 'ws')}/api/jobs/{job_id}/ws?last_event_id={heard[-1]['id']}"
    async with connect(again, proxy=None) as socket:
        assert await messages(socket) == []
    assert socket.close_code == 1000


async def test_all_of_mine_in_one_stream(
    client: httpx.AsyncClient, claims: Claims, dsn: str, job_id: UUID
) -> None:
    stranger = a_user(dsn)
    a_job(dsn, an_image(dsn, stranger), stranger)
    async with client.stream("GET", "/api/events") as response, aclosing(blocks(response)) as stream:
        assert await anext(stream) == {"retry": "1000"}
        assert json.loads((await anext(stream))["data"])["id"] == str(job_id)
        caught_up = await anext(stream)
        assert set(caught_up) == {"id"}
    await ends(claims)
    await ends(claims)
    async with (
        client.stream("GET", "/api/events", headers={"Last-Event-ID": caught_up["id"]}) as response,
        aclosing(blocks(response)) as stream,
    ):
        told = [await anext(stream) for _ in range(3)]
    assert json.loads(told[1]["data"])["status"] == "succeeded"
    assert set(told[2]) == {"id"}  # and nothing of the stranger's


@pytest.mark.parametrize("bad", ["x", "-1", "1.5", "9" * 19, "0x10", "\u0661"])
async def test_a_malformed_last_event_id_is_refused(
    client: httpx.AsyncClient, url: str, job_id: UUID, bad: str
) -> None:
    for path in (f"/api/jobs/{job_id}/events", "/api/events"):
        answer = await client.get(path, params={"last_event_id": bad})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_event_id")
    refused = await _refused(f"{url}/api/jobs/{job_id}/ws?last_event_id={bad}")
    assert (refused.status_code, json.loads(refused.body)["code"]) == (400, "bad_event_id")


async def test_a_job_of_somebody_elses_is_not_found(client: httpx.AsyncClient, url: str, dsn: str) -> None:
    stranger = a_user(dsn)
    for job_id in (a_job(dsn, an_image(dsn, stranger), stranger), uuid4()):
        answer = await client.get(f"/api/jobs/{job_id}/events")
        assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")
        refused = await _refused(f"{url}/api/jobs/{job_id}/ws")
        assert (refused.status_code, json.loads(refused.body)["code"]) == (404, "job_not_found")


async def test_a_foreign_page_gets_no_websocket(url: str, job_id: UUID) -> None:
    refused = await _refused(f"{url}/api/jobs/{job_id}/ws", origin="https://evil.example")
    assert refused.status_code == 403


async def test_an_unknown_parameter_is_refused(client: httpx.AsyncClient, job_id: UUID) -> None:
    answer = await client.get(f"/api/jobs/{job_id}/events", params={"since": "1"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter")


async def test_listeners_that_leave_are_forgotten(
    client: httpx.AsyncClient, url: str, claims: Claims, job_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as one process takes, again and again."""
    monkeypatch.setattr("app.jobs.listeners.MAX_LISTENERS", 2)
    for _ in range(3):
        path = f"/api/jobs/{job_id}/events"
        async with client.stream("GET", path) as response, connect(_ws(url, job_id), proxy=None) as socket:
            assert response.status_code == 200
            await socket.recv()
            busy = await client.get("/api/events")
            assert (busy.status_code, busy.json()["code"]) == (503, "too_many_listeners")
            assert "retry-after" in busy.headers
        await _until_free(client)


async def test_a_listener_that_takes_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection takes one event and then blocks, as a full socket does."""
    monkeypatch.setattr(events_module, "SEND_S", 0.05)
    left: list[str] = []

    async def endless() -> Any:
        try:
            while True:
                yield b": alive\n\n"
        finally:
            left.append("closed")

    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))
        if len(sent) > 2:
            await asyncio.Event().wait()

    async def receive() -> Any:
        await asyncio.Event().wait()

    scope = {"type": "http", "asgi": {"spec_version": "2.3"}}
    async with asyncio.timeout(PATIENCE_S):
        await EventStream(endless())(scope, receive, send)
    assert left == ["closed"]


@asynccontextmanager
async def a_web_process(settings: Settings) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    services = settings.services()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.api.web_process", services.database_url, services.redis_url),
        str(settings.data_dir),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip(), process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_killed_web_process_costs_nothing(settings: Settings, claims: Claims, dsn: str) -> None:
    """Its listener comes to another process of the same service and misses nothing."""
    job_id = a_job(dsn, an_image(dsn, LOCAL_USER_ID), LOCAL_USER_ID)
    async with a_web_process(settings) as (url, process), a_web_process(settings) as (other, _):
        async with connect(_ws(url, job_id), proxy=None) as socket:
            first = json.loads(await socket.recv())
            process.kill()
            with pytest.raises(ConnectionClosed):
                await socket.recv()
        await ends(claims)
        async with connect(f"{_ws(other, job_id)}?last_event_id={first['id']}", proxy=None) as socket:
            heard = await messages(socket)
    assert heard[-1]["data"]["status"] == "succeeded"


def _ws(url: str, job_id: UUID) -> str:
    return f"{url.replace('http', 'ws')}/api/jobs/{job_id}/ws"


async def _refused(url: str, origin: str | None = None) -> Any:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(url.replace("http", "ws"), origin=origin, proxy=None):  # type: ignore[arg-type]
            pass
    return caught.value.response


async def _until_free(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with client.stream("GET", "/api/events") as response:
                if response.status_code == 200:
                    return
            await asyncio.sleep(0.05)


def test_streams_end_with_the_server(settings: Settings, dsn: str) -> None:
    """In order, not cut off: who listens comes back with the last event's id, to another process."""
    with ExitStack() as running, ExitStack() as streams:
        url = running.enter_context(serving(settings))
        job_id = a_job(dsn, an_image(dsn, LOCAL_USER_ID), LOCAL_USER_ID)
        client = streams.enter_context(httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False))
        listening = []
        for path in ("/api/events", f"/api/jobs/{job_id}/events"):
            lines = streams.enter_context(client.stream("GET", path)).iter_lines()
            assert any(line.startswith("data:") for line in lines)
            listening.append(lines)
        socket_url = f"{url.replace('http', 'ws')}/api/jobs/{job_id}/ws"
        socket = streams.enter_context(connect_sync(socket_url, proxy=None))
        assert json.loads(socket.recv())["data"]["status"] == "queued"
        running.close()
        for lines in listening:
            assert not any(line.startswith("event: error") for line in lines)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv()
        assert closed.value.rcvd is not None
