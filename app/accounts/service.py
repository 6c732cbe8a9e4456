"""Who owns rows. Sign-up is Supabase's; a user of ours is the shadow of its id."""

from pathlib import Path
from uuid import UUID

from app.db.pool import Pool, connection
from app.db.queries import load

_SQL = load(Path(__file__).with_name("queries.sql"))


class AccountService:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def ensure(self, user_id: UUID, email: str | None = None) -> None:
        """Make the user's row unless it is there. Raises DatabaseUnavailable."""
        async with connection(self._pool) as conn:
            await conn.execute(_SQL["ensure_user"], {"id": user_id, "email": email})
