"""Pure work on all cores: the kernels release the GIL, so plain threads do.

numba's own `parallel=True` is not used: its work queue ends the process when two Python threads enter it
at once (numba docs, "Threading layers"), and it triples the time to compile a kernel.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def cores() -> int:
    """CPU cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def on_all_cores(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """`[work(item) for item in items]`; the first exception is raised when all have ended."""
    todo = list(items)
    if len(todo) < 2 or cores() == 1:
        return [work(item) for item in todo]
    with ThreadPoolExecutor(cores(), thread_name_prefix="matting") as pool:
        return list(pool.map(work, todo))


def strips(rows: int, least: int = 64) -> list[tuple[int, int]]:
    """[start, end) row ranges: a few for each core, so that an uneven picture still fills them all."""
    count = max(1, min(4 * cores(), rows // least))
    edges = [rows * i // count for i in range(count + 1)]
    return list(pairwise(edges))
