"""Lossless coding of quantised planes: an adaptive range coder whose contexts are the neighbours.

Each value is predicted from its four causal neighbours in its plane; what is left is coded as zero?,
sign and magnitude. The context says how large it will probably be: by the neighbours' leftovers, those
at the same place in the two planes before, and what is usual for the plane (in the manner of Wu and
Memon's CALIC, IEEE Trans. Communications 45(4), 1997). Everything is whole numbers below 2^31, so that
Python and JavaScript agree to the bit. docs/codec.md gives the format.

The writer lists its decisions and has them coded a plane at a time, which is three times as fast as to
code each where it arises; the reader cannot. What both predict from is one function.
"""

# ruff: noqa: PLR0917 - compiled functions that keep the coder in registers, see rangecoder.py

from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from app.segmentation.errors import EmbeddingUnreadable
from app.segmentation.rangecoder import (
    RAW,
    Bytes,
    Decisions,
    Probabilities,
    contexts,
    finish,
    read,
    read_raw,
    room,
    start,
    write,
    writer,
)

Planes = NDArray[np.int32]
"""[K, h, w]"""

LEVELS: Final = 20
UNARY: Final = 14
_ZERO: Final = 0
_MAGNITUDE: Final = _ZERO + LEVELS * 3
_SIGN: Final = _MAGNITUDE + LEVELS * UNARY
_USED: Final = _SIGN + 16
_CONTEXTS: Final = _USED + 2
_ACTIVITY: Final = 4096
_LARGEST: Final = 1023  # leftovers beyond are alike
_THIRD: Final = 42  # of the 128 that half a step has
_LONGEST: Final = 24  # bits of an escape
_MOST: Final = 2 + UNARY + 2 * _LONGEST + 6  # decisions of a value


@dataclass(frozen=True, slots=True)
class PlaneModel:
    """What is known of K planes beforehand."""

    predictor: NDArray[np.int32]
    """[K, 4] weights of left, up, up-left, up-right in 1/256."""
    spread: NDArray[np.int32]
    """[K] usual size of what the predictor leaves, in 1/16, at least 1."""


def _levels() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """By activity (expected size in 1/16): the context level, two an octave; how many low bits are raw."""
    activity = np.arange(_ACTIVITY)
    octave = np.floor(np.log2(np.maximum(activity, 8) / 8)).astype(int)
    level = np.where(activity < 8, activity >> 1, 4 + 2 * octave + ((activity >> (octave + 2)) & 1))
    raw = np.maximum(0, np.ceil(np.log2((activity + 1) / 65)).astype(int))
    return np.minimum(level, LEVELS - 1).astype(np.uint8), raw.astype(np.uint8)


_LEVEL, _RAW = _levels()


def encode(planes: Planes, model: PlaneModel) -> bytes:
    """The planes as bytes."""
    whole = np.ascontiguousarray(planes, np.int32)
    size = 64 + 2 * whole.size
    while True:
        buffer = np.empty(size, np.uint8)
        used = _write_all(whole, model.predictor, model.spread, buffer)
        if used >= 0:
            return buffer[:used].tobytes()
        size *= 2


def decode(data: bytes | memoryview, shape: tuple[int, int, int], model: PlaneModel) -> Planes:
    """Inverse of `encode`. Raises EmbeddingUnreadable when the data end too early."""
    planes = np.zeros(shape, np.int32)
    if not _read_all(planes, model.predictor, model.spread, np.frombuffer(data, np.uint8).copy()):
        raise EmbeddingUnreadable("the stored embedding is truncated")
    return planes


@numba.njit(cache=True)
def _write_all(planes: Planes, predictor: NDArray[np.int32], spread: NDArray[np.int32], buffer: Bytes) -> int:
    """Bytes used, or -1 when the buffer is too short."""
    count, height, width = planes.shape
    flat = planes.reshape(count, height * width)
    errors = np.zeros((count + 2, height * width), np.int32)  # of plane k in row k + 2
    odds, state = contexts(_CONTEXTS), writer()
    decisions = np.empty(1 + height * width * _MOST, np.uint16)
    for k in range(count):
        used = np.any(flat[k])
        decisions[0] = 2 * (_USED + (1 if k else 0)) + used
        listed = 1
        if used:
            plane = flat[k], width, errors[k : k + 3], _ratio(spread, k), predictor[k], spread[k]
            listed = _write_plane(*plane, decisions)
        if room(state, listed) > buffer.size:
            return -1
        write(decisions[:listed], odds, state, buffer)
    return finish(state, buffer)


