"""Rows that a test needs and does not care about."""

from uuid import UUID, uuid4

import psycopg
import uuid_utils
from psycopg.types.json import Jsonb


def new_id() -> UUID:
    return UUID(bytes=uuid_utils.uuid7().bytes)


def a_user(dsn: str, plan: str = "unmetered") -> UUID:
    user_id = uuid4()
    with psycopg.connect(dsn) as connection:
        connection.execute("insert into users (id) values (%s)", (user_id,))
        connection.execute("update credit_balances set plan = %s where user_id = %s", (plan, user_id))
    return user_id


def an_image(dsn: str, user_id: UUID) -> UUID:
    image_id = new_id()
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "insert into images (id, user_id, storage_key, sha256, width, height, format, bytes)"
            " values (%s, %s, %s, repeat('ab', 32), 640, 480, 'jpeg', 1000)",
            (image_id, user_id, f"users/{user_id}/images/{image_id}/original.jpg"),
        )
    return image_id


def a_job(dsn: str, image_id: UUID, user_id: UUID) -> UUID:
    job_id = new_id()
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "insert into jobs (id, user_id, kind, model, image_id, params, queue, turn, deadline)"
            " values (%s, %s, 'encode', 'lite', %s, %s, 'embed:lite', 0, now() + interval '1 day')",
            (job_id, user_id, image_id, Jsonb({"auto": True})),
        )
    return job_id
