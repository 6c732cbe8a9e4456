"""Balances over the ledger: exact, and never below zero, whoever spends at once."""

import asyncio
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from app.accounts.errors import UserNotFound
from app.accounts.service import AccountService
from app.accounts.types import LOCAL_USER_ID
from app.credits.errors import NoCredits
from app.credits.service import Credits, milli
from app.credits.statement import statement_csv
from app.credits.types import Plan
from app.db.pool import Pool
from app.jobs.claims import Claims, Outcome, Spent, Success
from app.jobs.errors import JobEnded
from app.jobs.events import Events
from app.jobs.prices import SAM2, Prices
from app.jobs.service import JobService
from app.jobs.types import ApplyParams, EncodeParams, Job, JobKind, NewJob
from app.queue.arq_adapter import ArqDoorbell
from app.usage.service import Usage
from tests.rows import a_user, an_image


@pytest.fixture
def owner(dsn: str) -> UUID:
    return a_user(dsn, "prepaid")


@pytest.fixture
def credits(pool: Pool) -> Credits:
    return Credits(pool)


@pytest.fixture
def jobs(pool: Pool, doorbell: ArqDoorbell) -> JobService:
    return JobService(pool, doorbell)


@pytest.fixture
def claims(pool: Pool, doorbell: ArqDoorbell) -> Claims:
    return Claims(pool, doorbell, Events(None))


def apply(owner: UUID, image: UUID) -> NewJob:
    return NewJob(owner, JobKind.APPLY_MASK, "lite", image, ApplyParams())


async def test_nobody_spends_what_was_not_granted(
    dsn: str, credits: Credits, jobs: JobService, owner: UUID
) -> None:
    image = an_image(dsn, owner)
    with pytest.raises(NoCredits) as refused:
        await jobs.create(apply(owner, image))
    assert refused.value.status == 402
    assert (await jobs.list(owner)).items == ()
    await jobs.create(NewJob(owner, JobKind.ENCODE, "lite", image, EncodeParams()))
    await credits.grant(owner, SAM2)
    await jobs.create(apply(owner, image))
    balance = await credits.balance(owner)
    assert (balance.granted, balance.held, balance.spent, balance.available) == (SAM2, SAM2, 0, 0)


async def test_what_is_spent_is_gone_and_what_is_released_comes_back(
    dsn: str, credits: Credits, jobs: JobService, claims: Claims, owner: UUID
) -> None:
    await credits.grant(owner, 2 * SAM2)
    await jobs.create(apply(owner, an_image(dsn, owner)))
    canceled = await jobs.create(apply(owner, an_image(dsn, owner)))
    with pytest.raises(NoCredits):
        await jobs.create(apply(owner, an_image(dsn, owner)))
    job = await claims.claim("mask", "one", lease_s=30)
    assert job is not None
    await claims.succeed(job, Outcome({"a": 1}), {})
    await jobs.cancel(owner, canceled.id)
    balance = await credits.balance(owner)
    assert (balance.held, balance.spent, balance.available) == (0, SAM2, SAM2)
    await jobs.create(apply(owner, an_image(dsn, owner)))


async def test_200_spenders_at_once_spend_what_is_there(
    dsn: str, pool: Pool, credits: Credits, jobs: JobService, owner: UUID
) -> None:
    paid_for = 37
    await credits.grant(owner, paid_for * SAM2 + SAM2 - 1)
    images = [an_image(dsn, owner) for _ in range(200)]
    made = await asyncio.gather(
        *(jobs.create(apply(owner, image)) for image in images), return_exceptions=True
    )
    jobs_made = [job for job in made if isinstance(job, Job)]
    assert len(jobs_made) == paid_for
    assert {type(each) for each in made} == {Job, NoCredits}
    assert (await credits.balance(owner)).available == SAM2 - 1
    # and while half of them give theirs back, others take it
    more = await asyncio.gather(
        *(jobs.cancel(owner, job.id) for job in jobs_made[::2]),
        *(jobs.create(apply(owner, image)) for image in images),
        return_exceptions=True,
    )
    assert {type(each) for each in more} <= {Job, NoCredits, JobEnded}
    balance = await credits.balance(owner)
    assert balance.available >= 0
    assert balance.granted - balance.available == balance.held
    await assert_exact(pool, credits, owner)


async def test_two_who_end_each_others_users_jobs_do_not_wait_for_one_another(
    dsn: str, credits: Credits, jobs: JobService, claims: Claims
) -> None:
    """Many settlements in one transaction, in any order of users, while others reserve: no deadlock."""
    owners = [a_user(dsn) for _ in range(4)]
    for owner in owners * 8:
        await jobs.create(apply(owner, an_image(dsn, owner)))
    held = [job for _ in range(32) if (job := await claims.claim("mask", "one", lease_s=30))]
    ended = (claims.succeed(job, Outcome({"a": 1}), {}) for job in [*held[::2], *reversed(held[1::2])])
    reserved = (jobs.create(apply(owner, an_image(dsn, owner))) for owner in owners * 4)
    await asyncio.gather(*ended, *reserved)
    for owner in owners:
        balance = await credits.balance(owner)
        assert (balance.held, balance.spent) == (4 * SAM2, 8 * SAM2)


