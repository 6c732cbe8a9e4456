"""The queues as figures: what waits, since when, and who works (fly-autoscaler reads them)."""

import asyncio

import structlog

from app.errors import AppError
from app.jobs.admin import JobAdmin, QueueState
from app.telemetry.metrics import QUEUE_AGE, QUEUE_JOBS, WORKERS

EVERY_S = 5.0

_log = structlog.get_logger(__name__)


async def watch(admin: JobAdmin) -> None:
    """Until cancelled; while the database is away the figures stay as they were."""
    while True:
        try:
            show(await admin.queues())
        except AppError as error:
            _log.warning("the queues cannot be counted", code=error.code)
        await asyncio.sleep(EVERY_S)


def show(states: list[QueueState]) -> None:
    """A queue that is not among them has nothing in it and nobody at it."""
    for gauge in (QUEUE_JOBS, QUEUE_AGE, WORKERS):
        gauge.clear()
    for state in states:
        stats = state.stats
        QUEUE_JOBS.labels(stats.queue, "queued").set(stats.waiting)
        QUEUE_JOBS.labels(stats.queue, "processing").set(stats.processing)
        QUEUE_AGE.labels(stats.queue).set(stats.oldest_s)
        WORKERS.labels(stats.queue).set(state.workers or 0)
