"""Bodies that are changed on the way, too slow, or too many."""

import asyncio
import base64
import contextlib
import hashlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from app.api import body as module
from app.api.body import Slots
from app.api.errors import BodyTooSlow, TooManyUploads
from app.commands import protocol
from tests.api.test_keys import refused
from tests.data.photos import CAT
from tests.gate import Gate
from tests.rows import a_job, an_image
from tests.stack import serving


def digest(content: bytes, algorithm: str = "sha256") -> str:
    value = base64.b64encode(hashlib.new(algorithm, content).digest()).decode()
    return f"{algorithm.replace('sha', 'sha-')}=:{value}:"


@pytest.fixture
def me(gate: Gate) -> Iterator[httpx.Client]:
    with gate.person(gate.user()) as client:
        yield client


def upload(client: httpx.Client) -> httpx.Request:
    return client.build_request("POST", "/api/images", files={"image": ("cat.jpg", CAT.path.read_bytes())})


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_an_upload_that_arrived_whole(me: httpx.Client, algorithm: str) -> None:
    request = upload(me)
    request.headers["Content-Digest"] = f"md5=:AAAA:, {digest(request.read(), algorithm)}"
    assert me.send(request).status_code == 201


def test_an_upload_that_was_changed_on_the_way_is_not_kept(me: httpx.Client) -> None:
    request = upload(me)
    request.headers["Content-Digest"] = digest(request.read() + b"x")
    refused(me.send(request), 400, "digest_mismatch")
    assert me.get("/api/images").json()["items"] == []


def test_json_has_a_digest_too(me: httpx.Client) -> None:
    content = b'{"name": "till"}'
    headers = {"Content-Type": "application/json", "Content-Digest": digest(content)}
    assert me.post("/api/keys", content=content, headers=headers).status_code == 201
    refused(me.post("/api/keys", content=b"{}", headers=headers), 400, "digest_mismatch")
    refused(
        me.post("/api/keys", content=content, headers={**headers, "Content-Digest": "sha-256=:A:"}),
        400,
        "digest_mismatch",
    )


def begun(url: str, token: str, path: str, content_type: str, start: bytes) -> socket.socket:
    """A request that said it would send 1,000 bytes, and sent `start` of them."""
    host, port = url.removeprefix("http://").split(":")
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {token}",
        f"Content-Type: {content_type}",
        "Content-Length: 1000",
    ]
    raw = socket.create_connection((host, int(port)), timeout=30)
    raw.sendall("\r\n".join([*lines, "", ""]).encode() + start)
    return raw


def test_a_client_that_falls_silent(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE_S", 0.2)
    token = gate.signer.token(gate.user())
    with contextlib.closing(begun(gate.url, token, "/api/keys", "application/json", b"{")) as raw:
        answer = b""
        while b"body_too_slow" not in answer:
            part = raw.recv(4096)
            assert part, answer
            answer += part
    assert answer.startswith(b"HTTP/1.1 408")


async def dripped() -> list[bytes]:
    """A body whose bytes come one by one, the first of them at once."""
    sent = iter(range(100))

    async def receive() -> Message:
        number = next(sent)
        if number:
            await asyncio.sleep(0)
        return {"type": "http.request", "body": b"x", "more_body": number < 99}

    return [chunk async for chunk in module.incoming(Request({"type": "http", "headers": []}, receive))]


async def test_a_client_that_is_never_silent_and_never_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAD_START_S", 0.0)
    monkeypatch.setattr(module, "SLOWEST", 1e12)
    with pytest.raises(BodyTooSlow, match="slower"):
        await dripped()
    monkeypatch.setattr(module, "SLOWEST", 0.01)
    assert len(await dripped()) == 100


@pytest.mark.parametrize("before", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_headers_that_come_a_byte_at_a_time(
    gate: Gate, before: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a new connection, and on one that has had its answer."""
    monkeypatch.setattr(protocol, "HEAD_S", 0.3)
    host, port = gate.url.removeprefix("http://").split(":")
    with contextlib.closing(socket.create_connection((host, int(port)), timeout=30)) as raw:
        raw.sendall(before)
        while before and not raw.recv(4096).endswith(b"}"):
            pass
        raw.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        raw.settimeout(0.02)
        answer, until = b"", time.monotonic() + 30
        while not answer:
            assert time.monotonic() < until
            raw.sendall(b"a")
            with contextlib.suppress(TimeoutError):
                answer = raw.recv(4096)
        raw.settimeout(30)
        with contextlib.suppress(ConnectionResetError):  # it was closed with our bytes unread
            assert raw.recv(4096) == b""
    assert answer.startswith(b"HTTP/1.1 408")


def test_a_whole_head_stops_the_clock(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer may take longer than its headers may."""
    monkeypatch.setattr(protocol, "HEAD_S", 0.1)
    user = gate.user()
    job = a_job(gate.dsn, an_image(gate.dsn, user), user)
    with gate.person(user) as me:
        assert me.get(f"/api/jobs/{job}", params={"wait": 1}).status_code == 200


async def test_a_slot_is_given_back_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    slots = Slots(1)
    with contextlib.suppress(ValueError):
        async with slots.taken():
            with pytest.raises(TooManyUploads):
                async with slots.taken():
                    pass
            raise ValueError
    async with slots.taken():
        pass


async def test_who_comes_next_waits_for_a_slot() -> None:
    slots, order = Slots(1), list[str]()

    async def second() -> None:
        async with slots.taken():
            order.append("second")

    async with slots.taken():
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0)
        order.append("first")
    await waiting
    assert order == ["first", "second"]


def test_more_uploads_than_slots(gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.5)
    one = gate.settings.model_copy(update={"uploads_at_once": 1, "data_dir": tmp_path})
    token = gate.signer.token(gate.user())
    with serving(one) as url, Gate(url, gate.dsn, one, gate.signer).person(gate.user()) as me:
        photo = me.send(upload(me)).json()["urls"]["self"]
        slow = begun(url, token, "/api/images", "multipart/form-data; boundary=x", b"--x\r\n")
        with contextlib.closing(slow):
            until = time.monotonic() + 30
            while not any((tmp_path / "uploads").iterdir()):  # its file's folder: it has the slot
                assert time.monotonic() < until
                time.sleep(0.01)
            answer = me.send(upload(me))
            refused(answer, 503, "too_many_uploads")
            assert answer.headers["retry-after"]
            refused(me.post(f"{photo}/crops", json={"box": [0, 0, 40, 40]}), 503, "too_many_uploads")
            assert me.get("/api/images").status_code == 200
