"""An adaptive binary range coder (Igor Pavlov's of LZMA).

A context's two probabilities of a 0, in 1/65536, adapt fast and slowly, and their mean is used (as in
VVC, ITU-T H.266, 9.3.4.3.2). Bits are as good as random, so nothing branches on them: masks do, 4 ns a
bit where branches take 40. The writer is given its bits in one list; the reader must be asked for one
after the other, and its state (low, span, at) travels as arguments and results, which keeps it in registers.
"""

# ruff: noqa: PLR0917 - the price of registers, see above

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Decisions = NDArray[np.uint16]
"""2 · context + bit each; RAW + bit where the bit has the probability 1/2."""
Probabilities = NDArray[np.int32]
Writer = NDArray[np.int64]

RAW: Final = 0xFFFE
WHOLE: Final = 0xFFFFFFFF
"""The first `span`."""
MOST_BYTES: Final = 2
"""Of one decision."""
_FAST: Final = 4
_SLOW: Final = 7
_TOP: Final = 1 << 24
_LOW, _SPAN, _AT, _CACHE, _PENDING, _STARTED = range(6)


@numba.njit(cache=True)
def contexts(count: int) -> Probabilities:
    """[fast and slow of context 0, of context 1, …]"""
    return np.full(2 * count, 1 << 15, np.int32)


@numba.njit(cache=True)
def writer() -> Writer:
    state = np.zeros(6, np.int64)
    state[_SPAN] = WHOLE
    return state


@numba.njit(cache=True)
def room(state: Writer, decisions: int) -> int:
    """How large a buffer has to be for so many decisions more and the end."""
    return int(state[_AT] + state[_PENDING] + MOST_BYTES * decisions + 8)


@numba.njit(cache=True)
def write(decisions: Decisions, odds: Probabilities, state: Writer, buffer: Bytes) -> None:
    """`buffer` has `room` for them."""
    low, span = int(state[_LOW]), int(state[_SPAN])
    for decision in decisions:
        mask = -int(decision & 1)
        if decision < RAW:
            bound = _bound(span, odds, decision >> 1)
            low += bound & mask
            span = bound + ((span - 2 * bound) & mask)
            _adapt(odds, decision >> 1, mask)
        else:
            span >>= 1
            low += span & mask
        while span < _TOP:
            span <<= 8
            low = _push(low, state, buffer)
    state[_LOW], state[_SPAN] = low, span


@numba.njit(cache=True)
def finish(state: Writer, buffer: Bytes) -> int:
    """Bytes written."""
    low = int(state[_LOW])
    for _ in range(5):
        low = _push(low, state, buffer)
    return int(state[_AT])


@numba.njit(cache=True)
def start(buffer: Bytes) -> tuple[int, int, int]:
    """(low, span, at) of a reader."""
    low = 0
    at = 0
    for _ in range(4):
        low, at = _pull(low, at, buffer)
    return low, WHOLE, at


@numba.njit(cache=True, forceinline=True)
def read(
    low: int, span: int, at: int, context: int, odds: Probabilities, buffer: Bytes
) -> tuple[int, int, int, int]:
    """(low, span, at, bit). More was read than there is when `at` has passed the buffer's end."""
    bound = _bound(span, odds, context)
    mask = -int(low >= bound)
    low -= bound & mask
    span = bound + ((span - 2 * bound) & mask)
    _adapt(odds, context, mask)
    while span < _TOP:
        span <<= 8
        low, at = _pull(low, at, buffer)
    return low, span, at, -mask


@numba.njit(cache=True, forceinline=True)
def read_raw(low: int, span: int, at: int, count: int, buffer: Bytes) -> tuple[int, int, int, int]:
    """(low, span, at, number of `count` bits, the highest first)."""
    found = 0
    for _ in range(count):
        span >>= 1
        mask = -int(low >= span)
        low -= span & mask
        found = (found << 1) - mask
        if span < _TOP:
            span <<= 8
            low, at = _pull(low, at, buffer)
    return low, span, at, found


@numba.njit(cache=True, forceinline=True)
def _bound(span: int, odds: Probabilities, context: int) -> int:
    return (span >> 16) * ((int(odds[2 * context]) + int(odds[2 * context + 1])) >> 1)


@numba.njit(cache=True, forceinline=True)
def _adapt(odds: Probabilities, context: int, mask: int) -> None:
    """Towards a 1 where `mask` is -1, a 0 where it is 0."""
    fast, slow = int(odds[2 * context]), int(odds[2 * context + 1])
    odds[2 * context] = fast + (((65535 - fast) >> _FAST) & ~mask) - ((fast >> _FAST) & mask)
    odds[2 * context + 1] = slow + (((65535 - slow) >> _SLOW) & ~mask) - ((slow >> _SLOW) & mask)


@numba.njit(cache=True, forceinline=True)
def _pull(low: int, at: int, buffer: Bytes) -> tuple[int, int]:
    """Zeros follow the end."""
    byte = int(buffer[at]) if at < buffer.size else 0
    return (low << 8) | byte, at + 1


@numba.njit(cache=True)
def _push(low: int, state: Writer, buffer: Bytes) -> int:
    """The top byte of `low` goes out once no later carry can change it."""
    if low < 0xFF000000 or low > WHOLE:
        carry = low >> 32
        if state[_STARTED]:
            _put(buffer, state, int(state[_CACHE]) + carry)
        while state[_PENDING]:
            _put(buffer, state, 0xFF + carry)
            state[_PENDING] -= 1
        state[_CACHE], state[_STARTED] = (low >> 24) & 0xFF, 1
    else:
        state[_PENDING] += 1
    return (low << 8) & WHOLE


@numba.njit(cache=True, forceinline=True)
def _put(buffer: Bytes, state: Writer, byte: int) -> None:
    buffer[state[_AT]] = byte & 0xFF
    state[_AT] += 1
