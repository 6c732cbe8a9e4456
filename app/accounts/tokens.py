"""Supabase's access tokens: JWTs (RFC 7519) that name a user. Pure: the key to check with comes in.

The key decides the algorithm, never the token (RFC 8725 §3.1): a public key checks ES256 or RS256, the legacy
secret HS256 and nothing else. So `none`, and HS256 with a public key for its secret, find no key at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jwt

from app.accounts.errors import TokenExpired, TokenRefused

ASYMMETRIC = frozenset({"ES256", "RS256"})
SYMMETRIC = "HS256"
LEEWAY_S = 60
"""Clocks may differ by so much."""
MAX_LENGTH = 8192
"""Supabase's are 1 kB; what is longer is not parsed."""
_REQUIRED = ["exp", "iss", "aud", "sub"]


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose tokens count."""

    issuer: str
    audience: str = "authenticated"
    secret: str | None = None
    """Of a legacy project that signs with HS256."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a token says of its signature, not yet believed."""

    algorithm: str
    key_id: str | None


@dataclass(frozen=True, slots=True)
class Identity:
    """What a good token says."""

    user_id: UUID
    email: str | None
    expires_at: datetime


def header(token: str) -> Header:
    """Raises TokenRefused, also for an algorithm that we never accept."""
    try:
        found = jwt.get_unverified_header(token) if len(token) <= MAX_LENGTH else {}
    except jwt.PyJWTError:
        raise _refused("it is not a JWT") from None
    algorithm, key_id = found.get("alg"), found.get("kid")
    if algorithm not in ASYMMETRIC | {SYMMETRIC}:
        raise _refused("it is not signed as it must be")
    return Header(algorithm, key_id if isinstance(key_id, str) else None)


def verify(token: str, key: jwt.PyJWK | str, trust: Trust) -> Identity:
    """`key`: a public key, or the legacy secret as text. Raises TokenExpired, TokenRefused."""
    algorithm = SYMMETRIC if isinstance(key, str) else key.algorithm_name
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=trust.audience,
            issuer=trust.issuer,
            leeway=LEEWAY_S,
            options={"require": _REQUIRED},
        )
        return _identity(claims)
    except jwt.ExpiredSignatureError:
        raise TokenExpired("the access token has expired; sign in again") from None
    except (jwt.InvalidAudienceError, jwt.InvalidIssuerError):
        raise _refused("it was issued for another service") from None
    except jwt.ImmatureSignatureError:
        raise _refused("it is not valid yet; is a clock wrong?") from None
    except (jwt.PyJWTError, ValueError, OverflowError):
        raise _refused("its signature or a claim is wrong") from None


def public_keys(document: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    """The usable keys of a JWK set (RFC 7517) by their ids; others, secrets among them, are passed over."""
    found = {}
    for entry in document.get("keys", ()):
        try:
            key = jwt.PyJWK(entry)
        except (jwt.PyJWTError, TypeError, AttributeError):
            continue
        if key.key_id and key.algorithm_name in ASYMMETRIC and entry.get("use", "sig") == "sig":
            found[key.key_id] = key
    return found


def _identity(claims: Mapping[str, Any]) -> Identity:
    """Raises ValueError where a claim is of the wrong kind."""
    if claims.get("role", "authenticated") != "authenticated":
        raise ValueError("anon and service_role are nobody")
    email = claims.get("email")
    return Identity(
        UUID(str(claims["sub"])),
        email if isinstance(email, str) and email else None,
        datetime.fromtimestamp(int(claims["exp"]), UTC),
    )


def _refused(why: str) -> TokenRefused:
    return TokenRefused(f"the access token is refused: {why}")
