"""The legacy path from end to end: an image to ClippingMagic and back is a job like any other."""

import io
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from tests.data.photos import COFFEE
from tests.legacy.conftest import LegacyStack
from tests.rows import a_user
from tests.stack import finished, succeeded


def sent(client: httpx.Client, **values: str) -> dict[str, Any]:
    files = {"image": ("coffee.jpg", COFFEE.path.read_bytes())}
    answer = client.post("/api/clippingmagic/upload", data=values, files=files)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def removed(client: httpx.Client, **options: Any) -> httpx.Response:
    files = {"image": ("coffee.jpg", COFFEE.path.read_bytes())}
    return client.post("/api/segment/remove", files=files, data=options)


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def failed(client: httpx.Client, answer: httpx.Response, code: str) -> dict[str, Any]:
    job = finished(client, answer.json())
    assert (job["status"], job["error"]["code"]) == ("failed", code)
    assert job["credits"] == 0
    return job


def test_a_person_edits_there_and_a_job_fetches_it(legacy: LegacyStack, client: httpx.Client) -> None:
    edit = sent(client)
    assert edit["clippingmagic"].keys() == {"id", "secret", "api_id", "script"}
    assert (edit["clippingmagic"]["api_id"], edit["reason"]) == (17, "percentage")
    job = succeeded(client, client.post(edit["fetch_url"], json={"options": {"trim": False}}))
    assert (job["kind"], job["engine"], job["engine_reason"]) == (
        "legacy_fetch",
        "clippingmagic",
        "percentage",
    )
    assert (job["credits"], job["cost_usd"] >= 0.125) == (1, True)
    with Image.open(io.BytesIO(client.get(job["urls"]["result"]).content)) as cutout:
        assert (cutout.size, cutout.mode) == ((600, 400), "RGBA")
        assert cutout.getchannel("A").getextrema() == (0, 255)
    listed = client.get("/api/jobs", params={"image_id": edit["image"]["id"]}).json()["items"]
    assert [item["id"] for item in listed] == [job["id"]]
    again = succeeded(client, client.post(edit["fetch_url"], json={}))
    assert (again["credits"], again["cost_usd"] < 0.125) == (0, True)


def test_remove_of_a_user_without_the_flag(legacy: LegacyStack, client: httpx.Client) -> None:
    before = legacy.fake.album.stats()["uploads"]
    job = succeeded(client, removed(client, options='{"matting": "hair", "format": "webp"}'))
    assert (job["kind"], job["engine"], job["engine_reason"]) == ("remove", "clippingmagic", "percentage")
    assert (job["credits"], job["result"]["format"]) == (1, "webp")
    assert job["result"]["notes"] == ["matting: not done, the edge is ClippingMagic's own"]
    assert legacy.fake.album.stats()["uploads"] == before + 1


