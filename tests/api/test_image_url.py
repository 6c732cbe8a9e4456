"""`image_url`: the photo is fetched here, through the guard."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.data.photos import CAT
from tests.net.servers import Answer, Heard, reply, serving
from tests.stack import WAIT_S, Stack


@pytest.fixture
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.url, timeout=2 * WAIT_S, trust_env=False) as client:
        yield client


async def test_a_photo_is_fetched_and_encoded(http: httpx.AsyncClient) -> None:
    async with serving(reply(200, CAT.path.read_bytes())) as server:
        answer = await http.post(
            "/api/segment/encode", json={"image_url": server.url("/shop/cat.jpg?size=l")}
        )
    assert answer.status_code == 202, answer.text
    image = (await http.get(f"/api/images/{answer.json()['image']['id']}")).json()
    assert (image["filename"], image["bytes"]) == ("cat.jpg", CAT.path.stat().st_size)
    job = (await http.get(answer.json()["urls"]["self"], params={"wait": WAIT_S})).json()
    assert job["status"] == "succeeded", job


async def endless(_heard: Heard, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(bytes(1_000_000))
        await writer.drain()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(404), (422, "url_answer_unusable")),
        (reply(302, Location="http://192.168.0.1/"), (422, "url_refused")),
        (reply(200, b"no picture"), (422, "not_an_image")),
        (endless, (413, "url_too_large")),
    ],
)
async def test_what_cannot_be_fetched_is_said(
    http: httpx.AsyncClient, answer: Answer, expected: tuple[int, str], stack: Stack
) -> None:
    async with serving(answer) as server:
        refused = await http.post("/api/segment/encode", json={"image_url": server.url("/x.jpg")})
    assert (refused.status_code, refused.json()["code"]) == expected
    assert list((stack.settings.data_dir / "uploads").iterdir()) == []


async def test_one_source_and_no_more(http: httpx.AsyncClient) -> None:
    both: list[dict[str, Any]] = [
        {"data": {"image_url": "http://127.0.0.1:9/"}, "files": {"image": CAT.path.read_bytes()}},
        {"json": {}},
    ]
    for body in both:
        answer = await http.post("/api/segment/encode", **body)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_parameter")
