"""The object store as a folder."""

import asyncio
import contextlib
import hashlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.storage.base import SignedUpload, StoredObject
from app.storage.errors import ObjectMissing, StorageUnavailable

_KEY = re.compile(r"(?!.*(?:^|/)\.)[\w.\-]+(?:/[\w.\-]+)*", re.ASCII)
_CHUNK = 1 << 20
_UNFINISHED = ".unfinished"
"""Where files grow before they are moved to their key; no part of a key begins with a dot."""
_UNFINISHED_S = 3600.0


class LocalStore:
    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        _forget_unfinished(self.root / _UNFINISHED)

    async def put(self, key: str, source: Path, content_type: str) -> StoredObject:  # noqa: ARG002
        """A folder keeps no content types: the key's extension says it."""
        self._path(key)
        return await asyncio.to_thread(_put, self.root, key, source)

    async def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        path = self._path(key)
        try:
            # not in a thread: a cancel meanwhile would leave the file open, and opening takes 20 µs
            file = path.open("rb")
        except FileNotFoundError:
            raise ObjectMissing("no such object") from None
        with file:
            file.seek(start)
            left = None if end is None else end - start
            while left is None or left > 0:
                chunk = await asyncio.to_thread(file.read, _CHUNK if left is None else min(_CHUNK, left))
                if not chunk:
                    return
                left = None if left is None else left - len(chunk)
                yield chunk

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        path = self._path(key)
        if not await asyncio.to_thread(path.is_file):
            raise ObjectMissing("no such object")
        yield path

    async def size(self, key: str) -> int:
        try:
            return (await asyncio.to_thread(self._path(key).stat)).st_size
        except FileNotFoundError:
            raise ObjectMissing("no such object") from None

    async def delete(self, keys: list[str]) -> None:
        await asyncio.to_thread(_delete, self.root, [self._path(key) for key in keys])

    async def list(self, prefix: str) -> list[str]:
        folder = self._path(prefix.rpartition("/")[0])
        return await asyncio.to_thread(_keys, self.root, folder, prefix)

    async def signed_url(self, key: str, *, expires_s: int, filename: str | None = None) -> str | None:  # noqa: ARG002
        return None

    async def signed_upload(self, key: str, content_type: str) -> SignedUpload | None:  # noqa: ARG002
        return None

    async def close(self) -> None:
        """A folder has nothing open."""

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a storage key: {key!r}")
        return self.root / key


def _put(root: Path, key: str, source: Path) -> StoredObject:
    unfinished = root / _UNFINISHED
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=unfinished)
        partial = Path(name)
        try:
            with os.fdopen(handle, "wb") as out, source.open("rb") as file:
                digest, size = hashlib.sha256(), 0
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    size += out.write(chunk)
            _move(partial, root / key)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise StorageUnavailable("the object store cannot be written") from error
    return StoredObject(key, size, digest.hexdigest())


def _forget_unfinished(folder: Path) -> None:
    """What processes that were killed in the middle of a `put` have left."""
    oldest = time.time() - _UNFINISHED_S
    for partial in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if partial.stat().st_mtime < oldest:
                partial.unlink()


def _delete(root: Path, paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty, or somebody was faster
            for folder in path.parents:
                if folder == root:
                    break
                folder.rmdir()


def _keys(root: Path, folder: Path, prefix: str) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    keys = (path.relative_to(root).as_posix() for path in files)
    return sorted(key for key in keys if key.startswith(prefix))


def _move(partial: Path, target: Path) -> None:
    """Into its folder, which a deleter may be pruning at this very moment: hence the further tries."""
    for left in reversed(range(10)):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(target)
        except (FileNotFoundError, FileExistsError):  # pathlib's mkdir raises either
            if not left:
                raise
        else:
            return
