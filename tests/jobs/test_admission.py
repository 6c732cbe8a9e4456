"""A queue that nobody will reach the end of is an error, not a promise."""

from uuid import UUID

import pytest

from app.db.pool import Pool
from app.jobs.admission import Limits, Load
from app.jobs.errors import QueueFull, TooManyJobs
from app.jobs.events import Events
from app.jobs.service import JobService
from app.jobs.types import EncodeParams, JobKind, NewJob
from app.queue.arq_adapter import ArqDoorbell
from tests.rows import a_user, an_image


@pytest.fixture
def jobs(pool: Pool, doorbell: ArqDoorbell) -> JobService:
    return JobService(pool, doorbell, Events(None), Limits(queue=5, user=3))


def encode(dsn: str, user: UUID, model: str = "lite") -> NewJob:
    return NewJob(user, JobKind.ENCODE, model, an_image(dsn, user), EncodeParams())


async def test_a_user_then_the_queue_is_full_then_there_is_room(
    dsn: str, jobs: JobService, owner: UUID
) -> None:
    first, *_ = [await jobs.create(encode(dsn, owner)) for _ in range(3)]
    with pytest.raises(TooManyJobs) as mine:
        await jobs.create(encode(dsn, owner))
    assert mine.value.extra["retry_after"] == 2
    other = a_user(dsn)
    for _ in range(2):
        await jobs.create(encode(dsn, other))
    with pytest.raises(QueueFull):
        await jobs.create(encode(dsn, other))
    await jobs.create(encode(dsn, other, "sam2.1-hiera-tiny"))
    await jobs.cancel(owner, first.id)
    await jobs.create(encode(dsn, other))


@pytest.mark.parametrize(
    ("ended", "jobs", "seconds"), [(0, 10, 20), (60, 10, 10), (600, 10, 1), (1, 1000, 3600), (30, 1, 2)]
)
def test_the_estimate_follows_what_was_done_lately(ended: int, jobs: int, seconds: int) -> None:
    assert Load(waiting=0, mine=0, ended=ended).wait_s(jobs) == seconds
