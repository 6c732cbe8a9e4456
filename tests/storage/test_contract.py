"""What every object store does. Another implementation joins by adding itself to the fixture."""

from pathlib import Path

import pytest

from app.storage.base import ObjectStore
from app.storage.errors import ObjectMissing
from app.storage.local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return LocalStore(tmp_path / "store")


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


async def test_putting_again_replaces(store: ObjectStore, source: Path, tmp_path: Path) -> None:
    await store.put("a", source, "text/plain")
    other = tmp_path / "other"
    other.write_bytes(b"other")
    await store.put("a", other, "text/plain")
    assert await content(store, "a") == b"other"


async def test_an_object_is_lent_as_a_file(store: ObjectStore, source: Path) -> None:
    await store.put("a/b", source, "text/plain")
    async with store.local("a/b") as path:
        assert path.read_bytes() == source.read_bytes()


async def test_listing_by_prefix(store: ObjectStore, source: Path) -> None:
    for key in ("u/1/a", "u/1/b/c", "u/10/a", "v"):
        await store.put(key, source, "text/plain")
    assert await store.list("u/1/") == ["u/1/a", "u/1/b/c"]
    assert await store.list("nothing/") == []


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
