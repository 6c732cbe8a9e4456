"""The sweeper in the mask worker: every second the reconciler, every minute the files nobody needs."""

import asyncio
import functools
from collections.abc import Awaitable, Callable

import structlog

from app.db.pool import Pool, connection
from app.errors import Unavailable
from app.images.service import purge, to_purge
from app.jobs import repository as jobs
from app.jobs.idempotency import forget_old
from app.jobs.reconciler import Reconciler
from app.jobs.repository import Leftovers
from app.storage import keys
from app.storage.base import ObjectStore
from app.uploads.service import forget_expired
from app.usage.service import Usage
from workers.options import Context

SWEEP_S = 1.0
TIDY_S = 60.0
ROLL_UP_S = 3600.0
_AT_ONCE = 200

_log = structlog.get_logger()


async def sweep(context: Context) -> None:
    """Until cancelled. A timer of our own, not arq's cron: it must run while Redis is away."""
    reconciler = Reconciler(context.pool, context.doorbell, context.events, lease_s=context.options.lease_s)

    clean = functools.partial(tidy, context.pool, context.store)
    roll_up = Usage(context.pool).roll_up
    await asyncio.gather(
        _every(SWEEP_S, reconciler.sweep),
        _every(TIDY_S, reconciler.mend_clock),
        _every(TIDY_S, clean),
        _every(ROLL_UP_S, roll_up),
    )


async def tidy(pool: Pool, store: ObjectStore) -> None:
    """Files of deleted and expired images, of killed runs, of unused uploads, and results past their time."""
    buried = await to_purge(pool, _AT_ONCE)
    async with connection(pool) as conn:
        results = await jobs.expired_results(conn, _AT_ONCE)
        killed = await jobs.leftovers(conn, _AT_ONCE)
    for user_id, image_id in buried:
        await purge(pool, store, user_id, image_id)
    for job in killed:
        await _remove_leftovers(pool, store, job)
    await forget_old(pool)
    await forget_expired(pool, store, _AT_ONCE)
    for job_id, key in results:
        await store.delete([key])
        async with connection(pool) as conn:
            await jobs.forget_result(conn, job_id, key)


async def _remove_leftovers(pool: Pool, store: ObjectStore, job: Leftovers) -> None:
    found = await store.list(keys.image_prefix(job.user_id, job.image_id))
    await store.delete([key for key in found if f"/{job.job_id}-" in key and key not in job.kept])
    async with connection(pool) as conn:
        await jobs.no_leftovers(conn, job.job_id)


async def _every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await work()
        except Unavailable as error:
            _log.warning("sweep postponed", code=error.code)
        await asyncio.sleep(seconds)
