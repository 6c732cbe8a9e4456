"""When new work goes elsewhere, and that it comes back without flapping."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from app.db.pool import Pool, connection
from app.flags.health import Health, HealthLimits, Sample, step
from app.flags.service import EnginePolicy, Flags
from app.flags.watch import HealthWatch
from app.jobs.service import JobService
from app.queue.arq_adapter import ArqDoorbell
from app.queue.messages import MASK_QUEUE, embed_queue
from tests.rows import a_job, a_user, an_image

T0 = datetime(2026, 11, 22, tzinfo=UTC)
LIMITS = HealthLimits(age_s=10, fault_share=0.5, least=4, calm_s=30)
WELL = Sample(0, 0, 0, 1)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (WELL, None),
        (Sample(10, 0, 0, 1), None),
        (Sample(10.1, 0, 0, 1), "queue_age"),
        (Sample(0, 3, 3, 1), None),  # three tell nothing
        (Sample(0, 4, 2, 1), None),
        (Sample(0, 4, 3, 1), "failures"),
        (Sample(0, 0, 0, 0), None),  # nobody waits: a deploy is no illness
    ],
)
def test_what_makes_it_switch(sample: Sample, reason: str | None) -> None:
    assert step(Health(), sample, LIMITS, T0) == (Health(fallback=reason is not None), reason)


def test_it_comes_back_after_thirty_calm_seconds() -> None:
    health = Health(fallback=True)
    for second, sample in enumerate([WELL] * 20 + [Sample(6, 0, 0, 1)] + [WELL] * 30):
        health, reason = step(health, sample, LIMITS, at(second))
        assert (health.fallback, reason) == (True, None), second
    assert step(health, WELL, LIMITS, at(51)) == (Health(), "well")


@pytest.mark.parametrize("sample", [Sample(0, 0, 0, 0), Sample(5.1, 0, 0, 1), Sample(0, 8, 3, 1)])
def test_what_is_no_calm(sample: Sample) -> None:
    """An empty queue that nobody works on, and whatever is above half of a limit."""
    calm = Health(fallback=True, calm_since=at(0))
    assert step(calm, sample, LIMITS, at(100)) == (Health(fallback=True), None)


def test_a_clock_that_goes_back_only_prolongs() -> None:
    calm = Health(fallback=True, calm_since=at(1000))
    health, reason = step(calm, WELL, LIMITS, at(0))
    assert (health, reason) == (Health(fallback=True, calm_since=at(0)), None)


@given(st.lists(st.floats(0, 20), max_size=200))
def test_two_switches_to_fallback_are_a_calm_apart(ages: list[float]) -> None:
    health, on = Health(), []
    for second, age in enumerate(ages):
        health, reason = step(health, Sample(age, 0, 0, 1), LIMITS, at(second))
        if reason == "queue_age":
            on.append(second)
    assert all(later - earlier > LIMITS.calm_s for earlier, later in pairwise(on))


def sql(dsn: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def user(dsn: str) -> UUID:
    return a_user(dsn)


def waits(dsn: str, job: UUID, seconds: int) -> None:
    """It could have run for so long."""
    then = f"now() - interval '{seconds} seconds'"
    sql(dsn, f"update jobs set created_at = {then}, run_after = {then} where id = '{job}'")


@pytest.mark.parametrize("queued_at", [embed_queue("lite"), MASK_QUEUE])
async def test_the_watch_switches_for_all_and_leaves_a_trace(
    pool: Pool, dsn: str, doorbell: ArqDoorbell, user: UUID, queued_at: str
) -> None:
    here, elsewhere = (Flags(pool, EnginePolicy("true", True, 250_000)) for _ in range(2))
    queues, limits = [embed_queue("lite"), MASK_QUEUE], HealthLimits(age_s=10, calm_s=0)
    watch = HealthWatch(
        pool, here, JobService(pool, doorbell), doorbell, queues=queues, limits=limits, look_s=0
    )
    for queue in queues:
        await doorbell.here(queue, "somebody")
    job = a_job(dsn, an_image(dsn, user), user)
    await watch.look()
    assert (await here.explain(user)).engine == "sam2"
    waits(dsn, job, 11)
    sql(dsn, f"update jobs set queue = '{queued_at}' where id = '{job}'")
    with capture_logs() as log:
        await watch.look()
        await watch.look()
    assert [entry["reason"] for entry in log if entry["log_level"] == "error"] == ["queue_age"]
    for flags in (here, elsewhere):
        assert (await flags.explain(user)).reason == "fallback"
    async with connection(pool) as conn:
        assert [await here.spend(conn) for _ in range(3)] == [True, True, False]
    elsewhere.forget()
    assert (await elsewhere.explain(user)).reason == "budget_spent"
    sql(dsn, f"update jobs set status = 'canceled', finished_at = now() where id = '{job}'")
    await watch.look()
    await watch.look()
    elsewhere.forget()
    assert (await elsewhere.explain(user)).reason == "env_on"
    assert [(switch.fallback, switch.reason) for switch in await here.switches(1)] == [
        (False, "well"),
        (True, "queue_age"),
    ]


async def test_batches_may_wait(pool: Pool, dsn: str, doorbell: ArqDoorbell, user: UUID) -> None:
    job = a_job(dsn, an_image(dsn, user), user)
    waits(dsn, job, 3600)
    sql(dsn, f"update jobs set priority = -10 where id = '{job}'")
    assert (await JobService(pool, doorbell).pulse([embed_queue("lite")], 60)).oldest_s == 0


@pytest.mark.parametrize(
    ("run_after", "age_s"), [("now() - interval '7 seconds'", 7), ("now() + interval '5 seconds'", 0)]
)
async def test_what_pauses_or_came_from_elsewhere_did_not_wait_here(
    pool: Pool, dsn: str, doorbell: ArqDoorbell, user: UUID, run_after: str, age_s: float
) -> None:
    job = a_job(dsn, an_image(dsn, user), user)
    waits(dsn, job, 3600)
    sql(dsn, f"update jobs set run_after = {run_after} where id = '{job}'")
    pulse = await JobService(pool, doorbell).pulse([embed_queue("lite")], 60)
    assert age_s <= pulse.oldest_s < age_s + 1000


async def test_only_our_own_faults_count(pool: Pool, dsn: str, doorbell: ArqDoorbell, user: UUID) -> None:
    for ours in (True, False):
        job = a_job(dsn, an_image(dsn, user), user)
        sql(
            dsn,
            "update jobs set status = 'failed', error = '{}', finished_at = now(),"
            f" our_fault = {ours} where id = '{job}'",
        )
    pulse = await JobService(pool, doorbell).pulse([embed_queue("lite")], 60)
    assert (pulse.ended, pulse.faults) == (2, 1)
