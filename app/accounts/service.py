"""Who owns rows. Sign-up is Supabase's; a user of ours is the shadow of its id."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from app.accounts import audit, repository
from app.accounts.errors import UserNotFound
from app.accounts.types import LOCAL_USER_ID, Defaults, Role, User
from app.db.page import Page, after, cut
from app.db.pool import Pool, connection, transaction

T = TypeVar("T")


class AccountService:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def ensure(self, user_id: UUID, email: str | None = None) -> None:
        """Make the user's row unless it is there or was closed; the local user pays nobody.

        Raises DatabaseUnavailable.
        """
        async with connection(self._pool) as conn:
            await repository.ensure_user(conn, user_id, email)
            if user_id == LOCAL_USER_ID:
                await repository.unmeter(conn, user_id)

    async def get(self, user_id: UUID) -> User:
        """Raises UserNotFound."""
        async with connection(self._pool) as conn:
            return _found(await repository.user(conn, user_id))

    async def find(self, name: str) -> User:
        """By id or e-mail. Raises UserNotFound, also where two users have the address."""
        try:
            return await self.get(UUID(name))
        except ValueError:
            pass
        async with connection(self._pool) as conn:
            found = await repository.users_by_email(conn, name)
        if len(found) != 1:
            raise UserNotFound(f"{len(found)} users have the address {name}; name one by its id")
        return found[0]

    async def list(self, cursor: str | None = None, limit: int = 50) -> Page[User]:
        """In the order of their ids. Raises BadCursor."""
        async with connection(self._pool) as conn:
            users = await repository.users(conn, after(cursor), limit + 1)
        return cut(users, [user.id for user in users], limit)

    async def set_role(self, user_id: UUID, role: Role, actor: str = audit.COMMAND_LINE) -> User:
        """Raises UserNotFound."""
        async with transaction(self._pool) as conn:
            user = _found(await repository.set_role(conn, user_id, role))
            await audit.record(conn, actor, "role.set", user_id, {"role": role})
        return user

    async def set_retention(self, user_id: UUID, days: int | None) -> User:
        """Of images from now on; None: the default. Raises UserNotFound."""
        async with connection(self._pool) as conn:
            return _found(await repository.set_retention(conn, user_id, days))

    async def defaults(self, user_id: UUID) -> Defaults:
        """Raises UserNotFound."""
        async with connection(self._pool) as conn:
            return _found(await repository.defaults(conn, user_id))

    async def set_defaults(self, user_id: UUID, model: str, options: Mapping[str, Any]) -> Defaults:
        """In the place of those before. Raises UserNotFound."""
        async with connection(self._pool) as conn:
            return _found(await repository.set_defaults(conn, user_id, {"model": model, "options": options}))


def _found(value: T | None) -> T:
    """Raises UserNotFound."""
    if value is None:
        raise UserNotFound("no such user")
    return value
