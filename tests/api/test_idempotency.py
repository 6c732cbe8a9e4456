from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from tests.data.photos import CAT, COFFEE
from tests.stack import Stack, finished


def remove(
    client: httpx.Client, key: str, photo: bytes = CAT.path.read_bytes(), **data: str
) -> httpx.Response:
    files = {"image": ("photo.jpg", photo)}
    return client.post("/api/segment/remove", files=files, data=data, headers={"Idempotency-Key": key})


def test_fifty_at_once_make_one_job(stack: Stack) -> None:
    key = str(uuid4())
    with stack.client() as client:
        before = len(client.get("/api/jobs", params={"limit": 200}).json()["items"])
        with ThreadPoolExecutor(50) as threads:
            answers = list(threads.map(lambda _: remove(client, key), range(50)))
        refused = [answer.json()["code"] for answer in answers if answer.status_code == 409]
        assert set(refused) <= {"idempotency_key_in_flight"}  # the first took longer than the others wait
        made = {answer.json()["id"] for answer in answers if answer.status_code != 409}
        assert len(made) == 1
        job = finished(client, {"urls": {"self": f"/api/jobs/{made.pop()}"}})
        assert len(client.get("/api/jobs", params={"limit": 200}).json()["items"]) == before + 1
        again = remove(client, key)
        assert (again.status_code, again.json()["id"]) == (202, job["id"])


def test_another_payload_is_refused(client: httpx.Client) -> None:
    key = str(uuid4())
    job = remove(client, key, model="lite")
    assert job.status_code == 202
    for answer in (
        remove(client, key, COFFEE.path.read_bytes(), model="lite"),
        remove(client, key),
        client.post(
            "/api/segment/encode",
            json={"image_id": job.json()["image"]["id"]},
            headers={"Idempotency-Key": key},
        ),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    client.post(job.json()["urls"]["cancel"])


def test_a_refused_request_leaves_its_key_free(client: httpx.Client) -> None:
    key = str(uuid4())
    assert remove(client, key, b"not an image").status_code == 422
    assert remove(client, key, b"not an image").json()["code"] == "not_an_image"


@pytest.mark.parametrize("key", ["", "x" * 256, "with space", "\x7f"])
def test_bad_keys(client: httpx.Client, key: str) -> None:
    answer = remove(client, key)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_parameter")
