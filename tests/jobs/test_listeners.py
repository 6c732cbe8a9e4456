"""The mailbox: newest state only, in order, bounded."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from app.jobs import listeners
from app.jobs.errors import ListenerTooSlow, TooManyListeners
from app.jobs.listeners import Listener, Listeners
from app.jobs.types import Job, JobKind, JobStatus
from app.jobs.views import JobView

USER, JOB = uuid4(), uuid4()
NOW = datetime.now(UTC)


def view(version: int, status: JobStatus = JobStatus.PROCESSING, job_id: UUID = JOB) -> JobView:
    job = Job(
        id=job_id,
        user_id=USER,
        batch_id=None,
        kind=JobKind.ENCODE,
        status=status,
        engine="sam2",
        engine_reason=None,
        model="lite",
        image_id=uuid4(),
        params={},
        result=None,
        error=None,
        result_key=None,
        timings={},
        queue="embed:lite",
        priority=0,
        progress=0.0,
        fence=1,
        attempt=0,
        crashes=0,
        lease_until=None,
        deadline=NOW,
        worker=None,
        credits=0,
        cost_micros=0,
        webhook=None,
        request_id=None,
        version=version,
        created_at=NOW,
        started_at=None,
        finished_at=None,
    )
    return JobView(job, (640, 480), 2 if status is JobStatus.QUEUED else None)


async def test_a_view_that_was_overtaken_is_not_given_out() -> None:
    listener = Listener(USER, JOB)
    for version in (2, 5, 3, 4):
        listener.offer(view(version))
    assert [each.job.version for each in await listener.take(0)] == [5]
    listener.offer(view(4))
    listener.offer(view(5))
    assert await listener.take(0) == []
    listener.offer(view(6))
    assert [each.job.version for each in await listener.take(0)] == [6]


async def test_what_is_known_already_is_not_told() -> None:
    listener = Listener(USER, JOB, seen=4)
    listener.offer(view(4))
    assert await listener.take(0) == []
    assert listener.lacks(JOB, 5)
    assert not listener.lacks(JOB, 4)


async def test_a_listener_to_one_job_takes_no_other() -> None:
    listener = Listener(USER, JOB)
    listener.offer(view(1, job_id=uuid4()))
    assert await listener.take(0) == []


async def test_a_full_mailbox_ends_the_listener_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "MAILBOX", 2)
    listener = Listener(USER, None)
    first, second, third = uuid4(), uuid4(), uuid4()
    for job_id in (first, second, first):
        listener.offer(view(1, job_id=job_id))
    listener.offer(view(2, job_id=first))  # newer news of what waits already needs no room
    listener.offer(view(1, job_id=third))
    for _ in range(2):
        with pytest.raises(ListenerTooSlow):
            await listener.take(0)


async def test_far_from_the_front_places_are_told_in_steps() -> None:
    listener = Listener(USER, JOB)
    listener.offer(JobView(view(1, JobStatus.QUEUED).job, None, 1000))
    told: list[int | None] = []
    for position in range(1000, 0, -1):
        listener.moved(position)
        told += [each.queue_position for each in await listener.take(0)]
    assert told[:3] == [1000, 952, 906]
    assert told[-20:] == list(range(20, 0, -1))


async def test_a_place_in_the_queue_is_told_while_the_job_waits() -> None:
    listener = Listener(USER, JOB)
    listener.offer(view(1, JobStatus.QUEUED))
    listener.moved(2)
    assert [each.queue_position for each in await listener.take(0)] == [2]
    listener.moved(2)
    assert await listener.take(0) == []
    listener.moved(1)
    assert [each.queue_position for each in await listener.take(0)] == [1]
    listener.offer(view(2))
    listener.moved(1)
    assert [each.queue_position for each in await listener.take(0)] == [None]


def test_listeners_are_counted_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "MAX_LISTENERS", 1)
    everyone = Listeners()
    with everyone.one_more(Listener(USER, JOB)) as listener:
        assert list(everyone) == everyone.of(USER, JOB) == [listener]
        assert (everyone.users, everyone.named(USER, JOB)) == ({USER}, True)
        assert everyone.of(USER, uuid4()) == everyone.of(uuid4(), JOB) == []
        with pytest.raises(TooManyListeners), everyone.one_more(Listener(uuid4(), None)):
            pass
    assert (len(everyone), everyone.users, everyone.of(USER, JOB)) == (0, set(), [])


def test_what_is_remembered_of_ended_jobs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "_REMEMBERED", 3)
    listener = Listener(USER, None)
    ids = [uuid4() for _ in range(5)]
    for job_id in ids:
        listener.offer(replace(view(1), job=replace(view(1).job, id=job_id)))
    assert [listener.lacks(job_id, 1) for job_id in ids] == [True, True, False, False, False]
