"""Resumable uploads, tus 1.0.0 (https://tus.io/protocols/resumable-upload) as Supabase has them."""

import asyncio
from base64 import b64encode
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from app.storage.errors import ObjectMissing, ObjectTaken, StorageRefused, StorageUnavailable
from app.storage.http import StorageHttp

CHUNK_BYTES = 6 * 1024 * 1024
"""What Supabase asks every chunk but the last to be, and from where it advises resumable uploads."""
_VERSION = {"Tus-Resumable": "1.0.0"}


async def upload(http: StorageHttp, bucket: str, key: str, source: Path, content_type: str) -> None:
    """Goes on where a chunk broke off. Raises as StorageHttp.send, ObjectTaken."""
    size = (await asyncio.to_thread(source.stat)).st_size
    where, offset = await _begin(http, bucket, key, size, content_type), 0
    async for count in http.tries():
        try:
            if count:
                offset = await _offset(http, where)  # the server knows how far we came
            while offset < size:
                offset = await _chunk(http, where, source, offset)
        except (StorageUnavailable, ObjectTaken):
            continue  # broken off, or another chunk than the server waits for
        except ObjectMissing:
            where = await _begin(http, bucket, key, size, content_type)  # forgotten: from the start
        else:
            return
    raise StorageUnavailable("the upload broke off again and again")


async def _begin(http: StorageHttp, bucket: str, key: str, size: int, content_type: str) -> str:
    names = {"bucketName": bucket, "objectName": key, "contentType": content_type, "cacheControl": "31536000"}
    metadata = ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in names.items())
    headers = {**_VERSION, "Upload-Length": str(size), "Upload-Metadata": metadata, "x-upsert": "false"}
    answer = await http.send("POST", "upload/resumable", headers=headers)
    where: str = urljoin(f"{http.base}/", str(answer.headers.get("location", "")))
    if urlsplit(where)[:2] != urlsplit(http.base)[:2]:
        raise StorageRefused("the object store sends the upload to another server; the key stays here")
    return where


async def _chunk(http: StorageHttp, where: str, source: Path, offset: int) -> int:
    """The new offset."""
    content = await asyncio.to_thread(_slice, source, offset)
    headers = {**_VERSION, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    answer = await http.send("PATCH", where, content=content, headers=headers)
    return int(answer.headers["upload-offset"])


async def _offset(http: StorageHttp, where: str) -> int:
    answer = await http.send("HEAD", where, headers=_VERSION)
    return int(answer.headers["upload-offset"])


def _slice(source: Path, offset: int) -> bytes:
    with source.open("rb") as file:
        file.seek(offset)
        return file.read(CHUNK_BYTES)
