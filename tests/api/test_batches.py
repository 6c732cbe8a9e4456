"""Batches over HTTP, end to end: real workers, real receivers."""

import asyncio
import csv
import io
import zipfile
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from tests.data.photos import CAT, COFFEE
from tests.net.servers import Heard, reply, serving
from tests.stack import WAIT_S, Stack

CATS = CAT.path.read_bytes()
JSON = {"Content-Type": "application/json"}
BROKEN = CATS[: len(CATS) // 2]


@pytest.fixture
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.url, timeout=2 * WAIT_S, trust_env=False) as client:
        yield client


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


async def ended(http: httpx.AsyncClient, batch: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(2 * WAIT_S):
        while True:
            found: dict[str, Any] = (await http.get(batch["urls"]["self"])).json()
            if found["status"] in {"completed", "canceled"} and found["finished_at"]:
                return found
            await asyncio.sleep(0.1)


async def items(http: httpx.AsyncClient, batch: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
    """Through every page."""
    found, cursor = [], None
    while True:
        paged = {**params, "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await http.get(batch["urls"]["items"], params=paged)).json()
        found += page["items"]
        if (cursor := page["next_cursor"]) is None:
            return found


def made(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    batch: dict[str, Any] = answer.json()
    return batch


async def test_a_zip_from_end_to_end(http: httpx.AsyncClient) -> None:
    content = zipped(
        {
            "shop/cat.jpg": CATS,
            "shop/cat.jpeg": CATS,
            "=coffee.jpg": COFFEE.path.read_bytes(),
            "broken.jpg": BROKEN,
            "more.zip": zipped({"cat.jpg": CATS}),
            "__MACOSX/._cat.jpg": b"clutter",
        }
    )
    async with asyncio.timeout(3 * WAIT_S), serving(reply(204)) as account, serving(reply(200)) as own:
        endpoint = (await http.post("/api/webhooks", json={"url": account.url("/shop")})).json()
        form = {"name": "Cups/2", "options": '{"format": "webp"}', "webhook_url": own.url("/one")}
        batch = made(await http.post("/api/batches", files={"zip": ("shop.zip", content)}, data=form))
        assert (batch["counts"]["total"], batch["options"]["format"]) == (5, "webp")
        done = await ended(http, batch)
        assert done["counts"] == {
            "queued": 0, "processing": 0, "succeeded": 3, "failed": 2, "canceled": 0, "total": 5,
        }  # fmt: skip
        await asyncio.gather(account.has_heard(1), own.has_heard(1))
        told = Webhook(endpoint["secret"]).verify(account.heard[0].body, account.heard[0].headers)
        await http.delete(endpoint["urls"]["self"])
    assert (told["type"], told["data"]["counts"]) == ("batch.completed", {"succeeded": 3, "failed": 2})
    deliveries = (await http.get("/api/webhooks/deliveries", params={"batch_id": batch["id"]})).json()[
        "items"
    ]
    assert [each["event"] for each in deliveries] == ["batch.completed"]

    listed = await items(http, batch)
    assert [(each["name"], each["state"], (each["error"] or {}).get("code")) for each in listed] == [
        ("shop/cat.jpg", "succeeded", None),
        ("shop/cat.jpeg", "succeeded", None),
        ("=coffee.jpg", "succeeded", None),
        ("broken.jpg", "failed", "truncated"),
        ("more.zip", "failed", "nested_zip"),
    ]
    by_confidence = await items(http, batch, order="confidence", state="succeeded")
    assert [each["confidence"] for each in by_confidence] == sorted(each["confidence"] for each in listed[:3])
    assert all(0 < each["confidence"] <= 1 for each in by_confidence)

    answer = await http.get(batch["urls"]["result"])
    assert "Cups-2.zip" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["shop/cat.webp", "shop/cat (2).webp", "=coffee.webp"]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.read("shop/cat.webp")[8:12] == b"WEBP"
    report = list(csv.DictReader(io.StringIO((await http.get(batch["urls"]["report"])).text)))
    assert [(line["name"], line["file"], line["code"]) for line in report][2:4] == [
        ("'=coffee.jpg", "'=coffee.webp", ""),
        ("broken.jpg", "", "truncated"),
    ]


async def test_files_and_urls_in_several_requests(http: httpx.AsyncClient) -> None:
    async def photo(heard: Heard, writer: asyncio.StreamWriter) -> None:
        answer = reply(200, CATS) if " /cat.jpg " in heard.line else reply(404)
        await answer(heard, writer)

    async with asyncio.timeout(3 * WAIT_S), serving(photo) as shop:
        batch = made(await http.post("/api/batches", json={"close": False}))
        assert (batch["status"], batch["counts"]["total"]) == ("open", 0)
        files = [("image", ("a.jpg", CATS)), ("image", ("b.jpg", CATS))]
        key = {"Idempotency-Key": f"first-{batch['id']}"}
        for _ in range(2):  # the connection was lost before the first answer came
            added = await http.post(batch["urls"]["items"], files=files, headers=key)
            assert (added.status_code, added.json()["counts"]["total"]) == (200, 2)
        urls = [shop.url("/cat.jpg"), shop.url("/none.jpg")]
        await http.post(batch["urls"]["items"], json={"urls": urls})
        closed = (await http.post(batch["urls"]["close"])).json()
        assert closed["status"] in {"processing", "completed"}
        refused = await http.post(batch["urls"]["items"], json={"urls": urls})
        assert (refused.status_code, refused.json()["code"]) == (409, "batch_closed")
        done = await ended(http, batch)
        assert (done["counts"]["succeeded"], done["counts"]["failed"]) == (3, 1)
    listed = await items(http, batch)
    assert [each["name"] for each in listed] == ["a.jpg", "b.jpg", "cat.jpg", "none.jpg"]
    assert listed[3]["error"]["code"] == "url_answer_unusable"
    again = (await http.post(batch["urls"]["retry"])).json()  # the URL may answer another time
    assert (again["status"], again["counts"]["failed"]) == ("processing", 0)
    stopped = (await http.post(batch["urls"]["cancel"])).json()  # its answer is 12 s of pauses away
    assert (stopped["status"], stopped["counts"]["succeeded"]) == ("canceled", 3)


async def test_lists_are_paged(http: httpx.AsyncClient) -> None:
    one, two = [made(await http.post("/api/batches", json={"close": False})) for _ in range(2)]
    first = (await http.get("/api/batches", params={"limit": 1})).json()
    assert [each["id"] for each in first["items"]] == [two["id"]]
    second = (await http.get("/api/batches", params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert [each["id"] for each in second["items"]] == [one["id"]]
    for cursor in (
        "x",
        "0.5:x",
        "nan:00000000000070008000000000000001",
        "1e99:00000000000070008000000000000001",
        "x:00000000000070008000000000000001",
    ):
        refused = await http.get(one["urls"]["items"], params={"cursor": cursor})
        assert (refused.status_code, refused.json()["code"]) == (422, "bad_cursor")
    for batch in (one, two):
        await http.post(batch["urls"]["cancel"])


async def test_paused_then_canceled(http: httpx.AsyncClient) -> None:
    batch = made(await http.post("/api/batches", json={"close": False}))
    paused = (await http.post(batch["urls"]["pause"])).json()
    assert paused["status"] == "paused"
    files = [("image", (f"{n}.jpg", CATS)) for n in range(3)]
    await http.post(batch["urls"]["items"], files=files, data={"close": "true"})
    early = await http.get(batch["urls"]["result"])
    assert (early.status_code, early.json()["code"]) == (409, "batch_not_finished")
    assert (await http.get(batch["urls"]["result"], params={"partial": "true"})).status_code == 200
    canceled = (await http.post(batch["urls"]["cancel"])).json()
    assert (canceled["status"], canceled["counts"]["canceled"]) == ("canceled", 3)
    await ended(http, batch)
    for call in ("pause", "resume", "cancel"):
        refused = await http.post(batch["urls"][call])
        assert (refused.status_code, refused.json()["code"]) == (409, "batch_ended")
    await http.post(batch["urls"]["retry"])
    assert (await ended(http, batch))["counts"]["succeeded"] == 3


async def test_an_item_is_mended_by_hand(http: httpx.AsyncClient) -> None:
    batch = made(await http.post("/api/batches", files=[("image", ("cat.jpg", CATS))]))
    await ended(http, batch)
    (item,) = await items(http, batch, reviewed=False)
    form = {"image_id": item["image"]["id"], "options": {"format": "jpg"}}
    preview, fix = [
        (
            await http.post("/api/segment/apply-mask", json={**form, **more}, headers={"Prefer": "wait=60"})
        ).json()
        for more in ({"preview": True}, {})
    ]
    refused = await http.post(item["urls"]["review"], json={"job_id": preview["id"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "fix_unusable")
    mended = (await http.post(item["urls"]["review"], json={"job_id": fix["id"]})).json()
    assert (mended["state"], mended["job_id"]) == ("succeeded", fix["id"])
    assert await items(http, batch, reviewed=False) == []
    with zipfile.ZipFile(io.BytesIO((await http.get(batch["urls"]["result"])).content)) as archive:
        assert archive.namelist() == ["cat.jpg"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"json": {}}, (422, "batch_empty")),
        ({"json": {"urls": ["http://10.0.0.1/a.jpg"]}}, (422, "url_refused")),
        ({"json": {"close": False, "name": "a\0b"}}, (422, "bad_parameter")),
        ({"content": rb'{"close": false, "name": "\ud800"}', "headers": JSON}, (422, "bad_parameter")),
        ({"json": {"urls": [], "colour": "red"}}, (400, "unknown_parameter")),
        ({"json": {"urls": ["https://a.example/x"] * 10_001}}, (422, "bad_parameter")),
        ({"files": {"zip": b"not a zip"}}, (422, "zip_damaged")),
        ({"files": [("zip", b"a"), ("zip", b"b")]}, (400, "repeated_parameter")),
    ],
)
async def test_a_bad_batch_is_refused(
    http: httpx.AsyncClient, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    answer = await http.post("/api/batches", **body)
    assert (answer.status_code, answer.json()["code"]) == expected
