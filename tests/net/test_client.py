"""The guarded client against real sockets: what it reaches, what it never connects to, what it gives back."""

import asyncio
import hashlib
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from app.net.client import GuardedClient
from app.net.errors import UrlAnswerUnusable, UrlRefused, UrlTimeout, UrlTooLarge, UrlUnreachable
from tests.net.servers import Heard, names, reply, serving
from tests.net.test_addresses import REFUSED

Call = Callable[[GuardedClient, str, Path], Awaitable[str | None]]


async def fetch(client: GuardedClient, url: str, dest: Path) -> str | None:
    """Code of the refusal, or None."""
    try:
        await client.fetch_image(url, dest)
    except UrlRefused as error:
        return error.code
    return None


async def post(client: GuardedClient, url: str, dest: Path) -> str | None:
    return (await client.post_webhook(url, b"{}", {})).error


guarded = GuardedClient()

both = pytest.mark.parametrize("call", [fetch, post])


@both
@pytest.mark.parametrize("address", REFUSED)
async def test_never_connects_to_a_literal_private_address(
    call: Call, address: str, connects: list[Any], tmp_path: Path
) -> None:
    async with serving(reply()) as server:
        host = f"[{address}]" if ":" in address else address
        assert await call(guarded, f"https://{host}:{server.port}/", tmp_path / "f") == "url_refused"
        assert connects == []
        assert server.connections == 0


@both
@pytest.mark.parametrize("address", REFUSED)
async def test_never_connects_to_a_name_with_one_private_answer(
    call: Call, address: str, connects: list[Any], tmp_path: Path
) -> None:
    client = GuardedClient(resolver=names({"shop.example": ["8.8.8.8", address]}))
    assert await call(client, "https://shop.example/", tmp_path / "f") == "url_refused"
    assert connects == []


@both
async def test_a_rebinding_name_is_resolved_once_and_connected_to_what_was_checked(
    call: Call, connects: list[Any], tmp_path: Path
) -> None:
    """Each question gets another answer: first this listener, then metadata. Had the connection looked the
    name up again, the second answer would have counted."""
    answers = iter([["127.0.0.1"], ["169.254.169.254"], ["169.254.169.254"]])

    async def rebinding(host: str) -> list[str]:
        return next(answers)

    async with serving(reply(200, b"x")) as server:
        client = GuardedClient(resolver=rebinding, allow_loopback=True)
        assert await call(client, server.url(host="shop.example"), tmp_path / "f") is None
        assert connects == [("127.0.0.1", server.port)]
        assert await call(client, server.url(host="shop.example"), tmp_path / "f") == "url_refused"
        assert len(connects) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["http://10.0.0.1/", "http://inside.example/", "file:///etc/passwd"])
async def test_an_image_never_follows_a_redirect_to_a_private_place(
    status: int, target: str, connects: list[Any], tmp_path: Path
) -> None:
    resolver = names({"inside.example": ["192.168.7.7"]})
    async with serving(reply(status, Location=target)) as server:
        with pytest.raises(UrlRefused):
            await GuardedClient(resolver=resolver, allow_loopback=True).fetch_image(
                server.url(), tmp_path / "f"
            )
        assert connects == [("127.0.0.1", server.port)]


async def test_a_webhook_does_not_follow_redirects() -> None:
    async with serving(reply()) as other, serving(reply(302, Location=other.url())) as server:
        outcome = await GuardedClient(allow_loopback=True).post_webhook(server.url(), b"{}", {})
        assert (outcome.status, outcome.error, outcome.delivered) == (302, None, False)
        assert other.connections == 0


async def test_an_image_follows_three_redirects_and_not_four(tmp_path: Path) -> None:
    async def countdown(heard: Heard, writer: asyncio.StreamWriter) -> None:
        left = int(heard.line.split()[1].strip("/"))
        answer = reply(302, Location=f"/{left - 1}") if left else reply(200, b"image")
        await answer(heard, writer)

    async with serving(countdown) as server:
        client = GuardedClient(allow_loopback=True)
        fetched = await client.fetch_image(server.url("/3"), tmp_path / "three")
        assert (fetched.path.read_bytes(), fetched.url) == (b"image", server.url("/0"))
        with pytest.raises(UrlAnswerUnusable):
            await client.fetch_image(server.url("/4"), tmp_path / "four")


