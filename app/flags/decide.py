"""Which engine a user gets. Pure: the same user, the same rules, the same answer, on every machine."""

import hashlib
from typing import TypeAlias
from uuid import UUID

from app.engines.names import EngineName
from app.flags.types import FLAG, Decision, Flag, Mode, Reason, Rules, Situation, Subject

Choice: TypeAlias = tuple[EngineName, Reason]
SAM2, LEGACY = EngineName.SAM2, EngineName.CLIPPINGMAGIC


def decide(flag: Flag, mode: Mode, subject: Subject, situation: Situation) -> Decision:
    """In the order of DESIGN §12: env off, kill switch, env on, rules; then what our health allows."""
    wanted = _forced(flag.rules, mode) or _ruled(flag.rules, subject)
    engine, reason = _allowed(wanted, situation)
    return Decision(engine, reason, flag.version)


def decide_for_ours(flag: Flag, mode: Mode, situation: Situation) -> Decision:
    """As `decide`, for whomever the rules give our own engine by the percentage."""
    wanted = _forced(flag.rules, mode) or (SAM2, Reason.PERCENTAGE)
    engine, reason = _allowed(wanted, situation)
    return Decision(engine, reason, flag.version)


def place(user_id: UUID, salt: str = FLAG) -> float:
    """Where a user stands between 0 and 100, evenly spread and for ever: who is below the percentage has the
    new editor, so a larger percentage only adds users."""
    digest = hashlib.sha256(salt.encode() + user_id.bytes).digest()
    return int.from_bytes(digest[:8], "big") * 100 / 2**64


def _forced(rules: Rules, mode: Mode) -> Choice | None:
    """What goes before the rules, for everybody."""
    if mode == "false":
        return LEGACY, Reason.ENV_OFF
    if rules.kill:
        return LEGACY, Reason.KILL_SWITCH
    if mode == "true":
        return SAM2, Reason.ENV_ON
    return None


def _ruled(rules: Rules, subject: Subject) -> Choice:
    if subject.override is not None:
        return subject.override, Reason.OVERRIDE
    if subject.is_in(rules.deny):
        return LEGACY, Reason.DENIED
    if subject.is_in(rules.allow):
        return SAM2, Reason.ALLOWED
    return (SAM2 if place(subject.user_id) < rules.percentage else LEGACY), Reason.PERCENTAGE


def _allowed(wanted: Choice, situation: Situation) -> Choice:
    """What there is, what our health allows, and what the day's budget pays."""
    if not situation.legacy:
        return SAM2, Reason.NO_LEGACY
    if wanted[0] is SAM2 and situation.fallback:
        return (LEGACY, Reason.FALLBACK) if situation.budget_left else (SAM2, Reason.BUDGET_SPENT)
    return wanted
