"""The flag over a real database and Redis: who hears of a change, what a malformed row does."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import psycopg
import pytest
from structlog.testing import capture_logs

from app.accounts.errors import UserNotFound
from app.db.errors import DatabaseUnavailable
from app.db.pool import Connection, Pool, connection, open_pool, transaction
from app.engines.names import EngineName
from app.flags import repository
from app.flags.errors import BudgetSpent, FlagInvalid
from app.flags.repository import Present
from app.flags.service import FRESH_S, EnginePolicy, Flags
from app.flags.types import Reason
from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.pubsub import RedisSubscriber
from tests.rows import a_user, new_id

LEGACY = EnginePolicy(legacy=True, daily_micros=1_000_000)


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def flags(pool: Pool, clock: Clock) -> Flags:
    return Flags(pool, LEGACY, clock=clock)


@pytest.fixture
def user(dsn: str) -> UUID:
    return a_user(dsn)


async def said(flags: Flags, user: UUID) -> str:
    decision = await flags.decide(user)
    return f"{decision.engine} {decision.reason}"


def sql(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(statement.encode())


async def test_at_first_nobody_has_the_new_editor(flags: Flags, user: UUID) -> None:
    assert await said(flags, user) == "clippingmagic percentage"


async def test_a_change_acts_at_once_and_is_a_version(flags: Flags, user: UUID) -> None:
    await flags.change(lambda _: {"percentage": 100})
    assert await said(flags, user) == "sam2 percentage"
    flag = await flags.change(lambda rules: {"kill": not rules.kill}, actor="somebody")
    assert (flag.version, flag.rules.percentage, flag.changed_by) == (3, 100, "somebody")
    assert await said(flags, user) == "clippingmagic kill_switch"
    assert [version.changed_by for version in await flags.history()] == [
        "somebody",
        "command line",
        "migration",
    ]


async def test_sql_acts_within_half_a_second_of_this_process(
    flags: Flags, user: UUID, dsn: str, clock: Clock
) -> None:
    await flags.change(lambda _: {"percentage": 100})
    assert await said(flags, user) == "sam2 percentage"
    sql(dsn, """update flags set rules = rules || '{"kill": true}'""")
    assert await said(flags, user) == "sam2 percentage"  # what is known is not asked for again
    clock.now += FRESH_S
    assert await said(flags, user) == "clippingmagic kill_switch"


@pytest.fixture
async def elsewhere(pool: Pool, redis_url: str) -> AsyncIterator[Flags]:
    """Another process, whose clock stands still: it knows only what it is told."""
    redis = connect(redis_url)
    flags = Flags(pool, LEGACY, clock=Clock())
    async with flags.listening(RedisSubscriber(redis)):
        yield flags
    await redis.aclose(close_connection_pool=True)


async def test_redis_tells_other_processes(
    pool: Pool, doorbell: ArqDoorbell, user: UUID, elsewhere: Flags
) -> None:
    assert await said(elsewhere, user) == "clippingmagic percentage"
    here = Flags(pool, LEGACY, doorbell)
    await here.change(lambda _: {"percentage": 100})
    async with asyncio.timeout(20):
        while await said(elsewhere, user) != "sam2 percentage":
            await here.tell()  # the subscription may not have stood yet
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "rules",
    [
        """'"all of them"'""",
        "'[]'",
        """'{"percentage": 101}'""",
        """'{"percentage": "ten"}'""",
        """'{"percentag": 10}'""",
        """'{"allow": ["nobody"]}'""",
        """'{"kill": "yes"}'""",
    ],
)
async def test_a_malformed_row_alarms_and_changes_nothing(
    pool: Pool, flags: Flags, user: UUID, dsn: str, rules: str
) -> None:
    await flags.change(lambda _: {"percentage": 100})
    sql(dsn, f"update flags set rules = {rules}")
    fresh = Flags(pool, LEGACY)
    with capture_logs() as log:
        assert await said(fresh, user) == "sam2 percentage"
        fresh.forget()
        assert await said(fresh, user) == "sam2 percentage"
    alarms = [entry for entry in log if entry["log_level"] == "error"]
    assert [(entry["event"], entry["version"], entry["in_force"]) for entry in alarms] == [
        ("flag malformed", 3, 2)
    ]
    assert (await fresh.change(lambda _: {"shadow": 5})).rules.percentage == 100


async def test_where_no_version_can_be_read_nobody_is_moved(pool: Pool, user: UUID, dsn: str) -> None:
    sql(dsn, "delete from flag_versions; update flags set rules = '17'")
    assert await said(Flags(pool, LEGACY), user) == "clippingmagic percentage"


@pytest.mark.parametrize(
    "changes", [{"percentage": 100.1}, {"percentage": -1}, {"kill": 1}, {"what": 1}, {"deny": ["x"]}]
)
async def test_rules_that_cannot_be_are_refused(flags: Flags, changes: dict[str, object]) -> None:
    with pytest.raises(FlagInvalid):
        await flags.change(lambda _: changes)
    assert (await flags.current()).version == 1


async def test_an_override_is_one_users(flags: Flags, user: UUID, dsn: str) -> None:
    await flags.override(user, EngineName.SAM2)
    assert await said(flags, user) == "sam2 override"
    assert await flags.overrides() == {user: EngineName.SAM2}
    assert await said(flags, a_user(dsn)) == "clippingmagic percentage"
    await flags.override(user, None)
    assert await said(flags, user) == "clippingmagic percentage"
    with pytest.raises(UserNotFound):
        await flags.override(new_id(), EngineName.SAM2)


async def test_decisions_are_explained_in_the_log(flags: Flags, user: UUID) -> None:
    with capture_logs() as log:
        await flags.decide(user)
    assert log == [
        {
            "event": "engine decided",
            "log_level": "info",
            "user": str(user),
            "engine": "clippingmagic",
            "reason": "percentage",
            "flag_version": 1,
        }
    ]


async def test_what_is_known_stays_in_force_while_the_database_is_away(
    dsn: str, user: UUID, clock: Clock
) -> None:
    pool = await open_pool(dsn, 1, 2)
    flags = Flags(pool, LEGACY, clock=clock)
    await flags.change(lambda _: {"percentage": 100})
    assert await said(flags, user) == "sam2 percentage"
    await pool.close()
    clock.now += 60
    assert await said(flags, user) == "sam2 percentage"


async def test_a_database_that_is_away_is_not_asked_for_each_decision(
    flags: Flags, user: UUID, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def away(_conn: Connection) -> Present:
        nonlocal asked
        asked += 1
        clock.now += 5  # a pool gives up after so long
        raise DatabaseUnavailable("away")

    await said(flags, user)
    monkeypatch.setattr(repository, "present", away)
    clock.now += FRESH_S
    for _ in range(3):
        assert await said(flags, user) == "clippingmagic percentage"
    assert asked == 1


async def test_rules_are_read_again_only_where_they_changed(
    flags: Flags, user: UUID, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await said(flags, user)
    read = repository.versions
    monkeypatch.delattr(repository, "versions")
    clock.now += FRESH_S
    assert await said(flags, user) == "clippingmagic percentage"
    monkeypatch.setattr(repository, "versions", read, raising=False)
    await flags.change(lambda _: {"percentage": 100})
    assert await said(flags, user) == "sam2 percentage"


async def test_a_block_that_raises_costs_nothing(pool: Pool) -> None:
    flags = Flags(pool, EnginePolicy(legacy=True, daily_micros=125_000))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            async with flags.paid(Reason.FALLBACK):
                raise ZeroDivisionError
    async with flags.paid(Reason.FALLBACK):
        pass
    async with flags.paid(Reason.ASKED):
        pass
    with pytest.raises(BudgetSpent):
        async with flags.paid(Reason.FALLBACK):
            pass


async def test_the_budget_is_never_overspent_by_many_at_once(flags: Flags, pool: Pool) -> None:
    """A dollar a day buys eight images."""

    async def buy() -> bool:
        async with transaction(pool) as conn:
            return await flags.spend(conn)

    assert sum(await asyncio.gather(*(buy() for _ in range(30)))) == 8
    async with connection(pool) as conn:
        row = await (
            await conn.execute("select sum(micros)::bigint as micros from legacy_spending")
        ).fetchone()
    assert row == {"micros": 1_000_000}


async def test_what_is_taken_back_is_not_spent(flags: Flags, pool: Pool, user: UUID) -> None:
    with pytest.raises(ZeroDivisionError):
        async with transaction(pool) as conn:
            assert await flags.spend(conn)
            raise ZeroDivisionError
    async with connection(pool) as conn:
        assert await flags.spend(conn)
        row = await (await conn.execute("select micros from legacy_spending")).fetchone()
    assert row == {"micros": 125_000}
