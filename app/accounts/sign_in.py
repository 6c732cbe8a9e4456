"""From what a request shows to who calls. Nothing is remembered in between: a revoked key ends at once."""

from app.accounts import keys, repository
from app.accounts.errors import AccountClosed, KeyRefused, NotSignedIn
from app.accounts.issuer import Issuer
from app.accounts.tokens import Identity
from app.accounts.types import EVERY_SCOPE, Caller
from app.db.pool import Pool, connection


class SignIn:
    def __init__(self, pool: Pool, issuer: Issuer | None) -> None:
        """Without an issuer only keys are good."""
        self._pool = pool
        self._issuer = issuer

    async def by_key(self, key: str) -> Caller:
        """Raises KeyMalformed before any look-up, KeyRefused."""
        keys.check(key)
        async with connection(self._pool) as conn:
            found = await repository.key_shown(conn, keys.digest(key))
            if found is None:
                raise KeyRefused("there is no such API key, or it was revoked or has expired")
            caller, to_be_noted = found
            if to_be_noted and caller.key_id is not None:
                await repository.note_use(conn, caller.key_id)
        return caller

    async def by_token(self, token: str) -> Caller:
        """Raises as `identify`, AccountClosed."""
        identity = await self.identify(token)
        async with connection(self._pool) as conn:
            user = await repository.user(conn, identity.user_id)
            if user is None or (identity.email is not None and user.email != identity.email):
                await repository.ensure_user(conn, identity.user_id, identity.email)
                user = await repository.user(conn, identity.user_id)
        if user is None:
            raise AccountClosed("this account was closed")
        return Caller(user.id, EVERY_SCOPE, user.role)

    async def identify(self, token: str) -> Identity:
        """Raises TokenRefused, TokenExpired, SignInUnavailable, NotSignedIn without an issuer."""
        if self._issuer is None:
            raise NotSignedIn("this server takes API keys only")
        return await self._issuer.identify(token)
