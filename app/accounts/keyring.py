"""A user's API keys: made, listed, revoked."""

from uuid import UUID

import uuid_utils

from app.accounts import audit, keys, repository
from app.accounts.errors import KeyNotFound, ScopeMissing, TooManyKeys
from app.accounts.types import ApiKey, Scope
from app.db.page import Page, after, cut
from app.db.pool import Pool, connection, transaction

MAX_KEYS = 100
"""Good ones of one user: who needs more has lost count."""


class Keyring:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(
        self,
        user_id: UUID,
        scopes: frozenset[Scope],
        *,
        name: str = "",
        lifetime_s: float | None = None,
        within: frozenset[Scope] = frozenset(Scope),
    ) -> tuple[ApiKey, str]:
        """The key's row and, this once, the key. Raises TooManyKeys, ScopeMissing for one not `within`."""
        if beyond := scopes - within:
            raise ScopeMissing(f"a key cannot give what it has not: {', '.join(sorted(beyond))}")
        key = keys.make()
        values = {
            "id": UUID(bytes=uuid_utils.uuid7().bytes),
            "user_id": user_id,
            "name": name,
            "prefix": key[: keys.PREFIX_LENGTH],
            "sha256": keys.digest(key),
            "scopes": sorted(scopes),
            "lifetime_s": lifetime_s,
            "limit": MAX_KEYS,
        }
        async with transaction(self._pool) as conn:
            row = await repository.insert_key(conn, values)
        if row is None:
            raise TooManyKeys(f"the account has {MAX_KEYS} keys; revoke one first")
        return row, key

    async def list(self, user_id: UUID, cursor: str | None = None, limit: int = 50) -> Page[ApiKey]:
        """Newest first, revoked ones too. Raises BadCursor."""
        async with connection(self._pool) as conn:
            found = await repository.list_keys(conn, user_id, after(cursor), limit + 1)
        return cut(found, [key.id for key in found], limit)

    async def revoke(self, user_id: UUID | None, key_id: UUID) -> ApiKey:
        """From the next request on; again is no error. `user_id` None: whoever's, by an operator.

        Raises KeyNotFound.
        """
        async with transaction(self._pool) as conn:
            key = await repository.revoke_key(conn, user_id, key_id)
            if key is None:
                raise KeyNotFound("no such key")
            if user_id is None:
                details = {"key": str(key_id)}
                await audit.record(conn, audit.COMMAND_LINE, "key.revoked", key.user_id, details)
        return key
