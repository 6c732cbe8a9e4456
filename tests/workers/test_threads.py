import os
import threading

import pytest

from app.jobs.types import BATCH, INTERACTIVE
from workers.threads import in_thread


def niceness() -> tuple[int, int]:
    """Of this thread, and of one that it starts."""
    found = [os.getpriority(os.PRIO_PROCESS, threading.get_native_id())]
    child = threading.Thread(
        target=lambda: found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    )
    child.start()
    child.join()
    return found[0], found[1]


async def test_what_nobody_waits_for_gives_way() -> None:
    own = niceness()[0]
    assert await in_thread(INTERACTIVE, niceness) == (own, own)
    low, below = await in_thread(BATCH, niceness)
    assert low == below > own
    assert niceness() == (own, own)


async def test_errors_and_arguments_pass() -> None:
    assert await in_thread(BATCH, int, "11", base=2) == 3
    with pytest.raises(ValueError, match="invalid literal"):
        await in_thread(BATCH, int, "x")
