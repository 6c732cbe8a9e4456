"""Any sequence of grants, reservations, ends and changes of plan leaves the ledger and its balance exact."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.credits.errors import NoCredits
from app.credits.service import Credits
from app.credits.types import Plan
from app.db.pool import Pool, open_pool
from app.jobs.claims import Claims, Outcome
from app.jobs.errors import JobEnded
from app.jobs.events import Events
from app.jobs.prices import SAM2
from app.jobs.service import JobService
from app.jobs.types import ApplyParams, Job, JobKind, NewJob
from app.queue.arq_adapter import ArqDoorbell, connect
from tests.credits.test_balances import assert_exact
from tests.rows import a_user, an_image

T = TypeVar("T")


class Ledger(RuleBasedStateMachine):
    """The model: what was granted, what each image was charged, which jobs are under way."""

    dsn: str
    runner: asyncio.Runner
    pool: Pool
    bell: ArqDoorbell

    @initialize(images=st.integers(1, 3))
    def account(self, images: int) -> None:
        self.owner = a_user(self.dsn, "prepaid")
        self.images = [an_image(self.dsn, self.owner) for _ in range(images)]
        self.credits = Credits(self.pool)
        self.jobs = JobService(self.pool, self.bell)
        self.claims = Claims(self.pool, self.bell, Events(None))
        self.granted = self.spent = 0
        self.charged: set[UUID] = set()
        self.under_way: dict[UUID, int] = {}
        self.prepaid = True

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    @property
    def held(self) -> int:
        return sum(self.under_way.values())

    @property
    def available(self) -> int:
        return self.granted - self.spent - self.held

    @rule(amount=st.integers(-3 * SAM2, 3 * SAM2))
    def grant(self, amount: int) -> None:
        try:
            self.do(self.credits.grant(self.owner, amount))
        except NoCredits:
            assert self.prepaid and self.available + amount < 0
        else:
            assert not self.prepaid or self.available + amount >= 0
            self.granted += amount

    @rule(number=st.integers(0, 2))
    def create(self, number: int) -> None:
        image = self.images[number % len(self.images)]
        price = 0 if image in self.charged else SAM2
        try:
            job = self.do(
                self.jobs.create(NewJob(self.owner, JobKind.APPLY_MASK, "lite", image, ApplyParams()))
            )
        except NoCredits:
            assert self.prepaid and self.available < price
        else:
            assert not self.prepaid or self.available >= price
            self.under_way[job.id] = price

    @rule()
    def succeed(self) -> None:
        job = self.claim()
        if job is not None:
            ended = self.do(self.claims.succeed(job, Outcome({"a": 1}), {}))
            price = self.under_way.pop(job.id)
            assert ended.credits == (0 if job.image_id in self.charged else price)
            self.spent += ended.credits
            if price:
                self.charged.add(job.image_id)

    @rule()
    def fail(self) -> None:
        job = self.claim()
        if job is not None:
            self.do(self.claims.fail(job, JobEnded("it cannot work")))
            if self.do(self.jobs.get(self.owner, job.id)).status.ended:
                del self.under_way[job.id]

    @rule(number=st.integers(0, 5))
    def cancel(self, number: int) -> None:
        if self.under_way:
            job_id = sorted(self.under_way)[number % len(self.under_way)]
            self.do(self.jobs.cancel(self.owner, job_id))
            del self.under_way[job_id]

    @rule(plan=st.sampled_from(Plan))
    def set_plan(self, plan: Plan) -> None:
        try:
            self.do(self.credits.set_plan(self.owner, plan))
        except NoCredits:
            assert plan is Plan.PREPAID
        else:
            self.prepaid = plan is Plan.PREPAID

    @invariant()
    def the_balance_is_the_models(self) -> None:
        if not hasattr(self, "owner"):
            return
        balance = self.do(self.credits.balance(self.owner))
        assert (balance.granted, balance.held, balance.spent) == (self.granted, self.held, self.spent)
        assert not self.prepaid or balance.available >= 0
        self.do(assert_exact(self.pool, self.credits, self.owner))

    def claim(self) -> Job | None:
        """The next job of this user: others of the database have ended or were canceled at teardown."""
        return self.do(self.claims.claim("mask", "machine", lease_s=300))

    def teardown(self) -> None:
        for job_id in getattr(self, "under_way", {}):
            self.do(self.jobs.cancel(self.owner, job_id))


def test_the_ledger(dsn: str, redis_url: str) -> None:
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    how = settings(max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=slow)
    with asyncio.Runner() as runner:
        pool, bell = runner.run(open_pool(dsn, 1, 2)), ArqDoorbell(connect(redis_url))
        try:
            parts = {"dsn": dsn, "runner": runner, "pool": pool, "bell": bell}
            run_state_machine_as_test(type("Machine", (Ledger,), parts), settings=how)
        finally:
            runner.run(bell.close())
            runner.run(pool.close())
