"""Processes that are kept running until they are asked to stop."""

import asyncio
import contextlib
import os
import select
import signal
import stat
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TextIO

import structlog

from app.errors import AppError

FIRST_DELAY_S, LONGEST_DELAY_S = 0.5, 30.0
STEADY_S = 20.0
"""A child that lived this long is taken for healthy: its next delay is the first one again."""
GRACE_S = 35.0
"""From SIGTERM to SIGKILL. A worker lets its jobs end for 25 s, then gives them back within 5."""
_LOOK_S = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Child:
    name: str
    command: Sequence[str]
    inherit_fds: tuple[int, ...] = ()


class Service(Protocol):
    """A server that detaches itself."""

    def start(self) -> str: ...

    def alive(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Stop:
    """Asked once: everything may end in order. Asked again: at once."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: asyncio.Event = field(default_factory=asyncio.Event)

    def ask(self) -> None:
        (self.at_once if self.asked.is_set() else self.asked).set()


async def supervise(children: Sequence[Child], services: Mapping[str, Service], stop: Stop) -> None:
    """Until `stop` is asked: start again whatever ends before. No child is left when this returns."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_look_after(services, stop))
        tasks.create_task(_watch_readers(stop))
        for child in children:
            tasks.create_task(_keep(child, stop))


async def _look_after(services: Mapping[str, Service], stop: Stop) -> None:
    while not await _asked_within(stop, _LOOK_S):
        for name, service in services.items():
            if service.alive():
                continue
            _log.warning("restarting", service=name)
            try:
                await asyncio.to_thread(service.start)
            except AppError as error:
                _log.error("not restarted", service=name, reason=error.message)


async def _watch_readers(stop: Stop) -> None:
    """Where stdout or stderr is a pipe and nobody reads it any more, whoever started us is gone."""
    while not await _asked_within(stop, _LOOK_S):
        if any(map(_unread, (sys.stdout, sys.stderr))):
            stop.ask()


def _unread(stream: TextIO) -> bool:
    try:
        fd = stream.fileno()
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            return False
    except (OSError, ValueError):
        return False
    poll = select.poll()
    poll.register(fd, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


async def _keep(child: Child, stop: Stop) -> None:
    delay = FIRST_DELAY_S
    while not stop.asked.is_set():
        started = time.monotonic()
        code = await _run_once(child, stop)
        if stop.asked.is_set():
            return
        if time.monotonic() - started > STEADY_S:
            delay = FIRST_DELAY_S
        _log.warning("restarting", child=child.name, ended=_how(code), in_s=delay)
        await _asked_within(stop, delay)
        delay = min(delay * 2, LONGEST_DELAY_S)


async def _run_once(child: Child, stop: Stop) -> int:
    process = await asyncio.create_subprocess_exec(
        *child.command,
        stdin=asyncio.subprocess.DEVNULL,
        pass_fds=child.inherit_fds,
        # its own group: Ctrl-C in the terminal reaches only us, and we stop the children
        process_group=0,
    )
    _log.info("started", child=child.name, pid=process.pid)
    ended = asyncio.create_task(process.wait())
    await _first(ended, stop.asked)
    if not ended.done():
        await _end(child, process, ended, stop)
    return await ended


async def _end(
    child: Child, process: asyncio.subprocess.Process, ended: asyncio.Task[int], stop: Stop
) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    await _first(ended, stop.at_once, GRACE_S)
    if not ended.done():
        _log.warning("killed, it did not stop in time", child=child.name)
        with contextlib.suppress(ProcessLookupError):
            process.kill()


async def _first(task: asyncio.Task[int], event: asyncio.Event, timeout_s: float | None = None) -> None:
    """Until the task is done, the event set, or the time over."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({task, waiting}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _asked_within(stop: Stop, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.asked.wait()
    return stop.asked.is_set()


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
