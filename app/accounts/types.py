"""Who calls, and what they may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

LOCAL_USER_ID = UUID("00000000-0000-7000-8000-000000000001")
"""The one user of `cutout dev`."""


class Scope(StrEnum):
    """What a key may do with its owner's account."""

    READ = "read"
    WRITE = "write"
    """Make, change and delete things, and spend credits."""
    ADMIN = "admin"
    """Say who else may: keys."""


class Role(StrEnum):
    """What a user is to this service. Each may do what those before it may."""

    USER = "user"
    REVIEWER = "reviewer"
    ADMIN = "admin"

    def covers(self, other: "Role") -> bool:
        return _RANK[self] >= _RANK[other]


_RANK = {role: rank for rank, role in enumerate(Role)}

EVERY_SCOPE = frozenset(Scope)
"""Of a person who signed in."""


@dataclass(frozen=True, slots=True)
class Caller:
    user_id: UUID
    scopes: frozenset[Scope]
    role: Role
    key_id: UUID | None = None
    """Of the key that was shown; None for a person who signed in."""


@dataclass(frozen=True, slots=True)
class User:
    id: UUID
    email: str | None
    role: Role
    retention_days: int | None
    """How long images are kept; None: the default."""
    created_at: datetime


AUTO_MODEL = "auto"
"""The best that the server has."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a user's jobs get where they do not say."""

    model: str = AUTO_MODEL
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of app.matting.options.CutoutOptions, those that differ from its defaults."""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key. The key itself is known to its owner alone."""

    id: UUID
    user_id: UUID
    name: str
    prefix: str
    """Its first characters, to tell it from others."""
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Left:
    """What remains of a rate limit, after this request."""

    policy: str
    quota: int
    window_s: int
    remaining: int
    full_in_s: int
    """Seconds until all of it is there again."""
