"""Rows of endpoints, secrets, deliveries and attempts. Methods take the caller's connection."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any
from uuid import UUID

from app.db.pool import Connection, Row
from app.db.queries import load
from app.webhooks.types import Attempt, Delivery, Endpoint, WebhookEvent

_SQL = load(Path(__file__).with_name("queries.sql"))


def _endpoint(row: Row) -> Endpoint:
    values: dict[str, Any] = {field.name: row[field.name] for field in fields(Endpoint)}
    return Endpoint(**{**values, "events": tuple(WebhookEvent(event) for event in row["events"])})


def _delivery(row: Row) -> Delivery:
    return Delivery(**{field.name: row[field.name] for field in fields(Delivery)})


async def _one(conn: Connection, name: str, values: Mapping[str, object]) -> Row | None:
    return await (await conn.execute(_SQL[name], values)).fetchone()


async def _all(conn: Connection, name: str, values: Mapping[str, object]) -> list[Row]:
    return await (await conn.execute(_SQL[name], values)).fetchall()


async def latest(conn: Connection, limit: int) -> list[Delivery]:
    return [_delivery(row) for row in await _all(conn, "latest_deliveries", {"limit": limit})]


async def insert_endpoint(conn: Connection, values: Mapping[str, object]) -> Endpoint | None:
    """None: the user has as many as allowed. Needs a transaction."""
    await conn.execute(_SQL["lock_user"], values)
    row = await _one(conn, "insert_endpoint", values)
    return _endpoint(row) if row else None


async def endpoints(conn: Connection, user_id: UUID) -> list[Endpoint]:
    return [_endpoint(row) for row in await _all(conn, "endpoints", {"user_id": user_id})]


async def endpoint(conn: Connection, user_id: UUID, endpoint_id: UUID) -> Endpoint | None:
    row = await _one(conn, "endpoint", {"id": endpoint_id, "user_id": user_id})
    return _endpoint(row) if row else None


async def change_endpoint(conn: Connection, values: Mapping[str, object]) -> Endpoint | None:
    row = await _one(conn, "change_endpoint", values)
    return _endpoint(row) if row else None


async def delete_endpoint(conn: Connection, user_id: UUID, endpoint_id: UUID) -> bool:
    return await _one(conn, "delete_endpoint", {"id": endpoint_id, "user_id": user_id}) is not None


async def replace_secret(conn: Connection, values: Mapping[str, object]) -> None:
    """Needs a transaction; the user's row keeps two rotations apart."""
    await conn.execute(_SQL["lock_user"], values)
    await conn.execute(_SQL["retire_secrets"], values)
    await conn.execute(_SQL["insert_secret"], values)


async def _secrets(conn: Connection, user_id: UUID, endpoint_id: UUID | None) -> list[str]:
    rows = await _all(conn, "secrets", {"user_id": user_id, "endpoint_id": endpoint_id})
    return [row["secret"] for row in rows]


async def ensure_secrets(
    conn: Connection, user_id: UUID, endpoint_id: UUID | None, new_id: UUID, new: str
) -> list[str]:
    """Those that sign now, newest first; `new` where there was none. Needs a transaction."""
    found = await _secrets(conn, user_id, endpoint_id)
    if found:
        return found
    values = {"id": new_id, "user_id": user_id, "endpoint_id": endpoint_id, "secret": new}
    await conn.execute(_SQL["lock_user"], values)
    if not await _secrets(conn, user_id, endpoint_id):
        await conn.execute(_SQL["insert_secret"], values)
    return await _secrets(conn, user_id, endpoint_id)


async def insert_delivery(conn: Connection, values: Mapping[str, object]) -> Delivery:
    row = await _one(conn, "insert_delivery", values)
    assert row is not None
    return _delivery(row)


async def deliveries(conn: Connection, values: Mapping[str, object]) -> list[Delivery]:
    return [_delivery(row) for row in await _all(conn, "deliveries", values)]


async def delivery(conn: Connection, user_id: UUID, delivery_id: UUID) -> Delivery | None:
    row = await _one(conn, "delivery", {"id": delivery_id, "user_id": user_id})
    return _delivery(row) if row else None


async def attempts(conn: Connection, delivery_id: UUID) -> list[Attempt]:
    return [Attempt(**row) for row in await _all(conn, "attempts", {"id": delivery_id})]


async def redeliver(conn: Connection, user_id: UUID, delivery_id: UUID) -> Delivery | None:
    row = await _one(conn, "redeliver", {"id": delivery_id, "user_id": user_id})
    return _delivery(row) if row else None


async def claim(conn: Connection, *, limit: int, per_receiver: int, lease_s: float) -> list[Delivery]:
    values = {"limit": limit, "per_receiver": per_receiver, "lease_s": lease_s}
    return [_delivery(row) for row in await _all(conn, "claim", values)]


async def record_attempt(conn: Connection, values: Mapping[str, object]) -> bool:
    """False: another sender has recorded this attempt."""
    return await _one(conn, "record_attempt", values) is not None


async def settle(conn: Connection, values: Mapping[str, object]) -> None:
    await conn.execute(_SQL["settle"], values)


async def endpoint_took(conn: Connection, endpoint_id: UUID) -> None:
    await conn.execute(_SQL["endpoint_took"], {"endpoint_id": endpoint_id})


async def endpoint_failed(conn: Connection, endpoint_id: UUID) -> None:
    await conn.execute(_SQL["endpoint_failed"], {"endpoint_id": endpoint_id})


async def disable_endpoint(conn: Connection, endpoint_id: UUID, reason: str, after_s: float) -> bool:
    """True when this call disabled it: at once when it is gone, else when it has failed for `after_s`."""
    values = {"endpoint_id": endpoint_id, "reason": reason, "after_s": after_s}
    return await _one(conn, "disable_endpoint", values) is not None


async def drop_pending(conn: Connection, endpoint_id: UUID) -> None:
    await conn.execute(_SQL["drop_pending"], {"endpoint_id": endpoint_id})


async def forget_old(conn: Connection, keep_s: float) -> None:
    await conn.execute(_SQL["forget_old"], {"keep_s": keep_s})
