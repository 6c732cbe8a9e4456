"""Where jobs work: those that nobody waits for give way to everything else on the machine."""

import asyncio
import contextvars
import functools
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from app.jobs.types import INTERACTIVE

P = ParamSpec("P")
T = TypeVar("T")

_NICE = 10
"""A tenth of what a thread at 0 gets where both want a core (sched(7)); what it starts inherits it."""


async def in_thread(priority: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As asyncio.to_thread; work of a batch goes behind what somebody waits for, on the same cores."""
    if priority >= INTERACTIVE:
        return await asyncio.to_thread(work, *args, **kwargs)
    call = functools.partial(contextvars.copy_context().run, work, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_background(), call)


@functools.cache
def _background() -> Executor:
    return ThreadPoolExecutor(thread_name_prefix="background", initializer=_give_way)


def _give_way() -> None:
    if sys.platform == "linux":  # elsewhere it would be the whole process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
