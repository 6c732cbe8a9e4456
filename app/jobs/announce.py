"""Rows that became ready are told to Redis; if that fails, the reconciler does it a second later."""

from collections.abc import Sequence

import structlog

from app.jobs.types import Job
from app.queue.errors import QueueUnavailable
from app.queue.messages import JobMessage, announcement
from app.queue.port import Doorbell

_log = structlog.get_logger()


async def announce(doorbell: Doorbell, job: Job) -> None:
    """Never raises: a row that Redis does not know is announced again."""
    try:
        await doorbell.ring(job.queue, JobMessage(job.id, job.fence, job.request_id))
    except QueueUnavailable:
        _log.warning("job not announced", job=str(job.id), queue=job.queue)


async def answered(doorbell: Doorbell, queue: str, claimed: Sequence[Job]) -> None:
    """Takes back the announcements of jobs that were just claimed. Never raises."""
    try:
        # the claim has raised the fence that they were announced with
        await doorbell.answered(queue, [announcement(job.id, job.fence - 1) for job in claimed])
    except QueueUnavailable:
        _log.debug("announcements not taken back", jobs=len(claimed), queue=queue)
