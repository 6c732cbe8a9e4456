"""Which engine a user gets. Pure: the same user, the same rules, the same answer, on every machine."""

import hashlib
from uuid import UUID

from app.engines.names import EngineName
from app.flags.types import FLAG, Decision, Flag, Mode, Reason, Rules, Situation, Subject

SAM2, LEGACY = EngineName.SAM2, EngineName.CLIPPINGMAGIC


def decide(flag: Flag, mode: Mode, subject: Subject, situation: Situation) -> Decision:
    """In the order of DESIGN §12: env off, kill switch, env on, rules; then what our health allows."""
    engine, reason = _wanted(flag.rules, mode, subject)
    if not situation.legacy:
        engine, reason = SAM2, Reason.NO_LEGACY
    elif engine is SAM2 and situation.fallback:
        engine, reason = (LEGACY, Reason.FALLBACK) if situation.budget_left else (SAM2, Reason.BUDGET_SPENT)
    return Decision(engine, reason, flag.version)


def place(user_id: UUID, salt: str = FLAG) -> float:
    """Where a user stands between 0 and 100, evenly spread and for ever: who is below the percentage has the
    new editor, so a larger percentage only adds users."""
    digest = hashlib.sha256(salt.encode() + user_id.bytes).digest()
    return int.from_bytes(digest[:8], "big") * 100 / 2**64


def _wanted(rules: Rules, mode: Mode, subject: Subject) -> tuple[EngineName, Reason]:
    if mode == "false":
        return LEGACY, Reason.ENV_OFF
    if rules.kill:
        return LEGACY, Reason.KILL_SWITCH
    if mode == "true":
        return SAM2, Reason.ENV_ON
    return _ruled(rules, subject)


def _ruled(rules: Rules, subject: Subject) -> tuple[EngineName, Reason]:
    if subject.override is not None:
        return subject.override, Reason.OVERRIDE
    if subject.is_in(rules.deny):
        return LEGACY, Reason.DENIED
    if subject.is_in(rules.allow):
        return SAM2, Reason.ALLOWED
    return (SAM2 if place(subject.user_id) < rules.percentage else LEGACY), Reason.PERCENTAGE
