"""numba with types: one decorator for every kernel."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compiled on first use, kept on disk beside the source, run without the GIL (threads.py).

    Kernels are loops over pixels that numpy would turn into dozens of full-frame passes. They take plain scalars and
    arrays by position; the public function above each says what they mean.
    """
    return cast(
        F, numba.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz", "arcp"})(function)
    )
