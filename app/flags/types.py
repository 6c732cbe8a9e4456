"""The flag `sam2_editor` and what is decided by it (DESIGN §12)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.engines.names import EngineName

FLAG = "sam2_editor"
"""Removed with the legacy engine: docs/migration.md."""

Mode = Literal["auto", "true", "false"]
"""USE_SAM2_EDITOR."""

Share = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
"""Percent."""


class Rules(BaseModel):
    """What operators set; the row's `rules`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    kill: bool = False
    """Everybody to ClippingMagic, at once."""
    percentage: Share = 0
    """Of the users that no list and no override names: so many get the new editor."""
    allow: frozenset[str] = frozenset()
    """Users by id, or all with an address `@domain`: the new editor."""
    deny: frozenset[str] = frozenset()
    """The same: the legacy editor. Goes before `allow`."""
    rerun: bool = False
    """A `remove` that failed by our own fault is done by ClippingMagic."""
    shadow: Share = 0
    """Of the legacy jobs: so many are done by the new path as well, to be compared."""

    @field_validator("allow", "deny", mode="before")
    @classmethod
    def _listed(cls, names: object) -> object:
        return frozenset(names) if isinstance(names, list) else names

    @field_validator("allow", "deny")
    @classmethod
    def _known(cls, names: frozenset[str]) -> frozenset[str]:
        return frozenset(_entry(name) for name in names)

    def as_json(self) -> dict[str, Any]:
        document = self.model_dump(mode="json")
        return {**document, "allow": sorted(self.allow), "deny": sorted(self.deny)}


def _entry(name: str) -> str:
    """As it is compared. Raises ValueError."""
    if name.startswith("@") and len(name) > 1 and "@" not in name[1:]:
        return name.lower()
    return str(UUID(name))


@dataclass(frozen=True, slots=True)
class Flag:
    version: int
    rules: Rules
    changed_by: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom it is decided for."""

    user_id: UUID
    email: str | None = None
    override: EngineName | None = None

    def is_in(self, names: frozenset[str]) -> bool:
        domain = self.email.lower().rpartition("@")[2] if self.email else None
        return str(self.user_id) in names or (domain is not None and f"@{domain}" in names)


@dataclass(frozen=True, slots=True)
class Situation:
    """What every decision has to reckon with."""

    legacy: bool = True
    """ClippingMagic's credentials are set."""
    fallback: bool = False
    """Our own path is unwell."""
    budget_left: bool = True
    """ClippingMagic may be used unasked today."""


class Reason(StrEnum):
    NO_LEGACY = "no_legacy"
    """There is no other engine."""
    ENV_OFF = "env_off"
    KILL_SWITCH = "kill_switch"
    ENV_ON = "env_on"
    OVERRIDE = "override"
    DENIED = "denied"
    ALLOWED = "allowed"
    PERCENTAGE = "percentage"
    FALLBACK = "fallback"
    """Would be sam2, which is unwell."""
    BUDGET_SPENT = "budget_spent"
    """Would fall back, but the day's budget for that is gone."""
    BEGUN = "begun"
    """The image's edit began with this engine and ends with it."""
    ASKED = "asked"
    """A person sent the image there."""
    RERUN = "rerun"
    """Our own path failed this job."""
    LEGACY_FAILED = "legacy_failed"
    """ClippingMagic should have stood in for our own path, and failed as well: the job waits for ours."""


UNASKED = frozenset({Reason.FALLBACK, Reason.RERUN})
"""ClippingMagic is then paid from the day's budget."""


@dataclass(frozen=True, slots=True)
class Decision:
    engine: EngineName
    reason: Reason
    flag_version: int

    def as_json(self) -> dict[str, Any]:
        return {"engine": self.engine, "reason": self.reason, "flag_version": self.flag_version}


@dataclass(frozen=True, slots=True)
class Switch:
    """The fallback went on, or off."""

    fallback: bool
    reason: str
    details: dict[str, Any]
    switched_at: datetime