@numba.njit(cache=True)
def _read_all(planes: Planes, predictor: NDArray[np.int32], spread: NDArray[np.int32], buffer: Bytes) -> bool:
    """Whether there were enough bytes."""
    count, height, width = planes.shape
    flat = planes.reshape(count, height * width)
    errors = np.zeros((count + 2, height * width), np.int32)  # of plane k in row k + 2
    odds = contexts(_CONTEXTS)
    low, span, at = start(buffer)
    for k in range(count):
        low, span, at, used = read(low, span, at, _USED + (1 if k else 0), odds, buffer)
        if used:
            plane = flat[k], width, errors[k : k + 3], _ratio(spread, k), predictor[k], spread[k]
            low, span, at = _read_plane(low, span, at, *plane, odds, buffer)
        if at > buffer.size:
            return False
    return True


@numba.njit(cache=True)
def _ratio(spread: NDArray[np.int32], k: int) -> int:
    """Of the plane's usual leftover to that of the two before, in 1/256."""
    before = max(spread[max(k - 2, 0) : k].sum(), 1)
    return min((spread[k] << 8) // before, 1 << 12) if k else 0


@numba.njit(cache=True)
def _write_plane(
    plane: NDArray[np.int32],
    width: int,
    errors: NDArray[np.int32],
    ratio: int,
    weights: NDArray[np.int32],
    usual: int,
    decisions: Decisions,
) -> int:
    """How far `decisions` are filled, from 1 on. `errors`: of the two planes before, and this one's: set."""
    x, at = 0, 1
    for i in range(plane.size):
        guess, activity = _expected(plane, errors, weights, usual, ratio, i, x, width)
        rounded = (guess + 128) >> 8
        value = plane[i] - rounded
        at = _list_value(value, guess - (rounded << 8), activity, decisions, at)
        errors[2, i] = min(abs(value), _LARGEST)
        x = 0 if x + 1 == width else x + 1
    return at


@numba.njit(cache=True)
def _read_plane(
    low: int,
    span: int,
    at: int,
    plane: NDArray[np.int32],
    width: int,
    errors: NDArray[np.int32],
    ratio: int,
    weights: NDArray[np.int32],
    usual: int,
    odds: Probabilities,
    buffer: Bytes,
) -> tuple[int, int, int]:
    x = 0
    for i in range(plane.size):
        guess, activity = _expected(plane, errors, weights, usual, ratio, i, x, width)
        rounded = (guess + 128) >> 8
        low, span, at, value = _read_value(low, span, at, guess - (rounded << 8), activity, odds, buffer)
        errors[2, i] = min(abs(value), _LARGEST)
        plane[i] = rounded + value
        x = 0 if x + 1 == width else x + 1
    return low, span, at


@numba.njit(cache=True, forceinline=True)
def _expected(
    plane: NDArray[np.int32],
    errors: NDArray[np.int32],
    weights: NDArray[np.int32],
    usual: int,
    ratio: int,
    i: int,
    x: int,
    width: int,
) -> tuple[int, int]:
    """(prediction in 1/256, activity: the leftover's expected size in 1/16)"""
    second, first, own = errors[0], errors[1], errors[2]
    guess, around = _from_neighbours(plane, own, weights, usual, i, x, width)
    below = min((16 * (first[i] + second[i]) * ratio) >> 8, 16383)
    return guess, min(((6 * usual + 64 * around + 12 * below) * 1561) >> 16, _ACTIVITY - 1)


@numba.njit(cache=True, forceinline=True)
def _from_neighbours(
    plane: NDArray[np.int32],
    errors: NDArray[np.int32],
    weights: NDArray[np.int32],
    usual: int,
    i: int,
    x: int,
    width: int,
) -> tuple[int, int]:
    """(prediction in 1/256, six times the neighbours' mean leftover); outside repeats the nearest inside."""
    if i == 0:
        return 0, (6 * usual) >> 4
    if i < width:
        return weights.sum() * plane[i - 1], 6 * errors[i - 1]
    up = i - width
    left, corner = (i - 1, up - 1) if x else (up, up)
    right = up + 1 if x + 1 < width else up
    guess = (
        weights[0] * plane[left]
        + weights[1] * plane[up]
        + weights[2] * plane[corner]
        + weights[3] * plane[right]
    )
    return guess, 2 * errors[left] + 2 * errors[up] + errors[corner] + errors[right]


@numba.njit(cache=True, forceinline=True)
def _list_value(value: int, fraction: int, activity: int, decisions: Decisions, at: int) -> int:
    """One leftover; `fraction`: how far the prediction lay from its rounding, in 1/256."""
    level, raw = int(_LEVEL[activity]), int(_RAW[activity])
    decisions[at] = 2 * _zero(level, fraction) + (value != 0)
    at += 1
    if value == 0:
        return at
    decisions[at] = 2 * (_SIGN + ((fraction + 128) >> 4)) + (value > 0)
    at += 1
    size = abs(value) - 1
    high = size >> raw
    unary = 2 * (_MAGNITUDE + level * UNARY)
    for step in range(min(high, UNARY)):
        decisions[at] = unary + 2 * step + 1
        at += 1
    if high < UNARY:
        decisions[at] = unary + 2 * high
        at += 1
    else:
        at = _list_escape(high - UNARY, decisions, at)
    return _list_raw(size, raw, decisions, at)


@numba.njit(cache=True, forceinline=True)
def _read_value(
    low: int, span: int, at: int, fraction: int, activity: int, odds: Probabilities, buffer: Bytes
) -> tuple[int, int, int, int]:
    level, raw = int(_LEVEL[activity]), int(_RAW[activity])
    low, span, at, found = read(low, span, at, _zero(level, fraction), odds, buffer)
    if not found:
        return low, span, at, 0
    low, span, at, positive = read(low, span, at, _SIGN + ((fraction + 128) >> 4), odds, buffer)
    high, more = 0, 1
    while more and high < UNARY:
        low, span, at, more = read(low, span, at, _MAGNITUDE + level * UNARY + high, odds, buffer)
        high += more
    if high == UNARY:
        low, span, at, beyond = _read_escape(low, span, at, buffer)
        high += beyond
    low, span, at, rest = read_raw(low, span, at, raw, buffer)
    size = (high << raw) + rest + 1
    return low, span, at, size if positive else -size


@numba.njit(cache=True, forceinline=True)
def _zero(level: int, fraction: int) -> int:
    """The context of whether a leftover is 0."""
    return _ZERO + level * 3 + (0 if fraction < -_THIRD else (2 if fraction > _THIRD else 1))


@numba.njit(cache=True)
def _list_escape(value: int, decisions: Decisions, at: int) -> int:
    """Exponential Golomb code of order 0, of at most 24 bits."""
    length = 0
    while length < _LONGEST and (value + 1) >> (length + 1):
        length += 1
    at = _list_raw(-1, length, decisions, at)
    if length < _LONGEST:
        at = _list_raw(0, 1, decisions, at)
    return _list_raw(value + 1, length, decisions, at)


@numba.njit(cache=True)
def _read_escape(low: int, span: int, at: int, buffer: Bytes) -> tuple[int, int, int, int]:
    length, more = 0, 1
    while more and length < _LONGEST:
        low, span, at, more = read_raw(low, span, at, 1, buffer)
        length += more
    low, span, at, rest = read_raw(low, span, at, length, buffer)
    return low, span, at, (1 << length) + rest - 1


@numba.njit(cache=True, forceinline=True)
def _list_raw(value: int, count: int, decisions: Decisions, at: int) -> int:
    """The lowest `count` bits of `value`, the highest first."""
    for position in range(count - 1, -1, -1):
        decisions[at] = RAW + ((value >> position) & 1)
        at += 1
    return at
