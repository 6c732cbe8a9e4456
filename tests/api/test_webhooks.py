"""Webhooks over HTTP, end to end: real jobs, real worker, real receivers."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from tests.data.photos import CAT
from tests.net.servers import reply, serving
from tests.stack import WAIT_S, Stack

URL = "http://127.0.0.1:9/hook"


@pytest.fixture
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.url, timeout=2 * WAIT_S, trust_env=False) as client:
        yield client


@pytest.fixture
async def endpoint(http: httpx.AsyncClient) -> AsyncIterator[dict[str, Any]]:
    made = (await http.post("/api/webhooks", json={"url": URL, "events": ["job.failed"]})).json()
    yield made
    await http.delete(made["urls"]["self"])


async def ended(http: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await http.get(job["urls"]["self"], params={"wait": WAIT_S})).json()
    assert found["status"] == "succeeded", found
    return found


async def test_a_job_that_ends_is_told_to_the_endpoint_and_to_its_own_url(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(2 * WAIT_S), serving(reply(204)) as receiver, serving(reply(200)) as own:
        made = (await http.post("/api/webhooks", json={"url": receiver.url("/shop")})).json()
        answer = await http.post(
            "/api/segment/encode",
            files={"image": CAT.path.read_bytes()},
            data={"webhook_url": own.url("/one"), "webhook_events": '["job.succeeded"]'},
        )
        job = await ended(http, answer.json())
        await receiver.has_heard(1)
        await own.has_heard(1)
        (heard,) = receiver.heard
        message = Webhook(made["secret"]).verify(heard.body, heard.headers)
        assert message["type"] == "job.succeeded"
        assert (message["data"]["id"], message["data"]["url"]) == (job["id"], job["urls"]["self"])
        (delivery,) = await told(http, made["urls"]["deliveries"], "delivered")
        assert (delivery["id"], delivery["job_id"]) == (heard.headers["webhook-id"], job["id"])

        inspected = (await http.get(delivery["urls"]["self"])).json()
        assert json.loads(inspected["payload"]) == message
        assert [(each["number"], each["status"]) for each in inspected["attempts"]] == [(1, 204)]
        again = await http.post(delivery["urls"]["redeliver"])
        assert (again.status_code, again.json()["state"]) == (202, "pending")
        await receiver.has_heard(2)
        assert receiver.heard[1].headers["webhook-id"] == heard.headers["webhook-id"]
        await http.delete(made["urls"]["self"])
    assert len(own.heard) == 1
    found = (await http.get("/api/webhooks/deliveries", params={"job_id": job["id"]})).json()["items"]
    assert [each["endpoint_id"] for each in found] == [None]


async def told(http: httpx.AsyncClient, url: str, state: str) -> list[dict[str, Any]]:
    """The attempt is recorded a moment after the receiver has heard it."""
    while True:
        items: list[dict[str, Any]] = (await http.get(url)).json()["items"]
        if items and all(each["state"] == state for each in items):
            return items
        await asyncio.sleep(0.05)


async def test_a_secret_is_shown_once(http: httpx.AsyncClient, endpoint: dict[str, Any]) -> None:
    assert endpoint["secret"].startswith("whsec_")
    listed = await http.get("/api/webhooks")
    one = await http.get(endpoint["urls"]["self"])
    assert one.json() == {name: value for name, value in endpoint.items() if name != "secret"}
    assert one.json() in listed.json()["items"]
    rotated = await http.post(endpoint["urls"]["rotate_secret"])
    assert rotated.json()["secret"] not in {endpoint["secret"], None}
    for answer in (listed, one, await http.get(endpoint["urls"]["self"])):
        assert "whsec_" not in answer.text
    assert (await http.post("/api/webhooks/rotate-secret")).json()["secret"].startswith("whsec_")


async def test_an_endpoint_is_changed_disabled_and_removed(
    http: httpx.AsyncClient, endpoint: dict[str, Any]
) -> None:
    here = endpoint["urls"]["self"]
    changed = (await http.patch(here, json={"events": [], "description": "all", "enabled": False})).json()
    assert (changed["events"], changed["description"]) == ([], "all")
    assert (changed["enabled"], changed["disabled_reason"]) == (False, "by_user")
    refused = await http.post(endpoint["urls"]["test"])
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook_disabled")
    assert (await http.patch(here, json={"enabled": True})).json()["disabled_reason"] is None
    assert (await http.delete(here)).status_code == 204
    assert (await http.get(here)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/webhooks/{id}"),
        ("PATCH", "/api/webhooks/{id}"),
        ("DELETE", "/api/webhooks/{id}"),
        ("POST", "/api/webhooks/{id}/rotate-secret"),
        ("POST", "/api/webhooks/{id}/test"),
        ("GET", "/api/webhooks/deliveries/{id}"),
        ("POST", "/api/webhooks/deliveries/{id}/redeliver"),
    ],
)
async def test_what_is_not_there_is_not_found(http: httpx.AsyncClient, method: str, path: str) -> None:
    body: dict[str, Any] = {"json": {}} if method == "PATCH" else {}
    answer = await http.request(method, path.format(id=uuid4()), **body)
    assert (answer.status_code, answer.json()["code"]) in {
        (404, "webhook_not_found"),
        (404, "delivery_not_found"),
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (422, "bad_parameter")),
        ({"url": "http://10.0.0.1/"}, (422, "url_refused")),
        ({"url": "https://user:secret@example.com/"}, (422, "url_refused")),
        ({"url": URL, "events": ["job.exploded"]}, (422, "bad_parameter")),
        ({"url": URL, "description": "x" * 201}, (422, "bad_parameter")),
        ({"url": URL, "secret": "whsec_mine"}, (400, "unknown_parameter")),
    ],
)
async def test_a_bad_endpoint_is_refused(
    http: httpx.AsyncClient, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    answer = await http.post("/api/webhooks", json=body)
    assert (answer.status_code, answer.json()["code"]) == expected


async def test_unknown_filters_of_deliveries_are_refused(http: httpx.AsyncClient) -> None:
    for params in ({"colour": "red"}, {"state": "lost"}, {"endpoint_id": "x"}, {"cursor": "x"}):
        assert (await http.get("/api/webhooks/deliveries", params=params)).status_code in {400, 422}
