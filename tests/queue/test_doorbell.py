from pathlib import Path
from uuid import uuid4

import pytest

from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.errors import QueueUnavailable
from app.queue.messages import JobMessage


async def test_an_announcement_is_remembered_until_redis_forgets(
    doorbell: ArqDoorbell, redis_url: str
) -> None:
    told, untold = JobMessage(uuid4(), 0), JobMessage(uuid4(), 0)
    await doorbell.ring("mask", told)
    assert await doorbell.forgotten("mask", [told.key, untold.key]) == {untold.key}
    client = connect(redis_url)
    await client.flushdb()
    await client.aclose(close_connection_pool=True)
    assert await doorbell.forgotten("mask", [told.key]) == {told.key}


async def test_ringing_twice_is_one_message(doorbell: ArqDoorbell, redis_url: str) -> None:
    message = JobMessage(uuid4(), 2, "request")
    await doorbell.ring("mask", message)
    await doorbell.ring("mask", message)
    client = connect(redis_url)
    queued = await client.queued_jobs(queue_name="mask")
    await client.aclose(close_connection_pool=True)
    assert [list(job.args) for job in queued] == [[message.to_json()]]


async def test_what_was_answered_leaves_nothing_behind(doorbell: ArqDoorbell, redis_url: str) -> None:
    first, second = JobMessage(uuid4(), 0), JobMessage(uuid4(), 0)
    for message in (first, second):
        await doorbell.ring("mask", message)
    await doorbell.answered("mask", [])
    await doorbell.answered("mask", [first.key, "unknown"])
    assert await doorbell.forgotten("mask", [first.key, second.key]) == {first.key}
    await doorbell.answered("mask", [second.key])
    client = connect(redis_url)
    assert await client.dbsize() == 0
    await client.aclose(close_connection_pool=True)


async def test_a_missing_redis_is_a_coded_error(tmp_path: Path) -> None:
    bell = ArqDoorbell(connect(f"unix://{tmp_path}/none.sock"))
    with pytest.raises(QueueUnavailable):
        await bell.ring("mask", JobMessage(uuid4(), 0))
    with pytest.raises(QueueUnavailable):
        await bell.forgotten("mask", ["key"])
    with pytest.raises(QueueUnavailable):
        await bell.answered("mask", ["key"])
    await bell.close()
