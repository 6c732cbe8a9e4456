"""Requests to Supabase's storage: its errors as ours, and what may pass is tried again.

The `supabase` client is not used: it holds a whole download in memory, knows neither ranges nor resumable
uploads, and retries reads only. What is needed of the protocol is a dozen requests.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import httpx

from app.errors import AppError
from app.storage.errors import ObjectMissing, ObjectTaken, ObjectTooLarge, StorageRefused, StorageUnavailable
from app.telemetry.metrics import STORAGE

CONNECT_S = 5.0
SILENCE_S = 30.0
TRIES = 5
FIRST_PAUSE_S = 0.2
"""Doubled each time and shaken: five tries end within 6 s, below every lease (DESIGN §8)."""
_PASSING: Final = frozenset({408, 423, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_MISSING: Final = frozenset({"nosuchkey", "not_found", "notfound"})
_TAKEN: Final = frozenset({"duplicate", "keyalreadyexists", "resourcealreadyexists"})


class BeyondEnd(Exception):
    """The range begins where the object has ended."""


class StorageHttp:
    """One per process and event loop; `close` it."""

    def __init__(
        self, url: str, key: str, *, first_pause_s: float = FIRST_PAUSE_S, silence_s: float = SILENCE_S
    ) -> None:
        """`url`: of the project. `key`: the service role's, or a token limited to what its owner may do."""
        self.base = f"{url.rstrip('/')}/storage/v1"
        self._first_pause_s = first_pause_s
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}", "apikey": key},
            timeout=httpx.Timeout(silence_s, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=32),
            trust_env=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def send(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Raises what `failure` makes of the answer, StorageUnavailable when there is none."""
        async for _ in self.tries():
            try:
                answer = await self._client.request(
                    method, self._url(path), json=json, content=content, headers=headers
                )
            except httpx.TransportError:
                error: AppError = StorageUnavailable("the object store does not answer")
            else:
                if not answer.is_error:
                    return answer
                error = failure(answer)
            STORAGE.labels(error.code).inc()
            if not isinstance(error, StorageUnavailable):
                raise error
        raise StorageUnavailable("the object store does not answer")

    @asynccontextmanager
    async def stream(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """One try: who reads knows how far it came. Raises as `send`, BeyondEnd."""
        plain = {"Accept-Encoding": "identity", **headers}  # lengths and ranges are those of the object
        try:
            async with self._client.stream("GET", self._url(path), headers=plain) as answer:
                if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    raise BeyondEnd
                if answer.is_error:
                    await answer.aread()
                    error = failure(answer)
                    STORAGE.labels(error.code).inc()
                    raise error
                yield answer
        except httpx.TransportError as broken:
            STORAGE.labels(StorageUnavailable.code).inc()
            raise StorageUnavailable("the object store broke off") from broken

    async def tries(self) -> AsyncIterator[int]:
        """0, 1, 2, …, with a pause before each but the first."""
        for count in range(TRIES):
            if count:
                await asyncio.sleep(self._first_pause_s * 2 ** (count - 1) * random.uniform(0.5, 1.5))  # noqa: S311
            yield count

    def _url(self, path: str) -> str:
        return path if path.startswith("http") else f"{self.base}/{path}"


def object_path(*parts: str) -> str:
    return "/".join(quote(part) for part in parts)


def failure(answer: httpx.Response) -> AppError:
    """The status is in the body: storage answers HTTP 400 with `"statusCode": "404"`, and a 500 may carry a
    word that says that it will not pass."""
    status, word, message = _told(answer)
    if status == HTTPStatus.NOT_FOUND and word not in {"bucket not found", "nosuchbucket"}:
        return ObjectMissing("no such object")
    if status == HTTPStatus.CONFLICT or word in _TAKEN:
        return ObjectTaken("there is an object under this key")
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or word in {"entitytoolarge", "payload too large"}:
        return ObjectTooLarge("the file is larger than the bucket takes; raise the project's upload limit")
    if status in _PASSING:
        return StorageUnavailable("the object store does not answer")
    return StorageRefused(f"the object store refuses ({status} {word}): {message}")


def _told(answer: httpx.Response) -> tuple[int, str, str]:
    """(status, its word in lower case, message)."""
    try:
        body = answer.json()
    except ValueError:  # a proxy's page
        body = None
    if not isinstance(body, dict):
        return answer.status_code, "", ""
    status = str(body.get("statusCode") or answer.status_code)
    word = str(body.get("code") or body.get("error") or "").lower()
    if word in _MISSING:
        status = "404"
    return int(status) if status.isdecimal() else answer.status_code, word, str(body.get("message", ""))[:200]
