"""What is Supabase's own: its errors, its bursts, and uploads that break off."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.storage.errors import (
    ObjectMissing,
    ObjectTaken,
    ObjectTooLarge,
    StorageRefused,
    StorageUnavailable,
    UploadDamaged,
)
from app.storage.http import TRIES, StorageHttp
from app.storage.supabase import SupabaseStore
from app.storage.tus import CHUNK_BYTES
from tests.storage.supabase_server import BUCKET, KEY, SupabaseServer, supabase


@pytest.fixture
async def project() -> AsyncIterator[tuple[SupabaseStore, SupabaseServer]]:
    with supabase() as (url, server):
        store = SupabaseStore(StorageHttp(url, KEY, first_pause_s=0.01), BUCKET)
        yield store, server
        await store.close()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small"
    file.write_bytes(os.urandom(70_000))
    return file


@pytest.fixture
def large(tmp_path: Path) -> Path:
    file = tmp_path / "large"
    file.write_bytes(os.urandom(CHUNK_BYTES * 2 + 5))
    return file


async def content(store: SupabaseStore, key: str) -> bytes:
    return b"".join([chunk async for chunk in store.read(key)])


@pytest.mark.parametrize(
    "burst", [["503"], ["500", "502", "504"], ["429", "520"], ["lost"], ["ok", "503", "503"]]
)
async def test_what_passes_is_tried_again(
    project: tuple[SupabaseStore, SupabaseServer], small: Path, burst: list[str]
) -> None:
    store, server = project
    server.faults = [*burst]
    assert (await store.put("a/b", small, "image/png")).bytes == 70_000
    assert server.objects["a/b"] == (small.read_bytes(), "image/png")


async def test_what_does_not_pass_ends(project: tuple[SupabaseStore, SupabaseServer], small: Path) -> None:
    store, server = project
    server.faults = ["503"] * 100
    with pytest.raises(StorageUnavailable):
        await store.put("a", small, "image/png")
    assert len(server.asked) == TRIES


@pytest.mark.parametrize(
    "burst", [["ok", "lost"], ["ok", "502", "502"], ["lost"], ["ok", "ok", "lost", "503"]]
)
async def test_an_upload_in_parts_goes_on_where_it_broke_off(
    project: tuple[SupabaseStore, SupabaseServer], large: Path, burst: list[str]
) -> None:
    store, server = project
    server.faults = [*burst]
    await store.put("a", large, "image/png")
    assert server.objects["a"][0] == large.read_bytes()
    sent = sum(line.startswith("PATCH") for line in server.asked)
    assert sent <= 3 + len(burst)  # three parts, and no part again but those that failed


@pytest.mark.parametrize(
    "faults",
    [["ok", "ok", "forgotten"], ["ok", "ok", *["502"] * TRIES, "forgotten"]],
    ids=["between two parts", "while it was away"],
)
async def test_an_upload_that_the_server_forgot_begins_anew(
    project: tuple[SupabaseStore, SupabaseServer], large: Path, faults: list[str]
) -> None:
    store, server = project
    server.faults = [*faults]
    await store.put("a", large, "image/png")
    assert sum(line.startswith("POST") for line in server.asked) == 2
    assert server.objects["a"][0] == large.read_bytes()


async def test_other_bytes_are_never_written_over(
    project: tuple[SupabaseStore, SupabaseServer], small: Path, large: Path
) -> None:
    store, server = project
    for first in (small, large):
        key = f"of/{first.name}"
        await store.put(key, first, "image/png")
        other = first.with_suffix(".other")
        other.write_bytes(first.read_bytes()[::-1])
        with pytest.raises(ObjectTaken):
            await store.put(key, other, "image/png")
        assert server.objects[key][0] == first.read_bytes()


async def test_what_arrived_damaged_is_not_taken_for_good(
    project: tuple[SupabaseStore, SupabaseServer], small: Path
) -> None:
    store, server = project
    server.faults = ["damaged"]
    with pytest.raises(UploadDamaged):
        await store.put("a", small, "image/png")


async def test_a_reading_goes_on_where_it_broke_off(
    project: tuple[SupabaseStore, SupabaseServer], large: Path
) -> None:
    store, server = project
    await store.put("a", large, "image/png")
    server.asked.clear()
    server.faults = ["cut", "503", "cut"]
    assert await content(store, "a") == large.read_bytes()
    assert len(server.asked) == 4


async def test_the_buckets_limit_is_told(
    project: tuple[SupabaseStore, SupabaseServer], small: Path, large: Path
) -> None:
    store, server = project
    server.limit = 1000
    for file in (small, large):
        with pytest.raises(ObjectTooLarge, match="upload limit"):
            await store.put("a", file, "image/png")
    assert server.objects == {}


async def test_a_wrong_key_is_refused_and_not_tried_again(small: Path) -> None:
    with supabase() as (url, server):
        store = SupabaseStore(StorageHttp(url, "another", first_pause_s=0.01), BUCKET)
        with pytest.raises(StorageRefused, match="signature"):
            await store.put("a", small, "image/png")
        assert len(server.asked) == 1
        await store.close()


async def test_nobody_listens(small: Path) -> None:
    store = SupabaseStore(StorageHttp("http://127.0.0.1:9", KEY, first_pause_s=0.01), BUCKET)
    with pytest.raises(StorageUnavailable):
        await store.put("a", small, "image/png")
    await store.close()


async def test_a_signed_url_is_for_who_has_no_key(
    project: tuple[SupabaseStore, SupabaseServer], small: Path
) -> None:
    store, _ = project
    await store.put("users/1/results/ä b.png", small, "image/png")
    url = await store.signed_url("users/1/results/ä b.png", expires_s=60, filename="cup cutout.png")
    assert url is not None
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(url)
    assert answer.content == small.read_bytes()
    assert "cup cutout.png" in answer.headers["content-disposition"]
    with pytest.raises(ObjectMissing):
        await store.signed_url("users/1/none", expires_s=60)
