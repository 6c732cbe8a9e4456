"""A legacy job's shadow from its beginning to a reviewer's verdict, with the real workers."""

import io
import time
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from tests.data.photos import COFFEE
from tests.legacy.conftest import LegacyStack, legacy, legacy_stack  # noqa: F401 - fixtures
from tests.stack import succeeded, worker


@pytest.fixture
def client(legacy: LegacyStack) -> Iterator[httpx.Client]:  # noqa: F811
    legacy.rules(shadow=100)
    with legacy.client() as client:
        yield client


def removed(client: httpx.Client, **options: str) -> dict[str, object]:
    files = {"image": ("coffee.jpg", COFFEE.path.read_bytes())}
    return succeeded(client, client.post("/api/segment/remove", files=files, data=options))


def ended(legacy: LegacyStack, legacy_job: object) -> str:  # noqa: F811
    """The shadow's id once it has ended."""
    shadow = f"select id, status from jobs where params ->> 'legacy_job' = '{legacy_job}'"
    while (rows := legacy.sql(shadow)) and rows[0][1] in {"queued", "processing"}:
        time.sleep(0.05)
    assert rows[0][1] == "succeeded", legacy.sql("select error from jobs where kind = 'shadow'")
    return str(rows[0][0])


def test_a_shadow_and_its_review(legacy: LegacyStack, client: httpx.Client) -> None:  # noqa: F811
    jobs = len(client.get("/api/jobs").json()["items"])
    usage = client.get("/api/account/usage").json()["total"]["jobs"]
    job = removed(client)
    removed(client, options='{"background": "#ffffff"}')  # cannot be laid over the image again
    with worker("embed", legacy.settings):
        shadow = ended(legacy, job["id"])
    assert legacy.sql("select count(*) from jobs where kind = 'shadow'") == [(1,)]
    ((credits, micros),) = legacy.sql(f"select credits, cost_micros from jobs where id = '{shadow}'")
    assert (credits, micros > 0) == (0, True)
    # the user sees and pays nothing of it
    assert len(client.get("/api/jobs").json()["items"]) == jobs + 2
    assert client.get("/api/account/usage").json()["total"]["jobs"] == usage + 2
    assert legacy.sql(f"select count(*) from webhook_deliveries where job_id = '{shadow}'") == [(0,)]
    picture = client.get(f"/admin/reviews/{shadow}/picture")
    with Image.open(io.BytesIO(picture.content)) as shown:
        assert shown.size == (600 * 3 + 16, 400)
    page = client.get("/admin")
    assert f"/admin/reviews/{shadow}" in page.text and "IoU 0." in page.text
    form = {"verdict": (None, "better"), "category": (None, "plain")}
    judged = client.post(f"/admin/reviews/{shadow}", files=form)
    assert (judged.status_code, judged.headers["location"]) == (303, "/admin")
    page = client.get("/admin")
    assert f"/admin/reviews/{shadow}" not in page.text
    assert '<td>plain</td><td class="number">1</td>' in page.text
    refused = client.post(f"/admin/reviews/{shadow}", files={**form, "verdict": (None, "nice")})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_parameter")
    unknown = client.post(f"/admin/reviews/{uuid4()}", files=form)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "review_not_found")


def test_without_a_sample_nothing_is_shadowed(legacy: LegacyStack, client: httpx.Client) -> None:  # noqa: F811
    before = legacy.sql("select count(*) from reviews")
    legacy.rules(shadow=0)
    removed(client)
    assert legacy.sql("select count(*) from reviews") == before
