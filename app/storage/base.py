"""The one interface to bytes at rest. Implementations: local.py (a folder), supabase.py (a bucket)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    key: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SignedUpload:
    """A client may PUT the bytes of one new object there, with these headers and nothing else."""

    url: str
    headers: Mapping[str, str]
    expires_at: datetime


class ObjectStore(Protocol):
    """Keys are made by storage/keys.py only. Objects are written once, whole or not at all."""

    async def put(self, key: str, source: Path, content_type: str) -> StoredObject:
        """Store the file. Atomic: a reader sees nothing or everything. A key is written once."""
        ...

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Chunks of [start, end). Raises ObjectMissing."""
        ...

    def local(self, key: str) -> AbstractAsyncContextManager[Path]:
        """The object as a local file while the block lasts (downloaded where remote). Read-only."""
        ...

    async def size(self, key: str) -> int:
        """Raises ObjectMissing."""
        ...

    async def delete(self, keys: list[str]) -> None:
        """Missing keys are fine."""
        ...

    async def list(self, prefix: str) -> list[str]: ...

    async def signed_url(self, key: str, *, expires_s: int, filename: str | None = None) -> str | None:
        """A URL the client may fetch itself, or None where the web process must stream it."""
        ...

    async def signed_upload(self, key: str, content_type: str) -> SignedUpload | None:
        """Where the client may send a new object itself, or None where the web process must take it.

        Never over another object.
        """
        ...

    async def close(self) -> None: ...
