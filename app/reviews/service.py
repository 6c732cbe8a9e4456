"""Shadow mode: a sample of legacy jobs is done by our own path too, and people compare the two cutouts."""

from typing import Any
from uuid import UUID

from app.db.pool import Connection, Pool, connection
from app.flags.decide import place
from app.flags.service import Flags
from app.jobs.service import JobService
from app.jobs.types import BATCH, Job, JobKind, NewJob, ShadowParams
from app.matting.options import CutoutOptions
from app.reviews import repository
from app.reviews.errors import ReviewNotFound
from app.reviews.types import Category, CategoryResult, Review, Verdict

NO_MODEL = "none"
"""`jobs.model` of a legacy job that was made where no model of ours is."""
_FRAMED = ("background", "canvas", "scale", "position", "max_side", "max_pixels", "channels", "roi")
"""Options whose result cannot be laid over the image again, or has no alpha of its own."""


class Shadows:
    """Whether a legacy job has a shadow, decided where it ends."""

    def __init__(self, flags: Flags, jobs: JobService) -> None:
        self._flags = flags
        self._jobs = jobs

    async def wanted(self, job: Job, options: CutoutOptions) -> bool:
        """The same answer for the same job. Raises DatabaseUnavailable."""
        default = CutoutOptions()
        whole = all(getattr(options, name) == getattr(default, name) for name in _FRAMED)
        if job.model == NO_MODEL or not whole or options.format not in {"png", "webp"}:
            return False
        return place(job.id, "shadow") < (await self._flags.current()).rules.shadow

    async def begin(self, job: Job, conn: Connection) -> None:
        """In the transaction in which the legacy job succeeds; the reconciler rings for the new one."""
        params = ShadowParams(legacy_job=job.id)
        new = NewJob(job.user_id, JobKind.SHADOW, job.model, job.image_id, params, priority=BATCH)
        shadow = await self._jobs.insert(conn, new)
        if shadow is not None:
            await repository.begin(conn, shadow.id, job.id)


class Reviews:
    """Methods raise DatabaseUnavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def waiting(self, limit: int = 10) -> list[Review]:
        """The most different first."""
        async with connection(self._pool) as conn:
            return await repository.waiting(conn, limit)

    async def judge(self, review_id: UUID, verdict: Verdict, category: Category, reviewer: UUID) -> None:
        """Raises ReviewNotFound."""
        values = {"id": review_id, "verdict": verdict, "category": category, "reviewer": reviewer}
        async with connection(self._pool) as conn:
            if not await repository.judge(conn, values):
                raise ReviewNotFound("no such comparison, or it has not ended")

    async def results(self) -> list[CategoryResult]:
        """By category; those without a verdict last."""
        async with connection(self._pool) as conn:
            return await repository.results(conn)

    async def picture(self, review_id: UUID) -> tuple[str, dict[str, Any]]:
        """(storage key, bytes and sha256 of the file). Raises ReviewNotFound."""
        async with connection(self._pool) as conn:
            found = await repository.picture(conn, review_id)
        if found is None:
            raise ReviewNotFound("no such comparison, or it has not ended")
        return found
