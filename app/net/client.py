"""Fetch an image, post a webhook: the two things done with a URL that a user gave."""

import asyncio
import hashlib
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import anyio
import httpx

from app.errors import AppError
from app.net.errors import UrlAnswerUnusable, UrlRefused, UrlTimeout, UrlTooLarge, UrlUnreachable
from app.net.transport import GuardedTransport, Resolver, resolve
from app.net.urls import check_url

USER_AGENT = "Cutout/1"
IMAGE_CAP_BYTES = 50_000_000  # DESIGN §14: the limit of an uploaded file
IMAGE_DEADLINE_S = 60.0  # 50 MB at 7 Mbit/s; the same for a server that sends one byte a second
WEBHOOK_DEADLINE_S = 15.0  # issue E: Standard Webhooks advises 15 to 30 s
CONNECT_TIMEOUT_S = 5.0
MAX_REDIRECTS = 3
_CHUNK = 256 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class FetchedFile:
    path: Path
    bytes: int
    sha256: str
    url: str
    """Where the file lay in the end, after redirects."""

    @property
    def name(self) -> str | None:
        """The last part of the URL's path."""
        return PurePosixPath(httpx.URL(self.url).path).name or None


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    status: int | None
    """The receiver's HTTP status; None when no answer came."""
    ms: int
    error: str | None
    """Code of the failure that left us without an answer; never a word of the receiver's."""

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class GuardedClient:
    """One per process. Each call has its own connection; no cookies, no proxies, no environment.

    `allow_loopback` admits http and this machine, and only embedded mode may set it.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        resolver: Resolver = resolve,
        ssl_context: ssl.SSLContext | None = None,
        image_cap_bytes: int = IMAGE_CAP_BYTES,
        image_deadline_s: float = IMAGE_DEADLINE_S,
        webhook_deadline_s: float = WEBHOOK_DEADLINE_S,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._resolver = resolver
        self._ssl_context = ssl_context or httpx.create_ssl_context(trust_env=False)
        self._image_cap = image_cap_bytes
        self._image_deadline_s = image_deadline_s
        self._webhook_deadline_s = webhook_deadline_s

    def check(self, url: str) -> None:
        """Raises UrlRefused for a URL that can never be called: the check when a user stores one."""
        check_url(url, allow_loopback=self._allow_loopback)

    async def fetch_image(self, url: str, dest: Path) -> FetchedFile:
        """Write what the URL answers to `dest`; at most three redirects, each checked like the first.

        Raises UrlRefused, UrlUnreachable, UrlTimeout, UrlTooLarge, UrlAnswerUnusable; `dest` is then removed.
        """
        with _removed_on_failure(dest):
            async with _deadline(self._image_deadline_s):
                return await self._fetch(check_url(url, allow_loopback=self._allow_loopback), dest)

    async def post_webhook(self, url: str, body: bytes, headers: Mapping[str, str]) -> DeliveryOutcome:
        """POST and hear the status. No redirect is followed and the answer's body is never read."""
        started = time.monotonic()
        status, error = None, None
        try:
            async with _deadline(self._webhook_deadline_s):
                target = check_url(url, allow_loopback=self._allow_loopback)
                async with self._request("POST", target, content=body, headers=headers) as answer:
                    status = answer.status_code
        except AppError as failure:
            error = failure.code
        return DeliveryOutcome(status, round((time.monotonic() - started) * 1000), error)

    async def _fetch(self, url: httpx.URL, dest: Path) -> FetchedFile:
        headers = {"Accept": "image/*", "Accept-Encoding": "identity"}
        for _hop in range(MAX_REDIRECTS + 1):
            async with self._request("GET", url, headers=headers) as answer:
                if answer.status_code not in _REDIRECTS:
                    return await self._save(answer, dest)
                url = self._next_hop(answer, url)
        raise UrlAnswerUnusable(f"The URL redirects more than {MAX_REDIRECTS} times.")

    def _next_hop(self, answer: httpx.Response, url: httpx.URL) -> httpx.URL:
        try:
            target = url.join(answer.headers.get("location", ""))
        except (httpx.InvalidURL, ValueError) as error:
            raise UrlRefused("The URL redirects to something that is not a URL.") from error
        return check_url(str(target), allow_loopback=self._allow_loopback)

    async def _save(self, answer: httpx.Response, dest: Path) -> FetchedFile:
        if answer.status_code != 200:
            raise UrlAnswerUnusable(f"The URL answers with status {answer.status_code}.")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise UrlAnswerUnusable("The URL answers with a compressed body, which was not asked for.")
        announced = answer.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > self._image_cap:
            raise UrlTooLarge(f"The file is larger than {self._image_cap:,} bytes.")
        size, digest = 0, hashlib.sha256()
        async with await anyio.open_file(dest, "wb") as file:
            async for chunk in answer.aiter_raw(_CHUNK):
                size += len(chunk)
                if size > self._image_cap:
                    raise UrlTooLarge(f"The file is larger than {self._image_cap:,} bytes.")
                digest.update(chunk)
                await file.write(chunk)
        return FetchedFile(dest, size, digest.hexdigest(), str(answer.url))

    @asynccontextmanager
    async def _request(
        self, method: str, url: httpx.URL, *, headers: Mapping[str, str], content: bytes | None = None
    ) -> AsyncIterator[httpx.Response]:
        inner = httpx.AsyncHTTPTransport(
            verify=self._ssl_context, limits=httpx.Limits(max_connections=1, max_keepalive_connections=0)
        )
        transport = GuardedTransport(inner, self._resolver, allow_loopback=self._allow_loopback)
        timeout = httpx.Timeout(None, connect=CONNECT_TIMEOUT_S)  # the rest is under the total deadline
        merged = {"User-Agent": USER_AGENT, **headers}
        try:
            async with (
                httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False) as client,
                client.stream(method, url, content=content, headers=merged) as answer,
            ):
                yield answer
        except httpx.TimeoutException as error:
            raise UrlTimeout("The URL's server did not answer in time.") from error
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            raise UrlUnreachable("The URL's server cannot be reached or broke off.") from error


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@asynccontextmanager
async def _deadline(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise UrlTimeout(f"The URL's server did not finish within {seconds:g} s.") from error
