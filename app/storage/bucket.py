"""The private bucket itself: made once, looked at by `cutout doctor`."""

from dataclasses import dataclass

from app.storage.errors import StorageRefused
from app.storage.http import StorageHttp, object_path

_NO_SUCH_BUCKET = ("bucket not found", "nosuchbucket", "not_found")


@dataclass(frozen=True, slots=True)
class Bucket:
    name: str
    public: bool
    limit: int | None
    """Bytes of one file; None: the project's own limit."""


async def find(http: StorageHttp, name: str) -> Bucket | None:
    """Raises StorageRefused, StorageUnavailable."""
    try:
        answer = await http.send("GET", object_path("bucket", name))
    except StorageRefused as refused:
        if any(word in refused.message.lower() for word in _NO_SUCH_BUCKET):
            return None
        raise
    found = answer.json()
    return Bucket(found["name"], bool(found["public"]), found.get("file_size_limit"))


async def ensure(http: StorageHttp, name: str) -> bool:
    """True when it was made now: private, with the project's own limit. Raises as `find`."""
    if await find(http, name) is not None:
        return False
    await http.send("POST", "bucket", json={"id": name, "name": name, "public": False})
    return True
