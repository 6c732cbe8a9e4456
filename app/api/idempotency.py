"""`Idempotency-Key`: a create that is sent twice makes one thing."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from starlette.requests import Request

from app.api.errors import BadParameter
from app.api.params import Body
from app.api.state import State
from app.jobs.idempotency import HeldKey

_KEY = re.compile(r"[!-~]{1,255}")


@asynccontextmanager
async def held_key(request: Request[State], user: UUID, body: Body) -> AsyncIterator[HeldKey | None]:
    """The key for the time of the block; None without one. Raises BadParameter, KeyReused, KeyInFlight."""
    key = request.headers.get("idempotency-key")
    if key is None:
        yield None
        return
    if not _KEY.fullmatch(key):
        raise BadParameter("Idempotency-Key: 1 to 255 visible ASCII characters")
    fingerprint = await asyncio.to_thread(_fingerprint, request.url.path, body)
    async with request.state["idempotency"].hold(user, key, fingerprint) as held:
        yield held


def _fingerprint(path: str, body: Body) -> str:
    """sha256 of the call, its parameters and the contents of its files."""
    files: dict[str, object] = {name: _sha256(upload.path) for name, upload in body.files.items()}
    files |= {name: [_sha256(upload.path) for upload in uploads] for name, uploads in body.lists.items()}
    return hashlib.sha256(json.dumps([path, body.values, files], sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