def test_a_caller_of_remove_bg_without_the_flag(legacy: LegacyStack, client: httpx.Client) -> None:
    answer = client.post(
        "/v1.0/removebg", files={"image_file": COFFEE.path.read_bytes()}, data={"size": "full"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "image/png"
    assert int(answer.headers["X-Foreground-Width"]) > 0
    assert "X-Uncertainty-Score" not in answer.headers  # ClippingMagic does not say
    assert client.get("/api/jobs").json()["items"][0]["engine"] == "clippingmagic"


def test_the_same_upload_with_the_same_key_is_one(legacy: LegacyStack, client: httpx.Client) -> None:
    files, headers = {"image": COFFEE.path.read_bytes()}, {"Idempotency-Key": str(uuid4())}
    first, again = (client.post("/api/clippingmagic/upload", files=files, headers=headers) for _ in range(2))
    assert (again.status_code, again.json()) == (201, first.json())
    refused(
        client.post("/api/clippingmagic/upload", files=files, data={"note": "x"}, headers=headers),
        422,
        "idempotency_key_reused",
    )


def test_the_days_budget_pays_only_for_what_was_sent(legacy: LegacyStack, client: httpx.Client) -> None:
    legacy.rules(percentage=100)
    spent = "select coalesce(sum(micros), 0)::bigint from legacy_spending"
    while client.get("/api/editor").json()["reason"] != "fallback":
        legacy.sql("update engine_health set fallback = true, calm_since = null")
    legacy.fake.mood.set({"broken": 1})
    good, bad = ({"image": content} for content in (COFFEE.path.read_bytes(), b"no image"))
    refused(client.post("/api/clippingmagic/upload", files=good), 503, "legacy_unavailable")
    refused(client.post("/api/clippingmagic/upload", files=bad), 422, "not_an_image")
    assert legacy.sql(spent) == [(0,)]
    assert sent(client)["reason"] == "fallback"
    assert legacy.sql(spent) == [(125_000,)]


def test_a_fetch_is_billed_once_however_often_it_is_done(legacy: LegacyStack, client: httpx.Client) -> None:
    edit = sent(client)
    beyond = {"options": {"roi": [9000, 9000, 9001, 9001]}}
    first = finished(client, client.post(edit["fetch_url"], json=beyond).json())
    assert (first["status"], first["cost_usd"] >= 0.125) == ("failed", True)
    second = succeeded(client, client.post(edit["fetch_url"], json={}))
    assert (second["credits"], second["cost_usd"] < 0.125) == (1, True)


def test_an_image_that_is_here_is_sent_on_request(legacy: LegacyStack, client: httpx.Client) -> None:
    """From the new editor: whatever the flag says, with the person's reason."""
    legacy.rules(percentage=100)
    image = client.post("/api/images", files={"image": COFFEE.path.read_bytes()}).json()
    body = {"image_id": image["id"], "asked": True, "note": "hair"}
    answer = client.post("/api/clippingmagic/upload", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (201, "asked")
    assert legacy.sql(f"select note from legacy_images where image_id = '{image['id']}'") == [("hair",)]
    job = succeeded(client, client.post(answer.json()["fetch_url"], json={}))
    assert (job["image"]["id"], job["credits"], job["engine_reason"]) == (image["id"], 1, "asked")


def test_an_edit_ends_where_it_began(legacy: LegacyStack, client: httpx.Client) -> None:
    edit = sent(client)
    legacy.rules(percentage=100)
    assert client.get("/api/editor").json()["engine"] == "sam2"
    job = succeeded(client, client.post(edit["fetch_url"], json={}))
    assert job["engine"] == "clippingmagic"
    assert sent(client)["reason"] == "begun"  # the legacy editor is still open


def test_a_user_without_credits(legacy: LegacyStack, client: httpx.Client) -> None:
    edit = sent(client)
    legacy.sql("update credit_balances set granted = held + spent")
    legacy.sql("delete from credit_changes")  # what was spent before is granted
    legacy.plan("prepaid")
    uploads = legacy.fake.album.stats()["uploads"]
    refused(client.post(edit["fetch_url"], json={}), 402, "no_credits")
    refused(removed(client), 402, "no_credits")
    files = {"image": ("coffee.jpg", COFFEE.path.read_bytes())}
    refused(client.post("/api/clippingmagic/upload", files=files), 402, "no_credits")
    assert legacy.fake.album.stats()["uploads"] == uploads


@pytest.mark.parametrize(
    ("fault", "code"),
    [({"unpaid": True}, "legacy_unpaid"), ({"refuse": True}, "legacy_image_refused")],
)
def test_what_fails_is_not_charged(
    legacy: LegacyStack, client: httpx.Client, fault: dict[str, bool], code: str
) -> None:
    legacy.fake.mood.set(fault)
    job = failed(client, removed(client), code)
    assert job["cost_usd"] < 0.125


def test_what_passes_is_tried_again(legacy: LegacyStack, client: httpx.Client) -> None:
    legacy.fake.mood.set({"broken": 1})
    job = succeeded(client, removed(client))
    assert job["attempt"] == 1


def test_a_result_that_has_expired(legacy: LegacyStack, client: httpx.Client) -> None:
    edit = sent(client)
    legacy.fake.mood.set({"expired": True})
    failed(client, client.post(edit["fetch_url"], json={}), "legacy_result_gone")


def test_an_upload_while_it_is_away(legacy: LegacyStack, client: httpx.Client) -> None:
    legacy.fake.mood.set({"broken": 1})
    files = {"image": ("coffee.jpg", COFFEE.path.read_bytes())}
    refused(client.post("/api/clippingmagic/upload", files=files), 503, "legacy_unavailable")


def test_results_of_others_are_not_there(legacy: LegacyStack, client: httpx.Client) -> None:
    edit = sent(client)
    stranger = a_user(legacy.settings.services().database_url)
    here = edit["clippingmagic"]["id"]
    legacy.sql(f"update legacy_images set user_id = '{stranger}' where id = {here}")
    refused(client.post(edit["fetch_url"], json={}), 404, "legacy_image_not_found")
    refused(client.post("/api/clippingmagic/fetch/1", json={}), 404, "legacy_image_not_found")


def test_secrets_are_in_no_answer_of_the_jobs(legacy: LegacyStack, client: httpx.Client) -> None:
    edit = sent(client)
    answer = client.post(edit["fetch_url"], json={})
    succeeded(client, answer)
    shown = client.get(answer.json()["urls"]["self"]).text + client.get("/api/jobs").text
    assert edit["clippingmagic"]["secret"] not in shown
    assert "fake-secret" not in shown + str(edit)


def test_with_the_image_goes_what_opens_it_there(legacy: LegacyStack, client: httpx.Client) -> None:
    edit = sent(client)
    kept = f"select count(*) from legacy_images where id = {edit['clippingmagic']['id']}"
    assert legacy.sql(kept) == [(1,)]
    assert client.delete(edit["image"]["urls"]["self"]).status_code == 204
    assert legacy.sql(kept) == [(0,)]
    refused(client.post(edit["fetch_url"], json={}), 404, "legacy_image_not_found")
