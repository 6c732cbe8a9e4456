"""Decisions with a cached flag: a change acts at once where Redis tells of it, else within half a second."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self, TypeAlias
from uuid import UUID

import structlog
from pydantic import ValidationError

from app.accounts import audit
from app.accounts.service import AccountService
from app.aio import end
from app.credits.service import micros
from app.credits.types import LEGACY_MICROS
from app.db.pool import Connection, Pool, connection, transaction
from app.engines.names import EngineName
from app.errors import Unavailable
from app.flags import repository
from app.flags.decide import decide, decide_for_ours
from app.flags.errors import BudgetSpent, FlagInvalid
from app.flags.repository import Version
from app.flags.types import (
    FLAG,
    UNASKED,
    Decision,
    Flag,
    Mode,
    Reason,
    Rules,
    Situation,
    Subject,
    Switch,
)
from app.queue.port import Publisher, Subscriber
from app.settings import Settings

CHANNEL = "cutout:flags"
FRESH_S = 0.5
"""DESIGN §12: the kill switch acts within a second, also when it is set by SQL or Redis is away."""
_RETRY_S = 1.0

Change: TypeAlias = Callable[[Rules], Mapping[str, Any]]
"""From the rules in force to what is to be another, as JSON."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class EnginePolicy:
    """What the environment says."""

    mode: Mode = "auto"
    legacy: bool = False
    daily_micros: int = 0
    """Micro-dollars that ClippingMagic may cost unasked, by day (UTC)."""

    @classmethod
    def set_by(cls, settings: Settings) -> Self:
        return cls(settings.use_sam2_editor, settings.legacy, micros(settings.legacy_daily_usd))


@dataclass(slots=True)
class _Known:
    flag: Flag
    newest: int
    """Its newest version, be it malformed."""
    situation: Situation
    until: float
    subjects: dict[UUID, Subject] = field(default_factory=dict)


