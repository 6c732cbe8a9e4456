"""What the runtime does around a handler, with handlers made for it."""

import asyncio
import errno
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from app.db.pool import Connection, Pool
from app.errors import BadInput
from app.jobs.claims import Outcome
from app.jobs.errors import JobTimeout
from app.jobs.service import JobService
from app.jobs.types import BATCH, INTERACTIVE, EncodeParams, Job, JobKind, JobStatus, NewJob
from app.queue.arq_adapter import ArqDoorbell
from app.queue.messages import announcement
from app.storage import keys
from app.storage.errors import StorageUnavailable
from app.storage.local import LocalStore
from tests.rows import a_user, an_image
from tests.workers.conftest import OPTIONS, MakeRuntime
from workers.leases import LeaseKeeper, ask_to_leave
from workers.options import Context, Handler
from workers.run import Run
from workers.runtime import Runtime
from workers.sweep import tidy

QUEUE = "embed:lite"


@pytest.fixture
async def job(dsn: str, jobs: JobService) -> Job:
    user = a_user(dsn)
    return await jobs.create(NewJob(user, JobKind.ENCODE, "lite", an_image(dsn, user), EncodeParams()))


async def put(run: Run) -> str:
    key = keys.result(run.job.user_id, run.job.image_id, run.files.name, "png")
    await run.files.put(key, Path(__file__), "image/png")
    return key


async def work(runtime: MakeRuntime, handler: Handler) -> None:
    worker = runtime(QUEUE, {JobKind.ENCODE: handler})
    await worker.look()
    await worker.idle()


async def row(jobs: JobService, job: Job) -> Job:
    return await jobs.get(job.user_id, job.id)


async def until(predicate: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not await predicate():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def test_one_ring_empties_the_queue(dsn: str, jobs: JobService, runtime: MakeRuntime, job: Job) -> None:
    async def noop(run: Run) -> Outcome:
        return Outcome({"did": str(run.job.id)})

    more = [
        await jobs.create(NewJob(job.user_id, JobKind.ENCODE, "lite", job.image_id, EncodeParams()))
        for _ in range(3)
    ]
    await work(runtime, noop)
    for each in (job, *more):
        assert (await row(jobs, each)).result == {"did": str(each.id)}


async def test_a_look_says_whether_it_took_all_there_was(
    jobs: JobService, runtime: MakeRuntime, doorbell: ArqDoorbell, job: Job
) -> None:
    """Then rings are stale; and what was taken is not announced any more."""
    end = asyncio.Event()

    async def waits(_run: Run) -> Outcome:
        await end.wait()
        return Outcome({"a": 1})

    more = await jobs.create(NewJob(job.user_id, JobKind.ENCODE, "lite", job.image_id, EncodeParams()))
    worker = runtime(QUEUE, {JobKind.ENCODE: waits})
    announced = {announcement(each.id, each.fence) for each in (job, more)}
    assert not await worker.look(), "one slot, and two jobs"
    assert await doorbell.forgotten(QUEUE, announced) == {announcement(job.id, job.fence)}
    end.set()
    await worker.idle()
    assert await worker.look()
    assert await doorbell.forgotten(QUEUE, announced) == announced


async def test_who_leaves_finishes_the_look_that_is_under_way(
    jobs: JobService, keeper: LeaseKeeper, runtime: MakeRuntime, job: Job
) -> None:
    """A claim that nobody waits for would be a lease that runs out: a crash that was none."""

    async def noop(_run: Run) -> Outcome:
        return Outcome({"a": 1})

    worker = runtime(QUEUE, {JobKind.ENCODE: noop})
    looking = asyncio.create_task(worker.look())
    await asyncio.sleep(0)
    looking.cancel()
    await asyncio.sleep(0)
    worker.leaving.set()
    await worker.looked()
    await worker.idle()
    after = await row(jobs, job)
    assert (after.status, after.fence) in {(JobStatus.SUCCEEDED, 1), (JobStatus.QUEUED, 0)}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BadInput("no"), JobStatus.FAILED, "bad_input"),
        (StorageUnavailable("away"), JobStatus.QUEUED, None),
        (OSError(errno.ENOSPC, "no space left on device"), JobStatus.QUEUED, None),
        (OSError(errno.EACCES, "permission denied"), JobStatus.FAILED, "internal"),
        (ValueError("a bug"), JobStatus.FAILED, "internal"),
    ],
)
async def test_files_of_a_run_that_failed_are_removed(
    jobs: JobService, store: LocalStore, runtime: MakeRuntime, job: Job,
    error: Exception, status: JobStatus, code: str | None,
) -> None:  # fmt: skip
    async def fails(run: Run) -> Outcome:
        await put(run)
        raise error

    await work(runtime, fails)
    after = await row(jobs, job)
    assert after.status is status
    assert (after.error or {}).get("code") == code
    assert "a bug" not in str(after.error)
    assert await store.list("users/") == []


async def test_a_canceled_run_stops_between_steps_and_leaves_no_files(
    jobs: JobService, store: LocalStore, runtime: MakeRuntime, job: Job
) -> None:
    begun = threading.Event()

    def steps(run: Run) -> None:
        for step in range(3000):
            run.progress(step / 3000)
            begun.set()
            time.sleep(0.02)

    async def slow(run: Run) -> Outcome:
        await put(run)
        await run.thread("steps", steps, run)
        return Outcome({"never": True})

    working = asyncio.create_task(work(runtime, slow))
    await asyncio.to_thread(begun.wait)
    await jobs.cancel(job.user_id, job.id)
    await asyncio.wait_for(working, 10)
    assert (await row(jobs, job)).status is JobStatus.CANCELED
    assert await store.list("users/") == []


