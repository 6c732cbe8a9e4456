import time
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.data.photos import CAT
from tests.stack import finished, succeeded


@pytest.fixture
def job(client: httpx.Client, encoded: str) -> dict[str, Any]:
    return succeeded(client, client.post("/api/segment/apply-mask", json={"image_id": encoded}))


def test_a_job_has_the_documented_members(job: dict[str, Any]) -> None:
    assert set(job) == {
        *(
            "id",
            "batch_id",
            "kind",
            "status",
            "engine",
            "engine_reason",
            "model",
            "image",
            "progress",
            "queue_position",
            "starting",
            "attempt",
        ),
        *(
            "credits",
            "cost_usd",
            "timings",
            "created_at",
            "started_at",
            "finished_at",
            "urls",
            "result",
            "error",
        ),
    }
    assert job["created_at"] <= job["started_at"] <= job["finished_at"]
    assert job["created_at"].endswith("Z")
    assert (job["engine"], job["model"], job["error"]) == ("sam2", "lite", None)


def test_long_poll_returns_at_the_end_and_not_before(client: httpx.Client) -> None:
    started = client.post("/api/segment/remove", files={"image": CAT.path.read_bytes()}).json()
    assert started["status"] in {"queued", "processing"}
    assert finished(client, started)["status"] == "succeeded"
    began = time.monotonic()
    client.get(started["urls"]["self"], params={"wait": 60})
    assert time.monotonic() - began < 30


def test_lists_are_paged_newest_first(client: httpx.Client, encoded: str) -> None:
    made = [client.post("/api/segment/apply-mask", json={"image_id": encoded}).json()["id"] for _ in range(3)]
    query: dict[str, str | int] = {"limit": 2, "image_id": encoded, "kind": "apply_mask"}
    first = client.get("/api/jobs", params=query).json()
    second = client.get("/api/jobs", params={**query, "cursor": first["next_cursor"]}).json()
    ids = [item["id"] for item in first["items"] + second["items"]]
    assert ids[:3] == made[::-1]
    assert len(set(ids)) == len(ids)
    for job_id in made:
        finished(client, {"urls": {"self": f"/api/jobs/{job_id}"}})
    done = client.get("/api/jobs", params={"status": "succeeded", "limit": 200}).json()
    assert set(made) <= {item["id"] for item in done["items"]}
    assert done["next_cursor"] is None


def test_cancel(client: httpx.Client, job: dict[str, Any]) -> None:
    waiting = [
        client.post("/api/segment/remove", files={"image": CAT.path.read_bytes()}).json() for _ in range(3)
    ]
    canceled = client.post(waiting[-1]["urls"]["cancel"])
    assert canceled.json()["status"] == "canceled"
    assert client.get(waiting[-1]["urls"]["result"]).status_code == 404
    again = client.post(job["urls"]["cancel"])
    assert (again.status_code, again.json()["code"]) == (409, "job_ended")
    assert again.json()["job_status"] == "succeeded"
    for other in waiting[:-1]:
        assert finished(client, other)["status"] == "succeeded"


def test_a_result_is_streamed_in_ranges(client: httpx.Client, job: dict[str, Any]) -> None:
    url = job["urls"]["result"]
    whole = client.get(url)
    size = job["result"]["bytes"]
    assert whole.headers["etag"] == f'"{job["result"]["sha256"]}"'
    assert len(whole.content) == size
    part = client.get(url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.headers["content-range"]) == (206, f"bytes 100-199/{size}")
    assert part.content == whole.content[100:200]
    last = client.get(url, headers={"Range": "bytes=-7", "If-Range": whole.headers["etag"]})
    assert last.content == whole.content[-7:]
    changed = client.get(url, headers={"Range": "bytes=-7", "If-Range": '"other"'})
    assert (changed.status_code, len(changed.content)) == (200, size)
    behind = client.get(url, headers={"Range": f"bytes={size}-"})
    assert (behind.status_code, behind.json()["code"]) == (416, "range_unsatisfiable")
    assert client.get(url, headers={"If-None-Match": f"W/{whole.headers['etag']}"}).status_code == 304
    head = client.head(url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")


def test_there_is_no_file_before_the_end_nor_of_an_encode(client: httpx.Client) -> None:
    photo = {"image": CAT.path.read_bytes()}
    job = client.post("/api/segment/remove", files=photo).json()
    early = client.get(job["urls"]["result"])
    assert (early.status_code, early.json()["code"]) == (409, "not_finished")
    finished(client, job)
    encode = finished(client, client.post("/api/segment/encode", files=photo).json())
    assert client.get(encode["urls"]["result"]).json()["code"] == "no_result"


@pytest.mark.parametrize("path", ["", "/result", "/cancel"])
def test_an_unknown_job(client: httpx.Client, path: str) -> None:
    method = "POST" if path == "/cancel" else "GET"
    answer = client.request(method, f"/api/jobs/{uuid4()}{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("limit=0", 422, "bad_parameter"),
        ("limit=x", 422, "bad_parameter"),
        ("limit=1000", 422, "bad_parameter"),
        ("status=done", 422, "bad_parameter"),
        ("cursor=abc", 422, "bad_cursor"),
        ("sort=id", 400, "unknown_parameter"),
        ("limit=1&limit=2", 400, "repeated_parameter"),
    ],
)
def test_bad_queries(client: httpx.Client, query: str, status: int, code: str) -> None:
    answer = client.get(f"/api/jobs?{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_wait_has_its_limit(client: httpx.Client, job: dict[str, Any]) -> None:
    assert client.get(job["urls"]["self"], params={"wait": 61}).json()["code"] == "bad_parameter"
    assert client.get(job["urls"]["self"], params={"wait": "nan"}).json()["code"] == "bad_parameter"
