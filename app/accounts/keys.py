"""API keys: `cut_`, 22 random characters, 6 of checksum; pure."""

import hashlib
import secrets
import string
import zlib

from app.accounts.errors import KeyMalformed

MARK = "cut_"
"""Secret scanners and people know by it what they found."""
PREFIX_LENGTH = len(MARK) + 6
"""Characters that are kept to tell keys apart; the other 16 still hold 95 bits."""

_ALPHABET = string.digits + string.ascii_letters
_RANDOM = 22
"""log2(62^22) = 130.99 bits: nobody guesses it, so a fast hash without salt is enough to store."""
_CHECKSUM = 6
"""62^6 > 2^32, a whole CRC-32: it finds every wrong character and swap of neighbours (bursts ≤ 32 bits)."""


def make() -> str:
    """A new key from the system's random source."""
    body = MARK + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return body + _checksum(body)


def check(key: str) -> None:
    """Without a look-up. Raises KeyMalformed."""
    body, checksum = key[:-_CHECKSUM], key[-_CHECKSUM:]
    whole = len(key) == len(MARK) + _RANDOM + _CHECKSUM and key.startswith(MARK) and key.isascii()
    if not whole or _checksum(body) != checksum:
        raise KeyMalformed("this is not an API key as we write them: is a character missing or mistyped?")


def digest(key: str) -> bytes:
    """What is stored in place of the key: its SHA-256."""
    return hashlib.sha256(key.encode()).digest()


def _checksum(body: str) -> str:
    value = zlib.crc32(body.encode())
    digits = ""
    for _ in range(_CHECKSUM):
        value, digit = divmod(value, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
