"""numba with types: one decorator for every kernel."""

from collections.abc import Callable
from typing import Any

import numba


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled on first use, kept on disk beside the source, run without the GIL (threads.py).

    Kernels are loops over pixels that numpy would turn into dozens of full-frame passes. They take plain
    scalars and arrays by position, any types: numba compiles one version for each; the public function above
    each says what they mean.
    """
    compiled: Callable[..., Any] = numba.njit(
        cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz", "arcp"}
    )(function)
    return compiled
