"""Rows of jobs. Every change is a compare-and-set; no row back means: the caller no longer holds the job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from app.db.pool import Connection, Row
from app.db.queries import load
from app.errors import AppError
from app.jobs.types import Job, JobKind, JobStatus
from app.webhooks.types import JobWebhook

_SQL = load(Path(__file__).with_name("queries.sql"))
_COLUMNS = tuple(field.name for field in fields(Job))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued row that Redis should know."""

    id: UUID
    fence: int
    queue: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Leftovers:
    """A job whose killed runs may have left files."""

    job_id: UUID
    user_id: UUID
    image_id: UUID
    kept: frozenset[str]
    """Keys of the image that something points at."""


@dataclass(frozen=True, slots=True)
class QueueStats:
    queue: str
    waiting: int = 0
    processing: int = 0
    oldest_s: float = 0.0
    """Age of the oldest job that waits."""
    ended: int = 0
    """Within the last minute."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """Of the jobs of some queues."""

    oldest_s: float
    """How long the oldest job could have run that waits and that somebody waits for."""
    ended: int
    """Well or not, within the window."""
    faults: int
    """Of these, failed by our own fault."""


@dataclass(frozen=True, slots=True)
class KindStats:
    """Jobs of one kind that ended the same way."""

    kind: JobKind
    status: JobStatus
    code: str | None
    jobs: int
    waited_p50_s: float | None
    """From creation to the first claim; None where no worker ever took them."""
    worked_p50_s: float | None
    worked_p95_s: float | None
    attempts: int
    crashes: int


def job_from(row: Row) -> Job:
    values: dict[str, Any] = {name: row[name] for name in _COLUMNS}
    webhook = JobWebhook.model_validate(row["webhook"]) if row["webhook"] else None
    typed = {"kind": JobKind(row["kind"]), "status": JobStatus(row["status"]), "webhook": webhook}
    return Job(**{**values, **typed})


async def one(conn: Connection, query: str, values: Mapping[str, object]) -> Job | None:
    row = await (await conn.execute(_SQL[query], values)).fetchone()
    return job_from(row) if row else None


async def many(conn: Connection, query: str, values: Mapping[str, object]) -> list[Job]:
    cursor = await conn.execute(_SQL[query], values)
    return [job_from(row) for row in await cursor.fetchall()]


async def position(conn: Connection, job_id: UUID) -> int:
    row = await (await conn.execute(_SQL["queue_position"], {"id": job_id})).fetchone()
    return int(row["position"]) if row else 0


async def claim(conn: Connection, values: Mapping[str, object]) -> list[Job]:
    """In their order. A cap of users is exact: one claim at a time counts what runs, then takes."""
    if values["user_cap"] is None:
        rows = await (await conn.execute(_SQL["claim"], values)).fetchall()
    else:
        async with conn.transaction():
            await conn.execute(_SQL["lock_claims"], values)
            rows = await (await conn.execute(_SQL["claim"], values)).fetchall()
    rows.sort(key=lambda row: (-row["priority"], row["turn"], row["id"]))
    return [job_from(row) for row in rows]


async def renew(conn: Connection, held: Sequence[tuple[UUID, int]], lease_s: float) -> set[UUID]:
    """The ids that are still ours, of (id, fence) pairs."""
    values = {"ids": [i for i, _ in held], "fences": [f for _, f in held], "lease_s": lease_s}
    cursor = await conn.execute(_SQL["renew"], values)
    return {row["id"] for row in await cursor.fetchall()}


async def stands(conn: Connection, job: Job) -> bool:
    values = {"id": job.id, "fence": job.fence, "queue": job.queue}
    row = await (await conn.execute(_SQL["stands"], values)).fetchone()
    return row is not None


async def only_sweeper(conn: Connection) -> bool:
    row = await (await conn.execute(_SQL["only_sweeper"])).fetchone()
    return row is not None and bool(row["mine"])


async def queue_load(conn: Connection, queue: str, user_id: UUID, limit: int, window_s: float) -> Row:
    """`waiting` (counted up to `limit`), `mine`, `ended` within the window."""
    values = {"queue": queue, "user_id": user_id, "limit": limit, "window_s": window_s}
    row = await (await conn.execute(_SQL["load"], values)).fetchone()
    assert row is not None
    return row


async def queues(conn: Connection) -> list[QueueStats]:
    return [QueueStats(**row) for row in await (await conn.execute(_SQL["queues"])).fetchall()]


async def pulse(conn: Connection, queues: Sequence[str], window_s: float) -> Pulse:
    values = {"queues": list(queues), "window_s": window_s}
    row = await (await conn.execute(_SQL["pulse"], values)).fetchone()
    assert row is not None
    return Pulse(**row)


async def stats(conn: Connection, window_s: float) -> list[KindStats]:
    rows = await (await conn.execute(_SQL["stats"], {"window_s": window_s})).fetchall()
    return [
        KindStats(**{**row, "kind": JobKind(row["kind"]), "status": JobStatus(row["status"])}) for row in rows
    ]


async def waiting(conn: Connection, grace_s: float, limit: int) -> list[Waiting]:
    cursor = await conn.execute(_SQL["waiting"], {"grace_s": grace_s, "limit": limit})
    return [Waiting(**row) for row in await cursor.fetchall()]


async def announced(conn: Connection, told: Sequence[Waiting]) -> None:
    values = {"ids": [w.id for w in told], "fences": [w.fence for w in told]}
    await conn.execute(_SQL["announced"], values)


async def cancel_of_images(conn: Connection, image_ids: Sequence[UUID]) -> list[Job]:
    """In the transaction that buries the images: no worker writes files or rows for them any more."""
    values = {"image_ids": list(image_ids)}
    canceled = await many(conn, "cancel_of_images", values)
    await conn.execute(_SQL["forget_results_of_images"], values)
    return canceled


async def expired_results(conn: Connection, limit: int) -> list[tuple[UUID, str]]:
    rows = await (await conn.execute(_SQL["expired_results"], {"limit": limit})).fetchall()
    return [(row["id"], row["result_key"]) for row in rows]


async def leftovers(conn: Connection, limit: int) -> list[Leftovers]:
    rows = await (await conn.execute(_SQL["leftovers"], {"limit": limit})).fetchall()
    return [Leftovers(row["id"], row["user_id"], row["image_id"], frozenset(row["kept"])) for row in rows]


async def no_leftovers(conn: Connection, job_id: UUID) -> None:
    await conn.execute(_SQL["no_leftovers"], {"id": job_id})


async def forget_result(conn: Connection, job_id: UUID, key: str) -> None:
    await conn.execute(_SQL["forget_result"], {"id": job_id, "key": key})


def error_json(error: AppError) -> Jsonb:
    """`Job.error`: what the problem document would have said."""
    return Jsonb({"code": error.code, "message": error.message, **error.extra})
