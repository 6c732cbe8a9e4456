"""Jobs of all kinds and both engines that end in every way, and what they must have cost."""

import random
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from app.db.pool import Pool
from app.engines.errors import LegacyImageRefused
from app.engines.names import EngineName
from app.errors import Internal
from app.flags.service import Flags
from app.flags.types import Reason
from app.imaging.errors import Damaged
from app.jobs.claims import Claims, Outcome, Spent, Success, Turn
from app.jobs.errors import LeaseLost
from app.jobs.service import JobService
from app.jobs.types import ApplyParams, EncodeParams, Job, JobKind, JobParams, NewJob, RemoveParams
from app.queue.messages import LEGACY_QUEUE, MASK_QUEUE, embed_queue
from app.storage.errors import StorageUnavailable
from tests.rows import a_user, an_image

EMBED = embed_queue("lite")
AT_ONCE = 50
_KINDS: list[tuple[JobKind, JobParams]] = [
    (JobKind.ENCODE, EncodeParams()),
    (JobKind.APPLY_MASK, ApplyParams()),
    (JobKind.APPLY_MASK, ApplyParams(preview=True)),
    (JobKind.REMOVE, RemoveParams()),
    (JobKind.REMOVE, RemoveParams()),
]
_FAULTS = (Internal, Damaged, StorageUnavailable, LegacyImageRefused)


@dataclass
class Ledger:
    """Drives the jobs and writes down, beside the product, what each run has cost."""

    dsn: str
    pool: Pool
    jobs: JobService
    claims: Claims
    flags: Flags
    chance: random.Random
    users: list[UUID] = field(default_factory=list)
    micros: Counter[UUID] = field(default_factory=Counter)
    """By job: every run that was written."""
    ways: Counter[str] = field(default_factory=Counter)
    """How runs ended."""

    async def create(self, count: int) -> None:
        """About three jobs on an image."""
        self.users = [a_user(self.dsn) for _ in range(20)]
        images = [(user, an_image(self.dsn, user)) for user in self.users for _ in range(count // 60 + 1)]
        for _ in range(count):
            user, image = self.chance.choice(images)
            kind, params = self.chance.choice(_KINDS)
            legacy = kind is JobKind.REMOVE and self.chance.random() < 0.4
            engine = EngineName.CLIPPINGMAGIC if legacy else EngineName.SAM2
            reason = self.chance.choice(
                [Reason.PERCENTAGE, Reason.KILL_SWITCH] if legacy else [Reason.ALLOWED]
            )
            new = NewJob(user, kind, "lite", image, params, engine=engine, reason=reason)
            job = await self.jobs.create(new)
            if self.chance.random() < 0.03:
                await self.jobs.cancel(user, job.id)
                self.ways["canceled"] += 1

    async def work(self) -> None:
        """Until nothing waits."""
        waiting = True
        while waiting:
            waiting = False
            for queue in (EMBED, MASK_QUEUE, LEGACY_QUEUE):
                while claimed := await self.claims.claim_many(Turn(queue, "worker", 30), AT_ONCE):
                    waiting = True
                    await self._end(queue, claimed)
                await self._hurry()

    async def _end(self, queue: str, claimed: list[Job]) -> None:
        done: list[Success] = []
        for job in claimed:
            spent = self._spent(queue)
            match self.chance.random():
                case x if x < 0.06:
                    self.ways["crashed"] += 1  # the run's cost is lost with its worker
                    await self._crash(job)
                case x if x < 0.10:
                    await self.claims.give_back(job, spent)
                    self._note("given back", job, spent)
                case x if x < 0.25:
                    failed = await self.claims.fail(job, self.chance.choice(_FAULTS)("injected"), spent=spent)
                    self._note(f"failed, then {failed.status} at {failed.engine}", job, spent)
                case _ if job.kind is JobKind.REMOVE and queue == EMBED:
                    await self.claims.pass_on(job, Outcome(queue=MASK_QUEUE), {}, spent)
                    self._note("passed on", job, spent)
                case _:
                    done.append(Success(job, Outcome({"bytes": 1000}), {}, spent))
        ended = await self.claims.succeed_all(done)
        for success, job_ended in zip(done, ended, strict=True):
            assert job_ended is not None
            self._note("succeeded", success.job, success.spent)
            if self.chance.random() < 0.05:
                await self._late(success)

    async def _late(self, success: Success) -> None:
        """Whoever comes after the end changes nothing."""
        self.ways["late"] += 1
        try:
            await self.claims.succeed(success.job, success.outcome)
        except LeaseLost:
            return
        raise AssertionError("a job ended twice")

    def _spent(self, queue: str) -> Spent:
        worker = queue.partition(":")[0]
        bought = 125_000 if worker == "legacy" else 0
        return Spent(worker, self.chance.randrange(1, 5000) / 1000, bought + self.chance.randrange(1, 500))

    def _note(self, way: str, job: Job, spent: Spent) -> None:
        self.ways[way] += 1
        self.micros[job.id] += spent.micros

    async def _crash(self, job: Job) -> None:
        """As the sweeper finds it."""
        async with self.pool.connection() as conn:
            await conn.execute(
                "update jobs set status = 'queued', crashes = crashes + 1, lease_until = null, worker = null"
                " where id = %s and fence = %s",
                (job.id, job.fence),
            )

    async def _hurry(self) -> None:
        """Pauses between attempts are over at once."""
        async with self.pool.connection() as conn:
            await conn.execute("update jobs set run_after = now() where status = 'queued'")
