"""ClippingMagic's HTTP API, version 1: upload an image, fetch its result (https://clippingmagic.com/api/serverApi).

The host is ours to choose, in CLIPPINGMAGIC_URL, so this is no call of a user's URL; what is shared with
app.net is the rest: bounded in time and bytes, no proxies and no environment, messages without addresses.
"""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from app.engines.errors import (
    LegacyBusy,
    LegacyDenied,
    LegacyImageRefused,
    LegacyResultGone,
    LegacyResultNotReady,
    LegacyUnavailable,
    LegacyUnpaid,
)
from app.errors import AppError

BACKOFF_S = (5.0, 10.0, 15.0)
"""After the first, second and third 429 in a row, as its documentation asks."""
TIMEOUT = httpx.Timeout(60.0, connect=5.0)
"""Of silence; a 50 MB upload may take longer in all."""
RESULT_DEADLINE_S = 120.0
RESULT_CAP_BYTES = 400_000_000
"""A PNG of the largest image that we take."""
_CHUNK = 256 * 1024

Wait = Callable[[float], None]
"""Sleeps so many seconds; may raise to give up."""


@dataclass(frozen=True, slots=True)
class Account:
    url: str
    id: str
    secret: str = field(repr=False)
    test: bool = False
    """Uploads are tests: not billed, and watermarked."""

    @property
    def origin(self) -> str:
        """Where the script and the popup come from."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def script(self) -> str:
        return f"{self.url.rstrip('/')}/ClippingMagic.js"


@dataclass(frozen=True, slots=True)
class Uploaded:
    id: int
    secret: str = field(repr=False)
    """Lets a browser edit this one image."""


class ClippingMagicApi:
    """Thread-safe; every call blocks. Raises the Legacy… errors of app.engines.errors."""

    def __init__(
        self, account: Account, *, timeout: httpx.Timeout = TIMEOUT, deadline_s: float = RESULT_DEADLINE_S
    ) -> None:
        self.account = account
        self._deadline_s = deadline_s
        self._client = httpx.Client(
            auth=httpx.BasicAuth(account.id, account.secret),  # httpx sends it to no other host
            headers={"User-Agent": "Cutout/1"},
            timeout=timeout,
            follow_redirects=True,  # results may lie elsewhere
            trust_env=False,
            verify=_tls(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.close()

    def upload(self, path: Path, content_type: str, wait: Wait = time.sleep) -> Uploaded:
        """Streamed from the file. The file's own name stays here: people's names stand in those."""
        data = {"test": "true"} if self.account.test else {}
        while_busy = _busy(wait)
        while True:
            with path.open("rb") as file, _network():
                files = {"image": (f"image{path.suffix}", file, content_type)}
                answer = self._client.post(self._url("images"), data=data, files=files)
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                break
            next(while_busy)
        if not answer.is_success:
            raise _error(answer)
        return _uploaded(answer)

    def result(self, image_id: int, out: Path, wait: Wait = time.sleep) -> None:
        """Write the newest result of an image to `out`; this is what is billed, once for an image."""
        while_busy = _busy(wait)
        while True:
            with _network(), self._client.stream("GET", self._url(f"images/{image_id}")) as answer:
                if answer.is_success:
                    self._save(answer, out)
                    return
                answer.read()
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                raise _error(answer)
            next(while_busy)

    def _save(self, answer: httpx.Response, out: Path) -> None:
        if answer.status_code == httpx.codes.NO_CONTENT:
            raise LegacyResultNotReady("ClippingMagic has no result of this image yet")
        if not answer.headers.get("content-type", "").startswith("image/"):
            raise LegacyUnavailable("ClippingMagic answered with something that is no image")
        size, until = 0, time.monotonic() + self._deadline_s
        with out.open("wb") as file:
            for chunk in answer.iter_bytes(_CHUNK):
                size += len(chunk)
                if size > RESULT_CAP_BYTES or time.monotonic() > until:
                    raise LegacyUnavailable("ClippingMagic's result is too large or comes too slowly")
                file.write(chunk)

    def _url(self, path: str) -> str:
        return f"{self.account.url.rstrip('/')}/{path}"


@cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


def _busy(wait: Wait) -> Iterator[None]:
    """Each step is one wait; the one after the last raises LegacyBusy."""
    for seconds in BACKOFF_S:
        wait(seconds)
        yield
    raise LegacyBusy("ClippingMagic takes no more requests at the moment")


@contextmanager
def _network() -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException as error:
        raise LegacyUnavailable("ClippingMagic did not answer in time") from error
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise LegacyUnavailable("ClippingMagic cannot be reached or broke off") from error


def _uploaded(answer: httpx.Response) -> Uploaded:
    """`{"image": {"id", "secret"}}`."""
    try:
        image: Any = answer.json()["image"]
        return Uploaded(int(image["id"]), str(image["secret"]))
    except (ValueError, KeyError, TypeError) as error:
        raise LegacyUnavailable("ClippingMagic's answer to the upload cannot be read") from error


def _error(answer: httpx.Response) -> AppError:
    """Of `{"error": {"status", "code", "message"}}`; where that is missing it is no verdict on the image."""
    try:
        told: Any = answer.json()["error"]
        said, code = str(told["message"]).strip()[:200], told.get("code")
    except (ValueError, KeyError, TypeError, AttributeError):
        said, code = "", None
    match answer.status_code:
        case 401 | 403:
            return LegacyDenied("ClippingMagic refuses our credentials")
        case 402:
            return LegacyUnpaid("our account at ClippingMagic has no credits left")
        case 404 | 410 if said:
            return LegacyResultGone("ClippingMagic keeps this image no longer; upload it again")
        case 409 if said:
            return LegacyResultNotReady("ClippingMagic has no result of this image yet")
        case 400 | 413 | 415 | 422 if said:
            return LegacyImageRefused(f"ClippingMagic refuses the image: {said}", legacy_code=code)
    return LegacyUnavailable(f"ClippingMagic answered with status {answer.status_code}")
