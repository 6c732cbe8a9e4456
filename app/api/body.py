"""A request's body as it comes in: not for ever, not in too many at once, and whole."""

import asyncio
import base64
import binascii
import hashlib
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request

from app.api.errors import BodyTooSlow, DigestMismatch, TooManyUploads

SILENCE_S = 30.0
"""A client that sends nothing for so long has gone without saying so, or holds a slot on purpose."""
HEAD_START_S = 60.0
SLOWEST = 20_000
"""Bytes a second, after the head start: who drips holds a slot on purpose as well. 50 MB take 41 minutes."""
PATIENCE_S = 20.0
"""For a slot: below the 30 s after which clients give up, above what a burst of small photos takes."""
_ALGORITHMS = {"sha-256": "sha256", "sha-512": "sha512"}
"""Those of RFC 9530 §5 that are safe; others are passed over, as it says."""
_DIGEST = re.compile(r"\s*([a-z0-9-]+)\s*=\s*:([A-Za-z0-9+/=]*):\s*")


async def incoming(request: Request[Any]) -> AsyncGenerator[bytes, None]:
    """The chunks. Raises BodyTooSlow; after the last one DigestMismatch where `Content-Digest` says so."""
    wanted = _digests(request.headers)
    running = [hashlib.new(_ALGORITHMS[name]) for name, _ in wanted]
    begun, size = time.monotonic(), 0
    async with aclosing(request.stream()) as chunks:
        while chunk := await _next(chunks, begun + HEAD_START_S + size / SLOWEST - time.monotonic()):
            size += len(chunk)
            for digest in running:
                digest.update(chunk)
            yield chunk
    for (name, value), digest in zip(wanted, running, strict=True):
        if digest.digest() != value:
            raise DigestMismatch(f"the body that came in is not the one of Content-Digest ({name})")


class Slots:
    """How many uploads this process holds on its disk at once; the next ones wait, their bodies unread."""

    def __init__(self, limit: int) -> None:
        self._free = asyncio.Semaphore(limit)

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Raises TooManyUploads where none becomes free in time."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._free.acquire()
        except TimeoutError:
            raise TooManyUploads("too many uploads are under way; try again in a moment") from None
        try:
            yield
        finally:
            self._free.release()


async def _next(chunks: AsyncGenerator[bytes, None], left_s: float) -> bytes:
    """Empty at the end: Starlette's stream closes with an empty chunk. Raises BodyTooSlow."""
    try:
        async with asyncio.timeout(min(SILENCE_S, left_s)):
            return await anext(chunks, b"")
    except TimeoutError:
        if left_s < SILENCE_S:
            raise BodyTooSlow(f"the body comes slower than {SLOWEST:,} bytes a second") from None
        raise BodyTooSlow(f"nothing of the body came for {SILENCE_S:.0f} s") from None


def _digests(headers: Headers) -> list[tuple[str, bytes]]:
    """(algorithm, value) of each that we know. Raises DigestMismatch where a value cannot be one."""
    found = []
    for part in ",".join(headers.getlist("content-digest")).split(","):
        match = _DIGEST.fullmatch(part)
        if match and match[1] in _ALGORITHMS:
            try:
                found.append((match[1], base64.b64decode(match[2], validate=True)))
            except binascii.Error:
                raise DigestMismatch("Content-Digest is not Base64") from None
    return found