async def test_progress_is_seen_while_the_work_goes_on(
    jobs: JobService, runtime: MakeRuntime, job: Job
) -> None:
    done = threading.Event()

    def steps(run: Run) -> None:
        while not done.wait(0.02):
            run.progress(0.4)

    async def slow(run: Run) -> Outcome:
        await run.thread("steps", steps, run)
        return Outcome({"a": 1})

    async def seen() -> bool:
        return (await row(jobs, job)).progress == pytest.approx(0.4)

    working = asyncio.create_task(work(runtime, slow))
    await until(seen)
    done.set()
    await working
    assert (await row(jobs, job)).progress == 1


async def test_a_lease_is_kept_while_the_loop_is_blocked(
    pool: Pool, jobs: JobService, runtime: MakeRuntime, job: Job
) -> None:
    async def blocks(run: Run) -> Outcome:
        time.sleep(2.5 * OPTIONS.lease_s)  # noqa: ASYNC251 - what is tested
        return Outcome({"a": 1})

    await work(runtime, blocks)
    after = await row(jobs, job)
    assert (after.status, after.fence, after.crashes) == (JobStatus.SUCCEEDED, 1, 0)


async def test_who_is_asked_to_leave_gives_back(
    jobs: JobService, runtime: MakeRuntime, keeper: LeaseKeeper, job: Job
) -> None:
    async def leaves(run: Run) -> Outcome:
        worker.leaving.set()
        ask_to_leave(keeper)
        run.check()
        return Outcome({"never": True})

    worker = runtime(QUEUE, {JobKind.ENCODE: leaves})
    await worker.look()
    await worker.idle()
    after = await row(jobs, job)
    assert (after.status, after.attempt, after.crashes) == (JobStatus.QUEUED, 0, 0)


async def test_a_run_beyond_its_time_fails(
    jobs: JobService, runtime: MakeRuntime, keeper: LeaseKeeper, job: Job
) -> None:
    async def endless(run: Run) -> Outcome:
        run.started -= OPTIONS.job_timeout_s + 1
        while True:
            await asyncio.sleep(0.05)
            run.check()

    await work(runtime, endless)
    after = await row(jobs, job)
    assert after.error is not None
    assert (after.status, after.error["code"]) == (JobStatus.FAILED, JobTimeout.code)


async def test_what_a_killed_run_left_goes_once_the_job_has_ended(
    jobs: JobService, pool: Pool, store: LocalStore, runtime: MakeRuntime, job: Job
) -> None:
    left = keys.result(job.user_id, job.image_id, keys.run(job.id, 1), "png")
    await store.put(left, Path(__file__), "image/png")
    async with pool.connection() as conn:
        await conn.execute("update jobs set fence = 1, crashes = 1, leftovers = true")

    async def stores(run: Run) -> Outcome:
        return Outcome({"a": 1}, result_key=await put(run))

    await tidy(pool, store)
    assert await store.list("users/") == [left]
    await work(runtime, stores)
    await tidy(pool, store)
    assert await store.list("users/") == [(await row(jobs, job)).result_key]


async def test_an_answer_survives_a_broken_connection(
    postgres: str, jobs: JobService, store: LocalStore, runtime: MakeRuntime, job: Job
) -> None:
    """The server ends the connection in the middle of the finishing transaction: it is written once more."""
    broken: list[int] = []

    async def cut(conn: Connection) -> None:
        if not broken:
            broken.append(conn.info.backend_pid)
            with psycopg.connect(postgres, autocommit=True) as admin:
                admin.execute("select pg_terminate_backend(%s)", (conn.info.backend_pid,))

    async def stores(run: Run) -> Outcome:
        return Outcome({"a": 1}, result_key=await put(run), effects=[cut])

    await work(runtime, stores)
    after = await row(jobs, job)
    assert after.status is JobStatus.SUCCEEDED
    assert await store.list("users/") == [after.result_key]


async def test_a_result_that_cannot_be_written_fails_the_job(
    jobs: JobService, store: LocalStore, runtime: MakeRuntime, job: Job
) -> None:
    """And not six workers one after the other, by leases that run out."""

    async def spoils(run: Run) -> Outcome:
        return Outcome({"name": "a NUL: \0"}, result_key=await put(run))

    await work(runtime, spoils)
    after = await row(jobs, job)
    assert after.error is not None
    assert (after.status, after.error["code"], after.crashes) == (JobStatus.FAILED, "internal", 0)
    assert await store.list("users/") == []


async def test_jobs_of_batches_leave_a_slot_to_who_waits(
    context: Context, keeper: LeaseKeeper, jobs: JobService, job: Job
) -> None:
    end, running = asyncio.Event(), set()

    async def waits(run: Run) -> Outcome:
        running.add(run.job.id)
        await end.wait()
        return Outcome({"a": 1})

    for _ in range(3):
        new = NewJob(job.user_id, JobKind.ENCODE, "lite", job.image_id, EncodeParams(), BATCH)
        await jobs.create(new)
    three = replace(context, options=replace(OPTIONS, slots=3, batch_slots=1))
    worker = Runtime(three, QUEUE, {JobKind.ENCODE: waits}, keeper)
    await worker.look()
    await until(lambda: _is(len(running), 2))  # the one that was there, and one of the batch
    another = await jobs.create(replace(new, priority=INTERACTIVE))
    await worker.look()
    await until(lambda: _is(another.id in running, True))
    assert len(running) == 3
    end.set()
    await worker.idle()
    assert len(running) == 5


async def _is(value: object, wanted: object) -> bool:
    return value == wanted
