"""Jobs that one engine could not do and the other may: `remove`, where the user did nothing wrong."""

from app.db.pool import Connection
from app.engines.names import EngineName
from app.errors import AppError
from app.flags.service import Flags
from app.flags.types import Reason
from app.jobs.claims import OUR_FAULT, Detour
from app.jobs.types import Job, JobKind
from app.queue.messages import LEGACY_QUEUE, embed_queue


class Rescuer:
    """What Claims asks before a job fails for good."""

    def __init__(self, flags: Flags) -> None:
        self._flags = flags

    async def __call__(self, conn: Connection, job: Job, error: AppError) -> Detour | None:
        if job.kind is not JobKind.REMOVE or error.status < OUR_FAULT:
            return None
        if job.engine == EngineName.CLIPPINGMAGIC:
            return self._back(job)
        if not self._flags.policy.legacy or job.engine_reason == Reason.LEGACY_FAILED:
            return None
        if not (await self._flags.rules(conn)).rerun or not await self._flags.spend(conn):
            return None
        return Detour(EngineName.CLIPPINGMAGIC, Reason.RERUN, LEGACY_QUEUE)

    @staticmethod
    def _back(job: Job) -> Detour | None:
        """Who stood in for our own path gives the job back to it: it waits there, as it would have."""
        if job.engine_reason != Reason.FALLBACK:
            return None
        return Detour(EngineName.SAM2, Reason.LEGACY_FAILED, embed_queue(job.model))