class Flags:
    def __init__(
        self,
        pool: Pool,
        policy: EnginePolicy,
        publisher: Publisher | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` counts seconds of this process: the time of day plays no part."""
        self._pool = pool
        self._policy = policy
        self._publisher = publisher
        self._clock = clock
        self._known: _Known | None = None
        self._alarmed = 0
        self._loading = asyncio.Lock()

    @property
    def policy(self) -> EnginePolicy:
        return self._policy

    @asynccontextmanager
    async def listening(self, subscriber: Subscriber) -> AsyncIterator["Flags"]:
        """Hears of changes for the time of the block."""
        task = asyncio.create_task(self._hear(subscriber))
        try:
            yield self
        finally:
            await end([task])

    async def decide(self, user_id: UUID) -> Decision:
        """Which engine this user gets now, and why; said in the log. Raises DatabaseUnavailable."""
        decision = await self.explain(user_id)
        _log.info("engine decided", user=str(user_id), **decision.as_json())
        return decision

    async def explain(self, user_id: UUID) -> Decision:
        """As `decide`, without a line in the log."""
        known = await self._present()
        if user_id not in known.subjects:
            async with connection(self._pool) as conn:
                known.subjects[user_id] = await repository.subject(conn, user_id)
        return decide(known.flag, self._policy.mode, known.subjects[user_id], known.situation)

    async def current(self) -> Flag:
        """What is in force. Raises DatabaseUnavailable."""
        return (await self._present()).flag

    async def rules(self, conn: Connection) -> Rules:
        """What is in force, by the caller's connection: nobody who has one waits for another."""
        return newest(await repository.versions(conn))[0].rules

    async def for_ours(self) -> tuple[Flag, Decision]:
        """What is in force, and where whoever it gives our own engine is sent. Raises DatabaseUnavailable."""
        known = await self._present()
        return known.flag, decide_for_ours(known.flag, self._policy.mode, known.situation)

    async def history(self, limit: int = 20) -> list[Version]:
        """As written, newest first; what cannot be read as rules too."""
        async with connection(self._pool) as conn:
            return await repository.versions(conn, limit)

    async def switches(self, days: int, limit: int = 100) -> list[Switch]:
        """When the fallback went on and off, newest first."""
        async with connection(self._pool) as conn:
            return await repository.switches(conn, days, limit)

    async def overrides(self) -> dict[UUID, EngineName]:
        async with connection(self._pool) as conn:
            return await repository.overrides(conn)

    async def change(self, changes: Change, actor: str = audit.COMMAND_LINE) -> Flag:
        """Some of the rules; what is in force gives the others. Raises FlagInvalid."""
        async with transaction(self._pool) as conn:
            await repository.lock(conn, actor)
            present = await self.rules(conn)
            changed = changes(present)
            rules = _valid({**present.as_json(), **changed})
            version = await repository.change(conn, rules.as_json())
            await audit.record(conn, actor, "flag.set", None, {"flag": FLAG, **changed})
        await self.tell()
        return Flag(version.version, rules, version.changed_by, version.changed_at)

    async def override(
        self, user_id: UUID, engine: EngineName | None, actor: str = audit.COMMAND_LINE
    ) -> None:
        """None: as the rules say again. Raises UserNotFound."""
        await AccountService(self._pool).get(user_id)
        async with transaction(self._pool) as conn:
            await repository.override(conn, user_id, engine)
            await audit.record(conn, actor, "flag.override", user_id, {"flag": FLAG, "engine": engine})
        await self.tell()

    @asynccontextmanager
    async def paid(self, reason: Reason) -> AsyncIterator[None]:
        """Where nobody asked for it, one image of the day's budget; given back where the block raises.

        Raises BudgetSpent.
        """
        if reason not in UNASKED:
            yield
            return
        async with connection(self._pool) as conn:
            day = await self._spend(conn)
        if day is None:
            raise BudgetSpent("ClippingMagic stands in no longer today; reload the page")
        try:
            yield
        except BaseException:
            with suppress(Unavailable):
                await asyncio.shield(self._give_back(day))
            raise

    async def spend(self, conn: Connection) -> bool:
        """One image of the day's budget, in the transaction that makes its job. False: it is spent."""
        return await self._spend(conn) is not None

    async def tell(self) -> None:
        """Everybody looks again. Never raises: they do anyway, half a second later."""
        self.forget()
        if self._publisher is not None:
            with suppress(Unavailable):
                await self._publisher.publish((CHANNEL, b""))

    def forget(self) -> None:
        """Look again at the next decision."""
        if self._known is not None:
            self._known.until = 0.0

    async def _present(self) -> _Known:
        if (known := self._known) is not None and self._clock() < known.until:
            return known
        async with self._loading:
            if self._known is None or self._clock() >= self._known.until:
                self._known = await self._looked(self._known)
            return self._known

    async def _looked(self, before: _Known | None) -> _Known:
        """What is known stays in force while Postgres is away."""
        until = self._clock() + FRESH_S
        try:
            return await self._load(before, until)
        except Unavailable:
            if before is None:
                raise
            _log.warning("the flag's row cannot be read; what was last known stays in force")
            # from now: to wait for a database that is away took longer than what is known is fresh
            before.until = self._clock() + FRESH_S
            return before

    async def _load(self, before: _Known | None, until: float) -> _Known:
        async with connection(self._pool) as conn:
            present = await repository.present(conn)
            changed = before is None or present.version != before.newest
            versions = await repository.versions(conn) if changed else []
        left = self._policy.daily_micros - present.spent
        situation = Situation(self._policy.legacy, present.fallback, left >= LEGACY_MICROS)
        if before is not None and not changed:
            return _Known(before.flag, before.newest, situation, until)
        flag, malformed = newest(versions)
        self._alarm(malformed, flag)
        return _Known(flag, present.version, situation, until)

    async def _spend(self, conn: Connection) -> date | None:
        return await repository.spend(conn, LEGACY_MICROS, self._policy.daily_micros)

    async def _give_back(self, day: date) -> None:
        async with connection(self._pool) as conn:
            await repository.unspend(conn, LEGACY_MICROS, day)

    def _alarm(self, malformed: list[Version], flag: Flag) -> None:
        """Once for each version."""
        if malformed and malformed[0].version > self._alarmed:
            self._alarmed = malformed[0].version
            in_force, by = flag.version, malformed[0].changed_by
            _log.error("flag malformed", flag=FLAG, version=self._alarmed, by=by, in_force=in_force)

    async def _hear(self, subscriber: Subscriber) -> None:
        while True:
            with suppress(Unavailable):
                async for _ in subscriber.messages(CHANNEL):
                    self.forget()
            await asyncio.sleep(_RETRY_S)


def newest(versions: list[Version]) -> tuple[Flag, list[Version]]:
    """The newest that can be read, and those above it that cannot. None can: nobody gets the new editor."""
    malformed: list[Version] = []
    for version in versions:
        try:
            rules = _valid(version.rules)
        except FlagInvalid:
            malformed.append(version)
        else:
            return Flag(version.version, rules, version.changed_by, version.changed_at), malformed
    return Flag(0, Rules()), malformed


def _valid(rules: Any) -> Rules:
    """Raises FlagInvalid."""
    try:
        return Rules.model_validate(rules)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, problem["loc"])) or "rules"
        raise FlagInvalid(f"{where}: {problem['msg'].removeprefix('Value error, ')}") from None
