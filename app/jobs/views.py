"""What listeners see of the rows. Functions take the caller's connection."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from app.db.pool import Connection, Row
from app.db.queries import load
from app.jobs.repository import job_from
from app.jobs.types import Job, JobStatus

_SQL = load(Path(__file__).with_name("events.sql"))
_THOSE = f"{_SQL['view']}\n{_SQL['view_those']}"
_OWN = f"{_SQL['view']}\n{_SQL['view_own']}"


@dataclass(frozen=True, slots=True, eq=False)
class JobView:
    """One reading of a job, told to all its listeners; two readings are never the same."""

    job: Job
    """Without its params and its webhook."""
    size: tuple[int, int] | None
    """(width, height) of its image in ImageSpace; None once the image is deleted."""
    queue_position: int | None
    """1 = next; None when it does not wait, or was not asked for."""
    starting: bool | None = None
    """No worker of its queue is alive: one has to start. None as above."""


@dataclass(frozen=True, slots=True)
class Changed:
    id: UUID
    user_id: UUID
    version: int


async def present(conn: Connection) -> int:
    """A cursor: what transactions below it changed is visible from now on, whatever the order of commits."""
    row = await (await conn.execute(_SQL["present"])).fetchone()
    assert row is not None
    return int(row["cursor"])


async def changed(conn: Connection, cursor: int, users: Collection[UUID]) -> list[Changed]:
    """Everything changed since `cursor`, some of what was changed just before it as well."""
    values = {"cursor": str(cursor), "users": list(users)}
    return [Changed(**row) for row in await (await conn.execute(_SQL["changed"], values)).fetchall()]


async def views(conn: Connection, ids: Collection[UUID], placed: Collection[UUID] = ()) -> list[JobView]:
    """In the order of ids; those in `placed` with their position in the queue."""
    rows = await (await conn.execute(_THOSE, {"ids": list(ids)})).fetchall()
    return await _placed(conn, rows, placed)


async def _placed(conn: Connection, rows: Sequence[Row], placed: Collection[UUID]) -> list[JobView]:
    waiting = [row["id"] for row in rows if row["status"] == JobStatus.QUEUED and row["id"] in placed]
    places = await _positions(conn, "places", waiting) if waiting else {}
    return [_view(row, places.get(row["id"])) for row in rows]


async def own(conn: Connection, user_id: UUID, job_id: UUID) -> JobView | None:
    """None: no such job of this user."""
    values = {"id": job_id, "owner": user_id}
    rows = await (await conn.execute(_OWN, values, prepare=True)).fetchall()
    found = await _placed(conn, rows, {job_id})
    return found[0] if found else None


async def page(
    conn: Connection, user_id: UUID, since: int | None, after: UUID | None, limit: int
) -> list[JobView]:
    """The user's jobs that have not ended, or those changed since a cursor, in the order of ids."""
    values = {
        "user_id": user_id,
        "since": None if since is None else str(since),
        "after": after,
        "limit": limit,
    }
    rows = await (await conn.execute(_SQL["page"], values)).fetchall()
    return await views(conn, [row["id"] for row in rows])


async def positions(conn: Connection, ids: Collection[UUID]) -> dict[UUID, int]:
    """1 = next; of those that wait: of many, by one pass over all queues."""
    return await _positions(conn, "positions", ids)


async def _positions(conn: Connection, query: str, ids: Collection[UUID]) -> dict[UUID, int]:
    rows = await (await conn.execute(_SQL[query], {"ids": list(ids)})).fetchall()
    return {row["id"]: row["position"] for row in rows}


def _view(row: Row, position: int | None) -> JobView:
    size = None if row["image_width"] is None else (row["image_width"], row["image_height"])
    return JobView(job_from(row), size, position)
