"""What a sign-in gives."""

from dataclasses import dataclass
from uuid import UUID

TOKEN_LIFETIME_S = 3600
"""Of an access token, as Supabase's default."""
SIGN_IN_LIFETIME_S = 30 * 86_400
"""Without a refresh; each begins it anew."""
REUSE_S = 10
"""A refresh token counts for so long after its use: an answer may be lost (Supabase's default)."""
MIN_PASSWORD, MAX_PASSWORD = 12, 256
"""Characters: between the 8 of NIST SP 800-63B rev. 3 and the 15 of rev. 4; the upper one bounds the work."""


@dataclass(frozen=True, slots=True)
class Granted:
    """Both tokens, this once; the refresh token's hash alone is kept."""

    user_id: UUID
    email: str
    access_token: str
    refresh_token: str
    expires_at: int
    """Of the access token, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Of an access token of ours."""

    user_id: UUID
    sign_in_id: UUID
