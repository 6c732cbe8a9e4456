import asyncio
import os
import resource
from pathlib import Path

import pytest

from app.storage.errors import StorageUnavailable
from app.storage.local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../up", "a/../../up", "a//b", "a/.hid", "a b", "a\0b"])
async def test_only_keys_of_ours_are_paths(store: LocalStore, tmp_path: Path, key: str) -> None:
    source = tmp_path / "source"
    source.touch()
    with pytest.raises(ValueError, match="storage key"):
        await store.put(key, source, "text/plain")
    with pytest.raises(ValueError, match="storage key"):
        await store.size(key)


async def test_a_full_disk_leaves_nothing_half_written(store: LocalStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(2_000_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, hard))  # a write past it fails, as on a full disk
    try:
        with pytest.raises(StorageUnavailable):
            await store.put("a/b", source, "text/plain")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


async def test_a_folder_that_is_being_pruned_takes_new_files(store: LocalStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")

    async def come_and_go(name: str) -> None:
        for _ in range(100):
            await store.put(f"a/b/{name}", source, "text/plain")
            await store.delete([f"a/b/{name}"])

    await asyncio.gather(come_and_go("one"), come_and_go("two"))
    assert not os.path.lexists(store.root / "a")


async def test_what_a_killed_process_left_is_forgotten(store: LocalStore) -> None:
    old, young = store.root / ".unfinished/old", store.root / ".unfinished/young"
    old.parent.mkdir(parents=True)
    old.touch()
    young.touch()
    os.utime(old, (0, 0))
    LocalStore(store.root)
    assert (old.exists(), young.exists()) == (False, True)
