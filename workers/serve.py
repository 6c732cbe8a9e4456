"""One worker process from start to end; it leaves without losing anything."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Coroutine
from typing import Any

import structlog

from app.aio import end
from app.db.pool import Pool, open_pool
from app.errors import Unavailable
from app.jobs.claims import Claims
from app.jobs.events import Events
from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.port import Presence
from app.storage.base import ObjectStore
from workers.bell import BellWorker, Ear, Patience
from workers.leases import LeaseKeeper, ask_to_leave, wait_until_idle
from workers.options import Context, WorkerSettings
from workers.run import WorkerBroken
from workers.runtime import Runtime

_EXIT_PAUSE_S = 5.0
"""After the grace: how long a run may take to reach its next step and give the job back."""
_RETRY_S = 1.0
_PRESENT_EVERY_S = 5.0

_log = structlog.get_logger()


async def serve(settings: WorkerSettings, dsn: str, redis_url: str, store: ObjectStore) -> None:
    """Run until SIGTERM, SIGINT or the memory limit; every job ends or goes back to its queue.

    Raises WorkerBroken where the process cannot do its work any more.
    """
    options = settings.options
    redis = connect(redis_url)
    doorbell = ArqDoorbell(redis)
    context = Context(await _patiently(dsn, options.slots + 2), store, doorbell, Events(doorbell), options)
    keeper = LeaseKeeper(
        dsn,
        lambda pool: Claims(pool, doorbell, Events(None)),
        lease_s=options.lease_s,
        timeout_s=options.job_timeout_s,
        kill_after_s=options.kill_after_s,
    )
    runtime = Runtime(context, settings.queue, settings.handlers(context), keeper)
    bell: Ear = BellWorker(redis, settings.queue, options.slots, runtime)
    if options.waited_s > 0:
        bell = Patience(runtime.look)
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, runtime.leaving.set)
    keeper.start()
    parts = [bell.listen(), _be_present(doorbell, settings.queue, runtime.worker)]
    parts += [part(context) for part in settings.background]
    if options.idle_s is not None:
        parts.append(_leave_idle(runtime, options.idle_s))
    background = [asyncio.create_task(_part(part, runtime)) for part in parts]
    _log.info("worker ready", queue=settings.queue, slots=options.slots)
    await runtime.leaving.wait()
    bell.deaf()
    await runtime.looked()
    await _leave(keeper, options.grace_s)
    await end(background)
    with contextlib.suppress(Unavailable):
        await doorbell.gone(settings.queue, runtime.worker)
    keeper.stop()
    await context.pool.close()
    await doorbell.close()
    if runtime.broken is not None:
        raise runtime.broken


async def _part(part: Coroutine[Any, Any, None], runtime: Runtime) -> None:
    """A worker without one of its parts is worse than none: it leaves, to be started anew."""
    try:
        await part
    except Exception as error:
        _log.exception("a part of the worker broke")
        runtime.breaks(WorkerBroken(f"a part of the worker broke: {type(error).__name__}"))


async def _leave(keeper: LeaseKeeper, grace_s: float) -> None:
    if not await wait_until_idle(keeper, grace_s):
        ask_to_leave(keeper)
        if not await wait_until_idle(keeper, _EXIT_PAUSE_S):
            keeper.abandon()


async def _be_present(presence: Presence, queue: str, worker: str) -> None:
    """Until cancelled: say that we are alive."""
    while True:
        with contextlib.suppress(Unavailable):
            await presence.here(queue, worker)
        await asyncio.sleep(_PRESENT_EVERY_S)


async def _leave_idle(runtime: Runtime, idle_s: float) -> None:
    """Until there was nothing to do for so long."""
    while (left_s := runtime.worked_at + idle_s - time.monotonic()) > 0 or runtime.busy:  # noqa: ASYNC110 - no hurry
        await asyncio.sleep(max(left_s, _RETRY_S))
    _log.info("nothing to do, ending", idle_s=idle_s)
    runtime.leaving.set()


async def _patiently(dsn: str, size: int) -> Pool:
    """A worker outlives its database: it waits for it, at the start too."""
    while True:
        try:
            return await open_pool(dsn, 1, size)
        except Unavailable:
            _log.warning("the database does not answer, trying again")
            await asyncio.sleep(_RETRY_S)
