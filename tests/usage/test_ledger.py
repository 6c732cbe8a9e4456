"""Credits and dollars to the unit, over jobs of all kinds that end in every way."""

import random
from typing import Any

import pytest

from app.credits.service import Credits
from app.db.pool import Pool
from app.flags.rescue import Rescuer
from app.flags.service import EnginePolicy, Flags
from app.jobs.claims import Claims
from app.jobs.events import Events
from app.jobs.service import JobService
from app.queue.arq_adapter import ArqDoorbell
from app.usage.service import Usage
from tests.usage.ledger import Ledger


@pytest.fixture
def flags(pool: Pool) -> Flags:
    return Flags(pool, EnginePolicy(legacy=True, daily_micros=10**12))


@pytest.fixture
def ledger(dsn: str, pool: Pool, doorbell: ArqDoorbell, flags: Flags) -> Ledger:
    claims = Claims(pool, doorbell, Events(None), Rescuer(flags))
    jobs = JobService(pool, doorbell, flags=flags)
    return Ledger(dsn, pool, jobs, claims, flags, random.Random(8))


async def value(pool: Pool, statement: str) -> Any:
    async with pool.connection() as conn:
        row = await (await conn.execute(statement.encode())).fetchone()
    assert row is not None
    return next(iter(row.values()))


@pytest.mark.parametrize("count", [400, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_sums_are_what_the_rows_say(ledger: Ledger, pool: Pool, flags: Flags, count: int) -> None:
    await flags.change(lambda _: {"rerun": True})
    await ledger.create(count)
    await ledger.work()
    assert await value(pool, "select count(*) from jobs where finished_at is null") == 0
    assert await value(pool, "select count(*) from usage") == count
    # dollars: what the runs were told to cost, what the jobs hold, what usage says
    micros = sum(ledger.micros.values())
    assert await value(pool, "select sum(cost_micros)::bigint from jobs") == micros
    assert await value(pool, "select sum(cost_micros)::bigint from usage") == micros
    # credits: once for an image, by the first job on it that succeeded; nothing is held any more
    charged = await value(pool, "select sum(credits)::bigint from jobs")
    priced = """
        select sum(case when j.engine = 'clippingmagic' and j.engine_reason not in ('fallback', 'rerun')
                        then 1000 else 500 end)::bigint
        from images i join jobs j on j.id = i.charged_job"""
    assert charged == await value(pool, priced)
    assert charged == await value(pool, "select sum(spent)::bigint from credit_entries")
    assert charged == await value(pool, "select sum(credits)::bigint from usage")
    balances = [await Credits(pool).balance(user) for user in ledger.users]
    assert (sum(b.spent for b in balances), sum(b.held for b in balances)) == (charged, 0)
    await _sums_of_users(ledger, pool, micros, charged)
    print(f"\n{count} jobs, {micros} micro-dollars, {charged} milli-credits: {dict(ledger.ways)}")
    assert {"succeeded", "crashed", "given back", "canceled", "late"} <= ledger.ways.keys()
    assert "failed, then queued at clippingmagic" in ledger.ways  # the rescue


async def _sums_of_users(ledger: Ledger, pool: Pool, micros: int, charged: int) -> None:
    """By day and by month, rolled up twice."""
    usage = Usage(pool)
    await usage.roll_up()
    await usage.roll_up()
    days = [day.sums for user in ledger.users for day in await usage.days(2, user)]
    months = [month.sums for user in ledger.users for month in await usage.months(user)]
    everybody = [day.sums for day in await usage.days(2)]
    for sums in (days, months, everybody):
        assert (sum(s.cost_micros for s in sums), sum(s.credits for s in sums)) == (micros, charged)
        assert sum(s.jobs for s in sums) == sum(s.jobs for s in everybody)
    lines = [line async for line in usage.csv(2)]
    cost = lines[0].strip().split(",").index("cost_micros")
    assert sum(int(line.split(",")[cost]) for line in lines[1:]) == micros
