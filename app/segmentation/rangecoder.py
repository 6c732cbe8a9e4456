"""An adaptive binary range coder (Igor Pavlov's of LZMA), one function for both directions.

A context's two probabilities of a 0, in 1/65536, adapt fast and slowly, and their mean is used (as in
VVC, ITU-T H.266, 9.3.4.3.2). `low` and `span` are the coder's interval, or what was read within it:
they travel as arguments and results, which keeps them in registers (8 ns a bit; in an array 65 ns).
`held` is the rest of it, touched once a byte.
"""

# ruff: noqa: PLR0917 - the price of registers, see above

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Held = NDArray[np.int64]
Probabilities = NDArray[np.int64]

FAST: Final = 4
SLOW: Final = 7
WHOLE: Final = 0xFFFFFFFF
"""The first `span`."""
_TOP: Final = 1 << 24
_AT, _CACHE, _PENDING, _STARTED = range(4)


@numba.njit(cache=True)
def contexts(count: int) -> Probabilities:
    return np.full((count, 2), 1 << 15, np.int64)


@numba.njit(cache=True)
def start(buffer: Bytes, reading: bool) -> tuple[int, Held]:
    """(low, held)"""
    held = np.zeros(4, np.int64)
    low = 0
    if reading:
        for _ in range(4):
            low = _pull(low, buffer, held)
    return low, held


@numba.njit(cache=True)
def finish(low: int, buffer: Bytes, held: Held, reading: bool) -> int:
    """Bytes used, or -1 when the buffer is too short; writing, what is still held goes out."""
    if not reading:
        for _ in range(5):
            low = _push(low, buffer, held)
    return -1 if overrun(buffer, held) else int(held[_AT])


@numba.njit(cache=True)
def overrun(buffer: Bytes, held: Held) -> bool:
    """More bytes were asked for, or written, than the buffer has."""
    return bool(held[_AT] > buffer.size)


@numba.njit(cache=True)
def bit(
    low: int,
    span: int,
    value: int,
    context: int,
    probabilities: Probabilities,
    buffer: Bytes,
    held: Held,
    reading: bool,
) -> tuple[int, int, int]:
    """(low, span, bit): one adaptive bit, written or (then `value` is not looked at) read."""
    fast, slow = probabilities[context, 0], probabilities[context, 1]
    bound = (span >> 16) * ((fast + slow) >> 1)
    if reading:
        value = 1 if low >= bound else 0
    if value:
        low += -bound if reading else bound
        span -= bound
        probabilities[context, 0] = fast - (fast >> FAST)
        probabilities[context, 1] = slow - (slow >> SLOW)
    else:
        span = bound
        probabilities[context, 0] = fast + ((65535 - fast) >> FAST)
        probabilities[context, 1] = slow + ((65535 - slow) >> SLOW)
    while span < _TOP:
        span = (span << 8) & WHOLE
        low = _pull(low, buffer, held) if reading else _push(low, buffer, held)
    return low, span, value


@numba.njit(cache=True)
def bits(
    low: int, span: int, value: int, count: int, buffer: Bytes, held: Held, reading: bool
) -> tuple[int, int, int]:
    """(low, span, bits): the lowest `count` bits of `value`, each of probability 1/2, highest first."""
    found = 0
    for position in range(count - 1, -1, -1):
        span >>= 1
        one = (value >> position) & 1
        if reading:
            one = 1 if low >= span else 0
        if one:
            low += -span if reading else span
        found = (found << 1) | one
        if span < _TOP:
            span = (span << 8) & WHOLE
            low = _pull(low, buffer, held) if reading else _push(low, buffer, held)
    return low, span, found


@numba.njit(cache=True)
def _pull(low: int, buffer: Bytes, held: Held) -> int:
    at = held[_AT]
    held[_AT] = at + 1
    return ((low << 8) | (buffer[at] if at < buffer.size else 0)) & WHOLE


@numba.njit(cache=True)
def _push(low: int, buffer: Bytes, held: Held) -> int:
    """The top byte of `low` goes out once no later carry can change it."""
    if low < 0xFF000000 or low > WHOLE:
        carry = low >> 32
        if held[_STARTED]:
            _put(buffer, held, held[_CACHE] + carry)
        while held[_PENDING]:
            _put(buffer, held, 0xFF + carry)
            held[_PENDING] -= 1
        held[_CACHE], held[_STARTED] = (low >> 24) & 0xFF, 1
    else:
        held[_PENDING] += 1
    return (low << 8) & WHOLE


@numba.njit(cache=True)
def _put(buffer: Bytes, held: Held, byte: int) -> None:
    if held[_AT] < buffer.size:
        buffer[held[_AT]] = byte & 0xFF
    held[_AT] += 1
