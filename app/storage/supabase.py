"""The object store as a private bucket of Supabase."""

import asyncio
import hashlib
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jwt

from app.storage import tus
from app.storage.base import SignedUpload, StoredObject
from app.storage.errors import ObjectTaken, StorageUnavailable, UploadDamaged
from app.storage.http import BeyondEnd, StorageHttp, object_path

_PAGE = 100
_AT_ONCE = 1000
"""Keys of one deletion."""
_MD5 = re.compile(r"\"?([0-9a-f]{32})\"?")
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Digests:
    bytes: int
    sha256: str
    md5: str


class SupabaseStore:
    def __init__(self, http: StorageHttp, bucket: str) -> None:
        self._http = http
        self._bucket = bucket

    async def close(self) -> None:
        await self._http.close()

    async def put(self, key: str, source: Path, content_type: str) -> StoredObject:
        """Never over another object; the same bytes again are no error: a try whose answer was lost.

        Raises ObjectTaken, ObjectTooLarge, UploadDamaged, StorageRefused, StorageUnavailable.
        """
        digests = await asyncio.to_thread(_digests, source)
        try:
            await self._upload(key, source, digests.bytes, content_type)
        except ObjectTaken:
            if not await self._holds(key, digests, thoroughly=True):
                raise
        else:
            if not await self._holds(key, digests, thoroughly=False):
                raise UploadDamaged("what arrived is not what was sent")
        return StoredObject(key, digests.bytes, digests.sha256)

    async def read(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Goes on where a connection broke off. Raises ObjectMissing, StorageRefused, StorageUnavailable."""
        if end is not None and start >= end:
            await self.size(key)
            return
        async for _ in self._http.tries():
            try:
                async for chunk in self._part(key, start, end):
                    start += len(chunk)
                    yield chunk
            except StorageUnavailable:
                continue
            except BeyondEnd:
                pass
            return
        raise StorageUnavailable("the object store broke off again and again")

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        with tempfile.TemporaryDirectory(prefix="cutout-object-") as folder:
            path = Path(folder) / "object"
            with await asyncio.to_thread(path.open, "wb") as file:
                async for chunk in self.read(key):
                    await asyncio.to_thread(file.write, chunk)
            yield path

    async def size(self, key: str) -> int:
        return int((await self._info(key))["size"])

    async def delete(self, keys: list[str]) -> None:
        for first in range(0, len(keys), _AT_ONCE):
            prefixes = keys[first : first + _AT_ONCE]
            await self._http.send("DELETE", object_path("object", self._bucket), json={"prefixes": prefixes})

    async def list(self, prefix: str) -> list[str]:
        folder = prefix.rpartition("/")[0]
        return sorted([key async for key in self._walk(folder) if key.startswith(prefix)])

    async def signed_url(self, key: str, *, expires_s: int, filename: str | None = None) -> str | None:
        path = object_path("object/sign", self._bucket, key)
        answer = await self._http.send("POST", path, json={"expiresIn": expires_s})
        url = f"{self._http.base}{answer.json()['signedURL']}"
        return f"{url}&download={quote(filename)}" if filename else url

    async def signed_upload(self, key: str, content_type: str) -> SignedUpload | None:
        """The project says for how long, two hours as a rule. Raises as StorageHttp.send, ObjectTaken."""
        path = object_path("object/upload/sign", self._bucket, key)
        answer = (await self._http.send("POST", path, headers={"x-upsert": "false"})).json()
        claims = jwt.decode(answer["token"], options={"verify_signature": False})
        return SignedUpload(
            f"{self._http.base}{answer['url']}",
            {"Content-Type": content_type, "x-upsert": "false"},
            datetime.fromtimestamp(claims["exp"], UTC),
        )

    async def _upload(self, key: str, source: Path, size: int, content_type: str) -> None:
        if size > tus.CHUNK_BYTES:
            await tus.upload(self._http, self._bucket, key, source, content_type)
            return
        headers = {"Content-Type": content_type, "x-upsert": "false", "Cache-Control": "max-age=31536000"}
        content = await asyncio.to_thread(source.read_bytes)
        path = object_path("object", self._bucket, key)
        await self._http.send("POST", path, content=content, headers=headers)

    async def _holds(self, key: str, digests: _Digests, *, thoroughly: bool) -> bool:
        """By length and MD5 where the ETag is one; `thoroughly`: by reading it where it is none."""
        info = await self._info(key)
        if int(info["size"]) != digests.bytes:
            return False
        if etag := _MD5.fullmatch(str(info.get("etag", ""))):
            return etag[1] == digests.md5
        if not thoroughly:
            return True
        digest = hashlib.sha256()
        async for chunk in self.read(key):
            digest.update(chunk)
        return digest.hexdigest() == digests.sha256

    async def _info(self, key: str) -> dict[str, Any]:
        answer = await self._http.send("GET", object_path("object/info", self._bucket, key))
        info: dict[str, Any] = answer.json()
        return info

    async def _part(self, key: str, start: int, end: int | None) -> AsyncIterator[bytes]:
        """One answer's chunks of [start, end). Raises StorageUnavailable when it ends too early."""
        headers = (
            {} if start == 0 and end is None else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        )
        path = object_path("object/authenticated", self._bucket, key)
        async with self._http.stream(path, headers) as answer:
            if headers and answer.status_code != HTTPStatus.PARTIAL_CONTENT:
                raise StorageUnavailable("the object store passed over a range")
            expected = int(answer.headers.get("content-length", -1))
            got = 0
            async for chunk in answer.aiter_raw(_CHUNK):
                got += len(chunk)
                yield chunk
            if expected >= 0 and got < expected:
                raise StorageUnavailable("the object store broke off")

    async def _walk(self, folder: str) -> AsyncIterator[str]:
        """Keys below `folder`; storage lists one folder at a time, and folders have no id."""
        offset = 0
        while True:
            wanted = {
                "prefix": folder,
                "limit": _PAGE,
                "offset": offset,
                "sortBy": {"column": "name", "order": "asc"},
            }
            answer = await self._http.send("POST", object_path("object/list", self._bucket), json=wanted)
            entries = answer.json()
            for entry in entries:
                path = f"{folder}/{entry['name']}" if folder else entry["name"]
                if entry.get("id") is not None:
                    yield path
                    continue
                async for key in self._walk(path):
                    yield key
            if len(entries) < _PAGE:
                return
            offset += len(entries)


def _digests(source: Path) -> _Digests:
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
            md5.update(chunk)
            size += len(chunk)
    return _Digests(size, sha256.hexdigest(), md5.hexdigest())
