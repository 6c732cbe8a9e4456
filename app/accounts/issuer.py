"""Whose signature a token bears: the issuer's public keys, fetched seldom and never twice at once."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import httpx
import jwt
import structlog

from app.accounts.errors import SignInUnavailable, TokenRefused
from app.accounts.tokens import SYMMETRIC, Identity, Trust, header, public_keys, verify

FRESH_S = 600.0
"""Supabase's edge itself keeps the set for 10 minutes (its documentation of signing keys)."""
COOLDOWN_S = 30.0
"""Whatever happens, down or a storm of unknown key ids: one fetch in so many seconds."""
TIMEOUT_S = 3.0
_MAX_BYTES = 1 << 18

_log = structlog.get_logger(__name__)

Fetch: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]


class PublicKeys:
    """Known keys answer at once, however old: a refresh runs beside them. Unknown ones wait for a fetch."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._loaded_at: float | None = None
        self._tried_at: float | None = None
        self._refresh: asyncio.Task[None] | None = None

    async def find(self, key_id: str) -> jwt.PyJWK:
        """Raises TokenRefused, SignInUnavailable when no set was ever loaded."""
        if key_id not in self._keys:
            if refresh := self._refreshing():
                await asyncio.shield(refresh)
        elif self._loaded_at is not None and self._clock() - self._loaded_at > FRESH_S:
            self._refreshing()
        if self._loaded_at is None:
            raise SignInUnavailable("who signs access tokens cannot be reached; try again in a moment")
        try:
            return self._keys[key_id]
        except KeyError:
            raise TokenRefused("the access token is refused: its signer is unknown") from None

    async def close(self) -> None:
        if self._refresh is not None:
            self._refresh.cancel()
            await asyncio.gather(self._refresh, return_exceptions=True)

    def _refreshing(self) -> asyncio.Task[None] | None:
        """The fetch under way, or a new one where the last is long enough ago."""
        if self._refresh is not None and not self._refresh.done():
            return self._refresh
        if self._tried_at is not None and self._clock() - self._tried_at < COOLDOWN_S:
            return None
        self._tried_at = self._clock()
        self._refresh = asyncio.create_task(self._load())
        return self._refresh

    async def _load(self) -> None:
        try:
            self._keys = public_keys(await self._fetch())
        except (httpx.HTTPError, TimeoutError, ValueError, AttributeError, TypeError) as error:
            _log.warning("signing keys not loaded", error=type(error).__name__, kept=len(self._keys))
        else:
            self._loaded_at = self._clock()


class Issuer:
    """Checks tokens: by the public keys, or by the secret where one is set."""

    def __init__(self, trust: Trust, keys: PublicKeys) -> None:
        self._trust = trust
        self._keys = keys

    async def identify(self, token: str) -> Identity:
        """Raises TokenRefused, TokenExpired, SignInUnavailable."""
        said = header(token)
        if said.algorithm == SYMMETRIC:
            if self._trust.secret is None:
                raise TokenRefused("the access token is refused: it is not signed as it must be")
            return verify(token, self._trust.secret, self._trust)
        if said.key_id is None:
            raise TokenRefused("the access token is refused: it does not name its key")
        key = await self._keys.find(said.key_id)
        if key.algorithm_name != said.algorithm:
            raise TokenRefused("the access token is refused: its key signs otherwise")
        return verify(token, key, self._trust)


@contextlib.asynccontextmanager
async def supabase(url: str, secret: str | None) -> AsyncIterator[Issuer]:
    """The issuer of the Supabase project, or of a server that speaks like one, at `url`."""
    issuer = f"{url.rstrip('/')}/auth/v1"
    async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
        keys = PublicKeys(lambda: _fetch(client, f"{issuer}/.well-known/jwks.json"))
        try:
            yield Issuer(Trust(issuer, secret=secret), keys)
        finally:
            await keys.close()


async def _fetch(client: httpx.AsyncClient, url: str) -> Mapping[str, Any]:
    """Raises httpx.HTTPError, TimeoutError, ValueError."""
    async with asyncio.timeout(TIMEOUT_S), client.stream("GET", url) as answer:
        answer.raise_for_status()
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > _MAX_BYTES:
                raise ValueError("a JWK set is not so large")
    document: Mapping[str, Any] = json.loads(body)
    return document
