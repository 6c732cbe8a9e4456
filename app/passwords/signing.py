"""The issuer's key pair and what it signs: ES256 access tokens with the claims of Supabase Auth."""

import json
import os
import time
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm
from jwt.utils import base64url_encode

from app.passwords.errors import BadToken, KeyUnusable
from app.passwords.types import TOKEN_LIFETIME_S, SignedIn

_ALGORITHM = "ES256"
_AUDIENCE = "authenticated"


class Signer:
    """`issuer` is its URL, as `https://…/auth/v1`."""

    def __init__(self, issuer: str, key: ec.EllipticCurvePrivateKey) -> None:
        self._issuer = issuer
        self._key = key
        public = json.loads(ECAlgorithm.to_jwk(key.public_key()))
        self._jwk = {**public, "kid": _thumbprint(public), "use": "sig", "alg": _ALGORITHM}

    def jwks(self) -> dict[str, Any]:
        """The JWK set (RFC 7517) by which others check what is signed here."""
        return {"keys": [self._jwk]}

    def token(self, user_id: UUID, email: str, sign_in_id: UUID) -> tuple[str, int]:
        """An access token, and when it expires, in seconds since 1970."""
        now = int(time.time())
        expires_at = now + TOKEN_LIFETIME_S
        claims = {
            "iss": self._issuer,
            "aud": _AUDIENCE,
            "sub": str(user_id),
            "role": _AUDIENCE,
            "email": email,
            "session_id": str(sign_in_id),
            "iat": now,
            "exp": expires_at,
        }
        return jwt.encode(claims, self._key, _ALGORITHM, {"kid": self._jwk["kid"]}), expires_at

    def read(self, token: str) -> SignedIn:
        """Raises BadToken."""
        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                issuer=self._issuer,
                options={"require": ["exp", "sub", "session_id"]},
            )
            return SignedIn(UUID(claims["sub"]), UUID(claims["session_id"]))
        except (jwt.PyJWTError, ValueError):
            raise BadToken("the access token is not ours, or has expired") from None


def kept_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The key of the file, made there at the first start. Raises KeyUnusable."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, ec.generate_private_key(ec.SECP256R1()))
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except ValueError:
        key = None
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise KeyUnusable(f"{path.name} in CUTOUT_DATA_DIR/issuer is no P-256 key; move it away for a new one")


def _write(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Whole or not at all, readable by its owner alone; of two processes the first one's stays."""
    own = path.with_name(f"{path.name}.{os.getpid()}")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    try:
        path.hardlink_to(own)
    except FileExistsError:
        pass
    finally:
        own.unlink()


def _thumbprint(jwk: dict[str, Any]) -> str:
    """RFC 7638: the key's name follows from the key."""
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return base64url_encode(sha256(text.encode()).digest()).decode()
