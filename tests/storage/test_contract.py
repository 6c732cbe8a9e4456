"""What every object store does: a folder, Supabase as supabase_server.py answers, a real project.

For the last one set CUTOUT_TEST_SUPABASE_URL, CUTOUT_TEST_SUPABASE_KEY and CUTOUT_TEST_SUPABASE_BUCKET, an
empty private bucket; what the tests put there they delete.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from app.storage.base import ObjectStore
from app.storage.errors import ObjectMissing, ObjectTaken
from app.storage.http import StorageHttp
from app.storage.local import LocalStore
from app.storage.supabase import SupabaseStore
from tests.storage.supabase_server import BUCKET, KEY, supabase

REAL = os.environ.get("CUTOUT_TEST_SUPABASE_URL")


@pytest.fixture(params=["local", "supabase", *(["a real project"] if REAL else [])])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    if request.param == "local":
        yield LocalStore(tmp_path / "store")
    elif request.param == "supabase":
        with supabase() as (url, _):
            store = SupabaseStore(StorageHttp(url, KEY, first_pause_s=0.01), BUCKET)
            yield store
            await store.close()
    else:
        key, bucket = os.environ["CUTOUT_TEST_SUPABASE_KEY"], os.environ["CUTOUT_TEST_SUPABASE_BUCKET"]
        store = SupabaseStore(StorageHttp(str(REAL), key), bucket)
        yield store
        await store.delete(await store.list(""))
        await store.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source"
    file.write_bytes(b"0123456789" * 300_000)
    return file


async def content(store: ObjectStore, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in store.read(key, start=start, end=end)])


async def test_what_was_put_is_read(store: ObjectStore, source: Path) -> None:
    stored = await store.put("a/b.bin", source, "application/octet-stream")
    assert (stored.key, stored.bytes) == ("a/b.bin", 3_000_000)
    assert await store.size("a/b.bin") == 3_000_000
    assert await content(store, "a/b.bin") == source.read_bytes()


@pytest.mark.parametrize(("start", "end"), [(0, 10), (5, 7), (2_999_999, None), (1_048_570, 1_048_590)])
async def test_ranges_are_half_open(store: ObjectStore, source: Path, start: int, end: int | None) -> None:
    await store.put("a", source, "text/plain")
    assert await content(store, "a", start, end) == source.read_bytes()[start:end]


async def test_putting_the_same_again_is_no_error(store: ObjectStore, source: Path) -> None:
    await store.put("a", source, "text/plain")
    assert (await store.put("a", source, "text/plain")).bytes == 3_000_000
    assert await content(store, "a") == source.read_bytes()


async def test_a_large_object_arrives_whole(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "large"
    source.write_bytes(os.urandom(1000) * 15_000)
    stored = await store.put("large/one", source, "image/png")
    assert stored.bytes == await store.size("large/one") == 15_000_000
    assert await content(store, "large/one") == source.read_bytes()
    assert (await store.put("large/one", source, "image/png")).sha256 == stored.sha256


async def test_a_range_behind_the_end_is_empty(store: ObjectStore, source: Path) -> None:
    await store.put("a", source, "text/plain")
    assert await content(store, "a", 3_000_000) == b""
    assert await content(store, "a", 5, 5) == b""


async def test_an_object_is_lent_as_a_file(store: ObjectStore, source: Path) -> None:
    await store.put("a/b", source, "text/plain")
    async with store.local("a/b") as path:
        assert path.read_bytes() == source.read_bytes()


async def test_listing_by_prefix(store: ObjectStore, source: Path) -> None:
    for key in ("u/1/a", "u/1/b/c", "u/10/a", "v"):
        await store.put(key, source, "text/plain")
    assert await store.list("u/1/") == ["u/1/a", "u/1/b/c"]
    assert await store.list("nothing/") == []
    many = [f"many/{n:03}" for n in range(120)]
    source.write_bytes(b"x")
    await asyncio.gather(*(store.put(key, source, "text/plain") for key in many))
    assert await store.list("many/") == many


async def test_a_client_sends_an_object_itself(store: ObjectStore) -> None:
    """Where it cannot, the web process must: then there is no URL."""
    signed = await store.signed_upload("u/direct", "image/png")
    if signed is None:
        assert isinstance(store, LocalStore)
        return
    assert signed.expires_at > datetime.now(UTC)
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.put(signed.url, content=b"a photo", headers=signed.headers)).status_code == 200
        assert await content(store, "u/direct") == b"a photo"
        again = await client.put(signed.url, content=b"another", headers=signed.headers)
        elsewhere = await client.put(
            signed.url.replace("direct", "other"), content=b"x", headers=signed.headers
        )
    assert again.json()["statusCode"] == "409"
    assert elsewhere.is_error
    assert await content(store, "u/direct") == b"a photo"
    with pytest.raises(ObjectTaken):
        await store.signed_upload("u/direct", "image/png")


async def test_deleting_is_safe_to_repeat(store: ObjectStore, source: Path) -> None:
    await store.put("a/b/c", source, "text/plain")
    await store.delete(["a/b/c", "a/never"])
    await store.delete(["a/b/c"])
    assert await store.list("a/") == []


async def test_what_is_not_there_is_a_coded_error(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissing):
        await store.size("nope")
    with pytest.raises(ObjectMissing):
        await content(store, "nope")
    with pytest.raises(ObjectMissing):
        async with store.local("nope"):
            pass
