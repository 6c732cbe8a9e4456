"""Passwords as they are stored: scrypt (RFC 7914), its parameters beside the hash; pure."""

import base64
import hashlib
import hmac
import secrets

_LOG_N, _R, _P = 15, 8, 3
"""32 MB and 0.26 s of one core: OWASP's Password Storage Cheat Sheet, the least memory of its equals."""
_MAX_BYTES = 1 << 26
"""What OpenSSL may take, twice what it needs."""


def hashed(password: str) -> str:
    """`scrypt$15$8$3$salt$hash`."""
    salt = secrets.token_bytes(16)
    return "$".join(["scrypt", str(_LOG_N), str(_R), str(_P), _text(salt), _text(_scrypt(password, salt))])


def matches(password: str, stored: str | None) -> bool:
    """In a time that tells nothing: neither how much is right, nor whether anything is stored."""
    if stored is None:
        _scrypt(password, b"nobody's, as long")
        return False
    _, log_n, r, p, salt, value = stored.split("$")
    found = _scrypt(password, base64.b64decode(salt), int(log_n), int(r), int(p))
    return hmac.compare_digest(found, base64.b64decode(value))


def _scrypt(password: str, salt: bytes, log_n: int = _LOG_N, r: int = _R, p: int = _P) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << log_n, r=r, p=p, maxmem=_MAX_BYTES, dklen=32)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
