"""What the process keeps of memory that it has freed."""

import ctypes
import sys

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # malloc.h
_MAPPED_FROM = 4 << 20
"""Bytes: a plane of a photo, not a tile of one. glibc raises its own threshold to 32 MB as planes are freed,
and then keeps them: 540 MB at the peak of a 12-MP cutout in place of 485 (benchmarks/apply_mask.py)."""


def give_back_planes() -> None:
    """Large blocks go back to the system when they are freed. Nothing where the C library is not glibc."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM)
            libc.mallopt(_M_ARENA_MAX, 2)
