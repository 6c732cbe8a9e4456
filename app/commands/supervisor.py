"""Child processes that are kept running until they are asked to stop."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

FIRST_DELAY_S, LONGEST_DELAY_S = 0.5, 30.0
STEADY_S = 20.0
"""A child that lived this long is taken for healthy: its next delay is the first one again."""
GRACE_S = 35.0
"""From SIGTERM to SIGKILL. A worker lets its jobs end for 25 s, then gives them back within 5."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Child:
    name: str
    command: Sequence[str]
    inherit_fds: tuple[int, ...] = ()


async def supervise(children: Sequence[Child], stop: asyncio.Event) -> None:
    """Run `children` until `stop`; start again whichever ends before. None is left when this returns."""
    async with asyncio.TaskGroup() as tasks:
        for child in children:
            tasks.create_task(_keep(child, stop))


async def _keep(child: Child, stop: asyncio.Event) -> None:
    delay = FIRST_DELAY_S
    while not stop.is_set():
        started = time.monotonic()
        code = await _run_once(child, stop)
        if stop.is_set():
            return
        if time.monotonic() - started > STEADY_S:
            delay = FIRST_DELAY_S
        _log.warning("restarting", child=child.name, ended=_how(code), in_s=delay)
        await _sleep_or(stop, delay)
        delay = min(delay * 2, LONGEST_DELAY_S)


async def _run_once(child: Child, stop: asyncio.Event) -> int:
    process = await asyncio.create_subprocess_exec(
        *child.command,
        stdin=asyncio.subprocess.DEVNULL,
        pass_fds=child.inherit_fds,
        # its own group: Ctrl-C in the terminal reaches only us, and we stop the children in order
        process_group=0,
    )
    _log.info("started", child=child.name, pid=process.pid)
    ended = asyncio.create_task(process.wait())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        await asyncio.shield(_end(child, process))
    return await ended


async def _end(child: Child, process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(GRACE_S):
            await process.wait()
    except TimeoutError:
        _log.warning("killed, it did not stop in time", child=child.name)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _sleep_or(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