async def test_unmetered_is_counted_and_never_refused(
    dsn: str, credits: Credits, jobs: JobService, owner: UUID
) -> None:
    await credits.set_plan(owner, Plan.UNMETERED)
    await jobs.create(apply(owner, an_image(dsn, owner)))
    assert (await credits.balance(owner)).available == -SAM2
    with pytest.raises(NoCredits):
        await credits.set_plan(owner, Plan.PREPAID)
    await credits.grant(owner, SAM2)
    await credits.set_plan(owner, Plan.PREPAID)


async def test_the_local_user_pays_nobody(pool: Pool, credits: Credits) -> None:
    await AccountService(pool).ensure(LOCAL_USER_ID)
    assert (await credits.balance(LOCAL_USER_ID)).plan is Plan.UNMETERED


async def test_prices_come_from_outside(dsn: str, pool: Pool, doorbell: ArqDoorbell, owner: UUID) -> None:
    await Credits(pool).grant(owner, 700)
    await JobService(pool, doorbell, prices=Prices(sam2=700)).create(apply(owner, an_image(dsn, owner)))
    assert (await Credits(pool).balance(owner)).held == 700


async def test_no_more_is_taken_back_than_is_left(credits: Credits, owner: UUID) -> None:
    await credits.grant(owner, 100)
    with pytest.raises(NoCredits):
        await credits.grant(owner, -101)
    await credits.grant(owner, -100)
    assert (await credits.balance(owner)).available == 0


async def test_a_user_that_is_none(credits: Credits) -> None:
    for question in (
        credits.balance(uuid4()),
        credits.grant(uuid4(), 1),
        credits.set_plan(uuid4(), Plan.PREPAID),
    ):
        with pytest.raises(UserNotFound):
            await question


async def test_the_statement_ends_with_the_balance_and_holds_no_formula(
    dsn: str, credits: Credits, jobs: JobService, owner: UUID
) -> None:
    await credits.grant(owner, 1500, '=cmd|"x"')
    job = await jobs.create(apply(owner, an_image(dsn, owner)))
    await jobs.cancel(owner, job.id)
    lines = [line async for line in statement_csv(credits.statement(owner))]
    assert lines[0] == "time,entry,job,granted,held,spent,available,note\r\n"
    assert [line.split(",", 1)[1] for line in lines[1:]] == [
        'grant,,1.500,0.000,0.000,1.500,"\'=cmd|""x"""\r\n',
        f"reserve,{job.id},0.000,0.500,0.000,1.000,\r\n",
        f"release,{job.id},0.000,-0.500,0.000,1.500,\r\n",
    ]


async def test_usage_counts_an_image_once_and_previews_never(
    dsn: str, credits: Credits, jobs: JobService, claims: Claims, owner: UUID
) -> None:
    await credits.grant(owner, 10_000)
    image = an_image(dsn, owner)
    preview = NewJob(owner, JobKind.APPLY_MASK, "lite", image, ApplyParams(preview=True))
    for new in (apply(owner, image), apply(owner, image), preview, apply(owner, an_image(dsn, owner))):
        await jobs.create(new)
        job = await claims.claim("mask", "one", lease_s=30)
        assert job is not None
        await claims.succeed_all([Success(job, Outcome({"bytes": 7}), {}, Spent("mask", 2.5, 1000))])
    usage = Usage(claims._pool)
    (day,) = await usage.days(30, owner)
    sums = day.sums
    assert (sums.engine, sums.cutouts, sums.jobs, sums.credits) == ("sam2", 2, 4, 2 * SAM2)
    assert (sums.cost_micros, sums.worker_s, sums.bytes_stored) == (4000, 10.0, 28)
    assert sums.saved_micros == 2 * 125_000 - 4000
    assert await usage.days(30, a_user(dsn)) == []


@pytest.mark.parametrize(("credits", "amount"), [("0.5", 500), ("-1", -1000), ("0.001", 1)])
def test_milli_credits(credits: str, amount: int) -> None:
    assert milli(Decimal(credits)) == amount


@pytest.mark.parametrize("credits", ["0.0005", "NaN", "Infinity"])
def test_what_is_no_amount(credits: str) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        milli(Decimal(credits))


async def assert_exact(pool: Pool, credits: Credits, owner: UUID) -> None:
    """The balance is the sum of the ledger."""
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select coalesce(sum(granted), 0) as granted, coalesce(sum(held), 0) as held,"
            " coalesce(sum(spent), 0) as spent from credit_entries where user_id = %s",
            (owner,),
        )
        sums = await cursor.fetchone()
    balance = await credits.balance(owner)
    assert sums == {"granted": balance.granted, "held": balance.held, "spent": balance.spent}
