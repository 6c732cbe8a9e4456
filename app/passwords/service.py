"""Signing in by e-mail and password, where no Supabase does it."""

import asyncio
import hashlib
import math
import os
import secrets
from uuid import UUID

import uuid_utils
from psycopg.errors import UniqueViolation

from app.db.pool import Pool, connection, transaction
from app.passwords import hashing, repository
from app.passwords.errors import (
    EmailTaken,
    InvalidCredentials,
    RefreshTokenUnknown,
    RefreshTokenUsed,
    TooManyAttempts,
    WeakPassword,
)
from app.passwords.signing import Signer
from app.passwords.types import (
    MAX_PASSWORD,
    MIN_PASSWORD,
    REUSE_S,
    SIGN_IN_LIFETIME_S,
    Granted,
    SignedIn,
)
from app.queue.buckets import LocalBuckets, Take

ATTEMPTS, WINDOW_S = 10, 300.0
"""For one address: 2,880 guesses a day, against passwords of twelve characters."""


class Passwords:
    def __init__(self, pool: Pool, signer: Signer) -> None:
        self._pool = pool
        self._signer = signer
        self._attempts = LocalBuckets()
        self._hashing = asyncio.Semaphore(os.cpu_count() or 1)

    async def sign_in(self, email: str, password: str) -> Granted:
        """Raises InvalidCredentials, TooManyAttempts."""
        await self._attempt(email)
        async with connection(self._pool) as conn:
            row = await repository.by_email(conn, email)
        async with self._hashing:
            right = await asyncio.to_thread(hashing.matches, password, row["hash"] if row else None)
        if row is None or not right:
            raise InvalidCredentials("the e-mail address or the password is wrong")
        sign_in_id, refresh = UUID(bytes=uuid_utils.uuid7().bytes), _new_token()
        values = {"id": sign_in_id, "user_id": row["user_id"], "sha256": _sha256(refresh)}
        async with transaction(self._pool) as conn:
            await repository.begin(conn, {**values, "lifetime_s": SIGN_IN_LIFETIME_S})
        return self._granted(row["user_id"], row["email"], sign_in_id, refresh)

    async def refresh(self, token: str) -> Granted:
        """New tokens for the old. Raises RefreshTokenUnknown, RefreshTokenUsed."""
        following = _new_token()
        values = {
            "sha256": _sha256(token),
            "next_sha256": _sha256(following),
            "lifetime_s": SIGN_IN_LIFETIME_S,
            "reuse_s": REUSE_S,
        }
        async with connection(self._pool) as conn:
            row = await repository.renew(conn, values)
            if row is None and await repository.end_reused(conn, _sha256(token)):
                raise RefreshTokenUsed("the refresh token was used before; sign in again")
        if row is None:
            raise RefreshTokenUnknown("the sign-in has ended; sign in again")
        return self._granted(row["user_id"], row["email"], row["id"], following)

    def read(self, token: str) -> SignedIn:
        """Raises BadToken."""
        return self._signer.read(token)

    async def end(self, signed_in: SignedIn, *, everywhere: bool) -> None:
        """Again is no error: the other tab was first. Access tokens last until they expire."""
        async with connection(self._pool) as conn:
            await repository.end(conn, signed_in.user_id, None if everywhere else signed_in.sign_in_id)

    async def _attempt(self, email: str) -> None:
        taken = await self._attempts.take([Take(_sha256(email.lower()).hex(), ATTEMPTS, WINDOW_S, 1)])
        if taken.wait_s > 0:
            wait = math.ceil(taken.wait_s)
            raise TooManyAttempts("too many attempts for this address; wait a moment", retry_after=wait)

    def _granted(self, user_id: UUID, email: str, sign_in_id: UUID, refresh: str) -> Granted:
        access, expires_at = self._signer.token(user_id, email, sign_in_id)
        return Granted(user_id, email, access, refresh, expires_at)


async def set_password(pool: Pool, user_id: UUID, email: str, password: str) -> None:
    """By which the user signs in from now on; every sign-in ends. Raises WeakPassword, EmailTaken."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise WeakPassword(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    stored = await asyncio.to_thread(hashing.hashed, password)
    try:
        async with transaction(pool) as conn:
            await repository.set_password(conn, user_id, email, stored)
            await repository.end(conn, user_id, None)
    except UniqueViolation:
        raise EmailTaken(f"another user signs in by {email}") from None


def _new_token() -> str:
    return secrets.token_urlsafe(24)


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
