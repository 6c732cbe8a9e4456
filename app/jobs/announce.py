"""Rows that became ready are told to Redis; if that fails, the reconciler does it a second later."""

import structlog

from app.jobs.types import Job
from app.queue.errors import QueueUnavailable
from app.queue.messages import JobMessage
from app.queue.port import Doorbell

_log = structlog.get_logger()


async def announce(doorbell: Doorbell, job: Job) -> None:
    """Never raises: a row that Redis does not know is announced again."""
    try:
        await doorbell.ring(job.queue, JobMessage(job.id, job.fence, job.request_id))
    except QueueUnavailable:
        _log.warning("job not announced", job=str(job.id), queue=job.queue)
