"""A photo that goes to the object store by itself, at both stores: a folder, and Supabase as it answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.commands.gc import collect
from app.db.pool import Pool, open_pool
from app.imaging.types import MAX_BYTES
from app.storage.local import LocalStore
from app.storage.open import opened_store
from app.uploads.errors import UploadTaken
from app.uploads.service import UploadService
from app.uploads.types import UploadRow
from models.registry import Registry
from tests.data.photos import CAT
from tests.gate import Gate, opened
from tests.rows import a_user, an_image
from tests.services import fresh_database
from tests.storage.supabase_server import KEY, supabase

pytestmark = pytest.mark.xdist_group("direct uploads")


@pytest.fixture(scope="module", params=["a folder", "supabase"])
def own_gate(
    request: pytest.FixtureRequest,
    postgres: str,
    template: str,
    redis_server: str,
    registry: Registry,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gate]:
    dsn, folder = fresh_database(postgres, template), tmp_path_factory.mktemp("direct")
    if request.param == "a folder":
        with opened(dsn, f"{redis_server}?db=5", registry, folder) as gate:
            yield gate
        return
    with supabase() as (url, _):
        more = {"storage_url": url, "supabase_service_role_key": KEY}
        with opened(dsn, f"{redis_server}?db=5", registry, folder, **more) as gate:
            yield gate


@pytest.fixture
def me(own_gate: Gate) -> Iterator[httpx.Client]:
    with own_gate.person(own_gate.user()) as client:
        yield client


def send(gate: Gate, upload: dict[str, Any], content: bytes) -> httpx.Response:
    """As a browser: no credentials but the URL itself."""
    with gate.client() as nobody:
        return nobody.request(upload["method"], upload["url"], content=content, headers=upload["headers"])


def sent(gate: Gate, client: httpx.Client, content: bytes, filename: str = "cat.jpg") -> dict[str, Any]:
    begun = client.post("/api/uploads", json={"filename": filename})
    assert begun.status_code == 201, begun.text
    upload: dict[str, Any] = begun.json()
    assert send(gate, upload, content).is_success
    return upload


def stored(gate: Gate) -> list[str]:
    async def keys() -> list[str]:
        async with opened_store(gate.settings) as store:
            return await store.list("users/")

    return asyncio.run(keys())


@pytest.mark.parametrize("path", ["/api/images", "/api/segment/encode", "/api/segment/remove"])
def test_an_upload_becomes_an_image(own_gate: Gate, me: httpx.Client, path: str) -> None:
    with psycopg.connect(own_gate.dsn) as connection:
        connection.execute("update credit_balances set plan = 'unmetered'")
    upload = sent(own_gate, me, CAT.path.read_bytes())
    made = me.post(path, json={"upload_id": upload["upload_id"]})
    assert made.status_code in {201, 202}, made.text
    document = made.json()
    image = me.get(f"/api/images/{document.get('image', document)['id']}").json()
    assert (image["width"], image["filename"], image["bytes"]) == (451, "cat.jpg", CAT.path.stat().st_size)
    assert not [key for key in stored(own_gate) if upload["upload_id"] in key]
    again = me.post("/api/images", json={"upload_id": upload["upload_id"]})
    assert (again.status_code, again.json()["id"]) == (201, image["id"])  # a call may be sent again


def test_an_upload_is_its_owners_alone(own_gate: Gate, me: httpx.Client) -> None:
    upload = sent(own_gate, me, CAT.path.read_bytes())
    with own_gate.person(own_gate.user()) as stranger:
        refused = stranger.post("/api/images", json={"upload_id": upload["upload_id"]})
    assert (refused.status_code, refused.json()["code"]) == (404, "upload_not_found")
    assert me.post("/api/images", json={"upload_id": upload["upload_id"]}).status_code == 201


def test_its_bytes_are_sent_once_and_only_with_its_token(own_gate: Gate, me: httpx.Client) -> None:
    upload = me.post("/api/uploads", json={}).json()
    forged = upload | {"url": upload["url"][:-6] + "AAAAAA"}
    assert send(own_gate, forged, b"x").is_client_error
    incomplete = me.post("/api/images", json={"upload_id": upload["upload_id"]})
    assert (incomplete.status_code, incomplete.json()["code"]) == (409, "upload_incomplete")
    assert send(own_gate, upload, CAT.path.read_bytes()).is_success
    assert send(own_gate, upload, b"others").is_client_error
    assert me.post("/api/images", json={"upload_id": upload["upload_id"]}).status_code == 201


async def test_who_began_to_send_and_comes_second_replaces_nothing(
    dsn: str, pool: Pool, tmp_path: Path
) -> None:
    store = LocalStore(tmp_path / "store")
    direct = UploadService(pool, store)
    new = await direct.begin(a_user(dsn), None)
    first, second = [await direct.awaited(new.id, new.url.partition("token=")[2]) for _ in range(2)]
    for name in ("first", "second"):
        (tmp_path / name).write_text(name)
    await direct.receive(first, tmp_path / "first")
    with pytest.raises(UploadTaken):
        await direct.receive(second, tmp_path / "second")
    async with direct.local(first) as path:
        assert path.read_text() == "first"


def test_of_two_calls_the_slower_has_the_image_of_the_faster(
    own_gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = own_gate.user()
    image, local = an_image(own_gate.dsn, user), UploadService.local

    @asynccontextmanager
    async def late(direct: UploadService, row: UploadRow) -> AsyncIterator[Path]:
        await direct.became(row, image)
        async with local(direct, row) as path:
            yield path

    monkeypatch.setattr(UploadService, "local", late)
    with own_gate.person(user) as me:
        upload = sent(own_gate, me, CAT.path.read_bytes())
        made = me.post("/api/images", json={"upload_id": upload["upload_id"]})
    assert (made.status_code, made.json()["id"]) == (201, str(image))


def test_what_was_sent_is_looked_at(own_gate: Gate, me: httpx.Client) -> None:
    upload = sent(own_gate, me, b"no photo at all")
    refused = me.post("/api/segment/encode", json={"upload_id": upload["upload_id"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "not_an_image")
    assert me.get("/api/images").json()["items"] == []


def test_what_was_sent_is_measured(own_gate: Gate, me: httpx.Client) -> None:
    upload = me.post("/api/uploads", json={}).json()
    too_large = bytes(MAX_BYTES + 1)
    if "token=" in upload["url"] and upload["url"].startswith("/"):
        assert send(own_gate, upload, too_large).json()["code"] == "too_large_bytes"
        return
    assert send(own_gate, upload, too_large).is_success  # the bucket takes more than we do
    refused = me.post("/api/images", json={"upload_id": upload["upload_id"]})
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large_bytes")
    assert not [key for key in stored(own_gate) if upload["upload_id"] in key]


def test_what_nobody_uses_expires(own_gate: Gate, me: httpx.Client) -> None:
    used, unused = (sent(own_gate, me, CAT.path.read_bytes())["upload_id"] for _ in range(2))
    with psycopg.connect(own_gate.dsn) as connection:
        connection.execute(
            "update uploads set expires_at = now() - interval '2 hours' where id = %s", (unused,)
        )
    assert me.post("/api/images", json={"upload_id": unused}).json()["code"] == "upload_not_found"

    async def gc() -> tuple[int, int]:
        async with (
            await open_pool(own_gate.dsn, max_size=2) as pool,
            opened_store(own_gate.settings) as store,
        ):
            return await collect(pool, store)

    assert asyncio.run(gc())[1] == 1
    assert not [key for key in stored(own_gate) if unused in key]
    assert me.post("/api/images", json={"upload_id": used}).status_code == 201


@pytest.mark.parametrize("filename", ["a\x00b", "\ud800", "x" * 256, 7])
def test_names_that_are_none(me: httpx.Client, filename: object) -> None:
    headers = {"Content-Type": "application/json"}
    refused = me.post("/api/uploads", content=json.dumps({"filename": filename}), headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_parameter")


def test_so_many_wait_and_no_more(own_gate: Gate, me: httpx.Client) -> None:
    user = me.get("/api/account").json()["id"]
    with psycopg.connect(own_gate.dsn) as connection:
        connection.execute(
            "insert into uploads (id, user_id, token_sha256, expires_at)"
            " select gen_random_uuid(), %s, '', now() + interval '1 hour' from generate_series(1, 500)",
            (user,),
        )
    refused = me.post("/api/uploads", json={})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_open_uploads")