async def test_tls_is_made_for_the_name_and_the_connection_for_the_address(
    authority: trustme.CA, connects: list[Any], tmp_path: Path
) -> None:
    server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("shop.example").configure_cert(server_tls)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    resolver = names({"shop.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
    client = GuardedClient(allow_loopback=True, resolver=resolver, ssl_context=trusting)
    async with serving(reply(200, b"image"), server_tls) as server:
        await client.fetch_image(server.url("/a.jpg", "shop.example"), tmp_path / "f")
        assert server.sni == ["shop.example"]
        assert server.heard[0].headers["host"] == f"shop.example:{server.port}"
        assert connects == [("127.0.0.1", server.port)]
        with pytest.raises(UrlUnreachable):  # same address, and a certificate for another name
            await client.fetch_image(server.url("/a.jpg", "other.example"), tmp_path / "f")
        assert len(server.heard) == 1


async def test_an_unknown_authority_is_unreachable(authority: trustme.CA, tmp_path: Path) -> None:
    server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("shop.example").configure_cert(server_tls)
    client = GuardedClient(allow_loopback=True, resolver=names({"shop.example": ["127.0.0.1"]}))
    async with serving(reply(), server_tls) as server:
        with pytest.raises(UrlUnreachable):
            await client.fetch_image(server.url(host="shop.example"), tmp_path / "f")
        assert server.heard == []


async def test_a_dead_first_address_gives_way_to_the_second(connects: list[Any], tmp_path: Path) -> None:
    resolver = names({"shop.example": ["127.0.0.2", "127.0.0.1"]})
    async with serving(reply(200, b"image")) as server:  # listens on 127.0.0.1 only
        client = GuardedClient(allow_loopback=True, resolver=resolver)
        await client.fetch_image(server.url(host="shop.example"), tmp_path / "f")
        assert [address for address, _port in connects] == ["127.0.0.2", "127.0.0.1"]


async def test_the_environment_names_no_proxy(
    monkeypatch: pytest.MonkeyPatch, connects: list[Any], tmp_path: Path
) -> None:
    async with serving(reply(200, b"proxy")) as proxy, serving(reply(200, b"image")) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        fetched = await GuardedClient(allow_loopback=True).fetch_image(server.url(), tmp_path / "f")
        assert fetched.path.read_bytes() == b"image"
        assert connects == [("127.0.0.1", server.port)]


async def test_cookies_do_not_pass_between_calls(tmp_path: Path) -> None:
    async with serving(reply(200, b"x", Set_Cookie="tenant=1")) as server:
        client = GuardedClient(allow_loopback=True)
        await client.fetch_image(server.url(), tmp_path / "a")
        await client.fetch_image(server.url(), tmp_path / "b")
        assert "cookie" not in server.heard[1].headers


async def test_a_fetched_file_is_hashed_and_counted(tmp_path: Path) -> None:
    body = bytes(range(256)) * 5000
    async with serving(reply(200, body)) as server:
        fetched = await GuardedClient(allow_loopback=True).fetch_image(server.url("/a"), tmp_path / "f")
    assert fetched.path.read_bytes() == body
    assert (fetched.bytes, fetched.sha256) == (len(body), hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("announced", [True, False])
async def test_a_file_over_the_cap_is_refused_and_removed(announced: bool, tmp_path: Path) -> None:
    sent = 0

    async def endless(_heard: Heard, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        length = "Content-Length: 10000000000\r\n" if announced else ""
        writer.write(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode())
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with serving(endless) as server:
        client = GuardedClient(allow_loopback=True, image_cap_bytes=200_000)
        with pytest.raises(UrlTooLarge):
            await client.fetch_image(server.url(), tmp_path / "f")
    assert not (tmp_path / "f").exists()
    assert sent < 20_000_000  # what the socket buffers hold, not 10 GB


async def test_exactly_the_cap_is_accepted(tmp_path: Path) -> None:
    async with serving(reply(200, b"x" * 1000)) as server:
        client = GuardedClient(allow_loopback=True, image_cap_bytes=1000)
        assert (await client.fetch_image(server.url(), tmp_path / "f")).bytes == 1000


async def drip_head(_heard: Heard, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def drip_body(_heard: Heard, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def silence(_heard: Heard, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


@pytest.mark.parametrize("answer", [drip_head, drip_body, silence])
async def test_a_slow_server_meets_the_total_deadline(answer: Any, tmp_path: Path) -> None:
    async with serving(answer) as server:
        client = GuardedClient(allow_loopback=True, image_deadline_s=0.3)
        with pytest.raises(UrlTimeout):
            await client.fetch_image(server.url(), tmp_path / "f")
    assert not (tmp_path / "f").exists()


async def test_a_slow_name_server_meets_the_total_deadline(tmp_path: Path) -> None:
    async def slow(host: str) -> list[str]:
        await asyncio.sleep(60)
        return ["8.8.8.8"]

    with pytest.raises(UrlTimeout):
        await GuardedClient(resolver=slow, image_deadline_s=0.1).fetch_image(
            "https://a.example/", tmp_path / "f"
        )


@pytest.mark.parametrize("answer", [drip_head, silence])
async def test_a_slow_webhook_receiver_is_an_outcome(answer: Any) -> None:
    async with serving(answer) as server:
        client = GuardedClient(allow_loopback=True, webhook_deadline_s=0.3)
        outcome = await client.post_webhook(server.url(), b"{}", {})
    assert (outcome.status, outcome.error, outcome.delivered) == (None, "url_timeout", False)
    assert outcome.ms >= 300


async def test_a_webhook_receiver_that_sends_10_gb_costs_nothing() -> None:
    sent = 0

    async def endless(_heard: Heard, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with serving(endless) as server:
        outcome = await GuardedClient(allow_loopback=True).post_webhook(server.url(), b"{}", {})
    assert (outcome.status, outcome.delivered) == (200, True)
    assert sent < 20_000_000


async def test_a_webhook_posts_the_bytes_and_the_headers() -> None:
    async with serving(reply(204)) as server:
        headers = {"webhook-id": "msg_1", "Content-Type": "application/json"}
        outcome = await GuardedClient(allow_loopback=True).post_webhook(
            server.url("/hook"), b'{"a":1}', headers
        )
        heard = server.heard[0]
    assert outcome.status == 204
    assert (heard.line, heard.body) == ("POST /hook HTTP/1.1", b'{"a":1}')
    assert (heard.headers["webhook-id"], heard.headers["content-type"]) == ("msg_1", "application/json")


async def garbage(_heard: Heard, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\x01 not http\r\n\r\n")


async def cut_short(_heard: Heard, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort")


async def hang_up(_heard: Heard, writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.mark.parametrize("answer", [garbage, cut_short, hang_up])
async def test_a_broken_answer_is_unreachable(answer: Any, tmp_path: Path) -> None:
    async with serving(answer) as server:
        with pytest.raises(UrlUnreachable):
            await GuardedClient(allow_loopback=True).fetch_image(server.url(), tmp_path / "f")
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    "answer",
    [reply(404), reply(500), reply(206, b"x"), reply(304), reply(200, b"x", Content_Encoding="gzip")],
)
async def test_an_answer_that_is_no_file_is_said_so(answer: Any, tmp_path: Path) -> None:
    async with serving(answer) as server:
        with pytest.raises(UrlAnswerUnusable):
            await GuardedClient(allow_loopback=True).fetch_image(server.url(), tmp_path / "f")
        assert server.heard[0].headers["accept-encoding"] == "identity"


@both
async def test_an_unknown_name_is_unreachable(call: Call, tmp_path: Path) -> None:
    client = GuardedClient(resolver=names({}))
    outcome = await client.post_webhook("https://nowhere.example/", b"", {})
    assert outcome.error == "url_unreachable"
    with pytest.raises(UrlUnreachable):
        await client.fetch_image("https://nowhere.example/", tmp_path / "f")


async def test_a_refused_connection_is_unreachable(tmp_path: Path) -> None:
    async with serving(reply()) as server:
        pass
    with pytest.raises(UrlUnreachable):
        await GuardedClient(allow_loopback=True).fetch_image(server.url(), tmp_path / "f")


@pytest.mark.parametrize("location", ["", "http://[", "https://user@example.com/"])
async def test_a_redirect_to_nonsense_is_refused(location: str, tmp_path: Path) -> None:
    async with serving(reply(302, Location=location)) as server:
        client = GuardedClient(allow_loopback=True)
        with pytest.raises((UrlRefused, UrlAnswerUnusable)):
            await client.fetch_image(server.url(), tmp_path / "f")
