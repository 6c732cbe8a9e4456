"""Lossless coding of quantised planes: an adaptive range coder whose contexts are the neighbours.

Each value is predicted from its four causal neighbours in its plane; what is left is coded as zero?,
sign and magnitude. The context says how large it will probably be: by the neighbours' leftovers, those
at the same place in the two planes before, and what is usual for the plane (in the manner of Wu and
Memon's CALIC, IEEE Trans. Communications 45(4), 1997). Everything is whole numbers below 2^31, so that
Python and JavaScript agree to the bit. One function reads and writes: the two cannot come apart.
docs/codec.md gives the format.
"""

# ruff: noqa: PLR0917 - compiled functions that keep the coder in registers, see rangecoder.py

from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from app.segmentation.errors import EmbeddingUnreadable
from app.segmentation.rangecoder import (
    WHOLE,
    Bytes,
    Held,
    Probabilities,
    bit,
    bits,
    contexts,
    finish,
    overrun,
    start,
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
    work = np.ascontiguousarray(planes, np.int32).copy()
    size = 64 + 2 * work.size
    while True:
        buffer = np.zeros(size, np.uint8)
        used = _run(work, model.predictor, model.spread, buffer, False)
        if used >= 0:
            return buffer[:used].tobytes()
        size *= 2


def decode(data: bytes | memoryview, shape: tuple[int, int, int], model: PlaneModel) -> Planes:
    """Inverse of `encode`. Raises EmbeddingUnreadable when the data end too early."""
    planes = np.zeros(shape, np.int32)
    buffer = np.frombuffer(data, np.uint8).copy()
    if _run(planes, model.predictor, model.spread, buffer, True) < 0:
        raise EmbeddingUnreadable("the stored embedding is truncated")
    return planes


@numba.njit(cache=True)
def _run(
    planes: Planes,
    predictor: NDArray[np.int32],
    spread: NDArray[np.int32],
    buffer: Bytes,
    reading: bool,
) -> int:
    """Reads `planes` from `buffer` or writes them to it; bytes used, or -1 when the buffer is too short."""
    count, height, width = planes.shape
    low, held = start(buffer, reading)
    span = WHOLE
    odds = contexts(_CONTEXTS)
    flat = planes.reshape(count, height * width)
    errors = np.zeros((count + 2, height * width), np.int32)  # of plane k in row k + 2
    for k in range(count):
        used = 1 if not reading and np.any(flat[k]) else 0
        low, span, used = bit(low, span, used, _USED + (1 if k else 0), odds, buffer, held, reading)
        if used:
            before = max(spread[max(k - 2, 0) : k].sum(), 1)
            ratio = min((spread[k] << 8) // before, 1 << 12) if k else 0
            around = errors[k : k + 3]
            low, span = _plane(
                low, span, flat[k], width, around, ratio, predictor[k], spread[k], odds, buffer, held, reading
            )
        if overrun(buffer, held):
            return -1
    return finish(low, buffer, held, reading)


@numba.njit(cache=True)
def _plane(
    low: int,
    span: int,
    plane: NDArray[np.int32],
    width: int,
    errors: NDArray[np.int32],
    ratio: int,
    weights: NDArray[np.int32],
    usual: int,
    odds: Probabilities,
    buffer: Bytes,
    held: Held,
    reading: bool,
) -> tuple[int, int]:
    """`errors`: those of the two planes before, and this one's; `ratio`: of its usual to theirs, in 1/256."""
    second, first, own = errors[0], errors[1], errors[2]
    x = 0
    for i in range(plane.size):
        guess, around = _from_neighbours(plane, own, weights, usual, i, x, width)
        below = min((16 * (first[i] + second[i]) * ratio) >> 8, 16383)
        activity = min(((6 * usual + 64 * around + 12 * below) * 1561) >> 16, _ACTIVITY - 1)
        rounded = (guess + 128) >> 8
        low, span, value = _value(
            low, span, plane[i] - rounded, guess - (rounded << 8), activity, odds, buffer, held, reading
        )
        own[i] = min(abs(value), _LARGEST)
        plane[i] = rounded + value
        x = 0 if x + 1 == width else x + 1
    return low, span


@numba.njit(cache=True)
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


@numba.njit(cache=True)
def _value(
    low: int,
    span: int,
    value: int,
    fraction: int,
    activity: int,
    odds: Probabilities,
    buffer: Bytes,
    held: Held,
    reading: bool,
) -> tuple[int, int, int]:
    """One leftover; `fraction`: how far the prediction lay from its rounding, in 1/256."""
    level, raw = int(_LEVEL[activity]), int(_RAW[activity])
    side = 0 if fraction < -_THIRD else (2 if fraction > _THIRD else 1)
    zero = _ZERO + level * 3 + side
    low, span, found = bit(low, span, 1 if value else 0, zero, odds, buffer, held, reading)
    if not found:
        return low, span, 0
    sign = _SIGN + ((fraction + 128) >> 4)
    low, span, positive = bit(low, span, 1 if value > 0 else 0, sign, odds, buffer, held, reading)
    size = abs(value) - 1
    high = 0
    while high < UNARY:
        more, place = 1 if (size >> raw) > high else 0, _MAGNITUDE + level * UNARY + high
        low, span, more = bit(low, span, more, place, odds, buffer, held, reading)
        if not more:
            break
        high += 1
    if high == UNARY:
        low, span, beyond = _escape(low, span, (size >> raw) - UNARY, buffer, held, reading)
        high += beyond
    low, span, rest = bits(low, span, size, raw, buffer, held, reading)
    size = (high << raw) + rest + 1
    return low, span, size if positive else -size


@numba.njit(cache=True)
def _escape(
    low: int, span: int, value: int, buffer: Bytes, held: Held, reading: bool
) -> tuple[int, int, int]:
    """Exponential Golomb code of order 0, of at most 24 bits."""
    length = 0
    while length < 24:
        more = 1 if ((value + 1) >> (length + 1)) else 0
        low, span, more = bits(low, span, more, 1, buffer, held, reading)
        if not more:
            break
        length += 1
    low, span, rest = bits(low, span, value + 1, length, buffer, held, reading)
    return low, span, (1 << length) + rest - 1
