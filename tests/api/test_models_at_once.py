"""`model=` per request: several models, a worker for each, several embeddings of one image."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.segmentation.maskio import from_png
from app.settings import EmbeddedSettings
from models.registry import Registry
from tests.data.photos import CAT, iou
from tests.services import fresh_database
from tests.stack import WAIT_S, Stack, local_user, serving, succeeded, worker

OTHER = "lite-other"
CLICK = {"kind": "point", "points": [CAT.click]}


@pytest.fixture(scope="module")
def two_models(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """`lite`, and its weights once more under another name."""
    root = tmp_path_factory.mktemp("models")
    (root / "files").symlink_to(registry.root / "files")
    both = Registry(root)
    lite = registry.manifest("lite")
    files = tuple(file for file in lite.files if file.role != "codec_basis")  # a basis is of one model
    changed = {"name": OTHER, "revision": "other", "files": files, "codec": "fp16"}
    both.register(lite.model_copy(update=changed))
    return both


@pytest.fixture(scope="module")
def both(
    postgres: str,
    template: str,
    redis_server: str,
    two_models: Registry,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """Web, the mask worker and the embed worker of `lite`, the server's own model."""
    settings = EmbeddedSettings.load(
        database_url=fresh_database(postgres, template),
        redis_url=f"{redis_server}?db=2",
        data_dir=tmp_path_factory.mktemp("data"),
        models_dir=two_models.root,
        port=0,
        model="lite",
    )
    asyncio.run(local_user(settings))
    with serving(settings) as url, worker("embed", settings), worker("mask", settings):
        yield Stack(url, settings)


@pytest.fixture(scope="module")
def client(both: Stack) -> Iterator[httpx.Client]:
    with both.client() as client:
        yield client


def encode(client: httpx.Client, **data: str) -> httpx.Response:
    return client.post("/api/segment/encode", files={"image": CAT.path.read_bytes()}, data=data)


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("no-such-model", 422, "model_unknown"),
        ("sam2.1-hiera-small", 503, "model_missing"),
        (OTHER, 503, "model_not_served"),
    ],
)
@pytest.mark.parametrize("call", ["encode", "remove"])
def test_a_model_that_would_wait_for_ever_is_refused(
    client: httpx.Client, call: str, model: str, status: int, code: str
) -> None:
    files = {"image": CAT.path.read_bytes()}
    answer = client.post(f"/api/segment/{call}", files=files, data={"model": model})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert client.get("/api/images").json()["items"] == []


def test_an_image_has_an_embedding_of_each_model(client: httpx.Client, both: Stack) -> None:
    with worker("embed", EmbeddedSettings.load(**{**dict(both.settings), "model": OTHER})):
        image = succeeded(client, encode(client))["image"]["id"]
        job = _encoded_when_served(client, image)
        assert (job["model"], job["result"]["embedding"]["revision"]) == (OTHER, "other")
        of = {
            model: client.get(f"/api/images/{image}/embedding", params={"model": model})
            for model in ("lite", OTHER)
        }
        assert of["lite"].content != of[OTHER].content
        assert of[OTHER].headers["x-embedding-revision"] == "other"

        asked: dict[str, Any] = {"image_id": image, "marks": [CLICK], "start": "empty", "model": OTHER}
        mask = client.post("/api/segment/decode", json=asked)
        assert mask.status_code == 200, mask.text
        assert iou(from_png(mask.content, (451, 300)), CAT.truth) > 0.9
        for call in ("apply-mask", "remove"):
            body = asked if call == "apply-mask" else {"image_id": image, "model": OTHER}
            done = succeeded(client, client.post(f"/api/segment/{call}", json=body))
            assert (done["kind"].startswith(call[:5]), done["model"]) == (True, OTHER)


def test_known_bytes_are_answered_at_once(client: httpx.Client) -> None:
    first = succeeded(client, encode(client))
    again = encode(client)
    assert again.status_code == 202
    job = again.json()
    assert (job["status"], job["timings"]) == ("succeeded", {})  # no worker has touched it
    assert job["image"]["id"] != first["image"]["id"]
    mine, its = (one["result"]["embedding"]["url"] for one in (job, first))
    assert client.get(mine).content == client.get(its).content
    assert client.delete(f"/api/images/{first['image']['id']}").status_code == 204
    assert client.get(mine).status_code == 200
    assert client.get(job["result"]["auto"]["mask_url"]).status_code == 200
    held = client.post(
        "/api/segment/encode", files={"image": CAT.path.read_bytes()}, headers={"Prefer": "wait=5"}
    )
    assert (held.status_code, held.json()["status"]) == (200, "succeeded")


def _encoded_when_served(client: httpx.Client, image: str) -> dict[str, Any]:
    """The worker of the other model has just been started."""
    for _ in range(10 * WAIT_S):
        answer = client.post("/api/segment/encode", json={"image_id": image, "model": OTHER})
        if answer.status_code != 503:
            return succeeded(client, answer)
        assert answer.json()["code"] == "model_not_served"
        time.sleep(0.1)
    raise AssertionError("no worker came")
