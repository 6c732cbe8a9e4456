"""`cutout jobs …` and `cutout queue`: what an operator sees and does."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Annotated, TypeAlias, TypeVar
from uuid import UUID

import typer
from pydantic import TypeAdapter
from rich.table import Column, Table

from app.commands.output import AsJson, print_json, print_rows
from app.commands.running import operator_settings
from app.db.page import MAX_LIMIT, Page
from app.db.pool import open_pool
from app.errors import AppError
from app.jobs.admin import JobAdmin, QueueState
from app.jobs.events import Events
from app.jobs.prices import Prices
from app.jobs.repository import KindStats
from app.jobs.service import JobService
from app.jobs.types import Job, JobStatus
from app.queue.arq_adapter import ArqDoorbell, connect
from app.settings import Settings

T = TypeVar("T")

jobs_app = typer.Typer(
    name="jobs",
    help="Everybody's jobs. Needs DATABASE_URL and REDIS_URL, or a running `cutout dev`.",
    no_args_is_help=True,
)

Ids: TypeAlias = Annotated[list[UUID], typer.Argument(metavar="ID...", help="Jobs.")]


class JobsRefused(AppError):
    """Each of them was named on stderr with its reason."""

    code = "jobs_refused"


@jobs_app.command("list")
def list_jobs(
    *,
    status: Annotated[JobStatus | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_LIMIT, help="Jobs on a page.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="The next page: as the last one said.")] = None,
    as_json: AsJson = False,
) -> None:
    """The newest jobs first."""
    page = _ask(lambda admin: admin.page(cursor=cursor, limit=limit, status=status))
    if as_json:
        print_json(Page[Job], page)
        return
    names = ("kind", "status", "model", "age", "worked", "error")
    rows = Table(Column("id", no_wrap=True), *names, box=None)
    for job in page.items:
        age = _now(job) - job.created_at
        code = job.error["code"] if job.error else ""
        rows.add_row(str(job.id), job.kind, job.status, job.model, _span(age), _span(_worked(job)), code)
    print_rows(rows)
    if page.next_cursor:
        typer.echo(f"more: --cursor {page.next_cursor}")


@jobs_app.command()
def show(
    job_id: Annotated[UUID, typer.Argument(metavar="ID", help="The job.")], *, as_json: AsJson = False
) -> None:
    """Everything that is known of one job."""
    job = _ask(lambda admin: admin.show(job_id))
    if as_json:
        print_json(Job, job)
        return
    rows = Table("", "", box=None, show_header=False)
    for name, value in TypeAdapter(Job).dump_python(job, mode="json").items():
        if value is not None:
            rows.add_row(name, value if isinstance(value, str) else json.dumps(value))
    print_rows(rows)


@jobs_app.command()
def retry(ids: Ids, *, as_json: AsJson = False) -> None:
    """Do the work of failed or canceled jobs again, each as a new job."""
    _each(ids, JobAdmin.retry, as_json, lambda old, new: f"{old}: tried again as {new.id}")


@jobs_app.command()
def cancel(ids: Ids, *, as_json: AsJson = False) -> None:
    """End jobs that wait or run; their credits are given back."""
    _each(ids, JobAdmin.cancel, as_json, lambda old, job: f"{old}: {job.status}")


@jobs_app.command()
def stats(
    *,
    hours: Annotated[float, typer.Option(min=0.01, help="Jobs that ended within them.")] = 24.0,
    as_json: AsJson = False,
) -> None:
    """How jobs ended lately: how many, how long they waited and worked, errors and crashes."""
    found = _ask(lambda admin: admin.stats(hours * 3600))
    if as_json:
        print_json(list[KindStats], found)
        return
    names = ("jobs", "waited p50", "worked p50", "worked p95", "attempts", "crashes")
    rows = Table("kind", "status", "error", *(Column(name, justify="right") for name in names), box=None)
    for row in found:
        times = (_seconds(s) for s in (row.waited_p50_s, row.worked_p50_s, row.worked_p95_s))
        counts = (str(row.attempts), str(row.crashes))
        rows.add_row(row.kind, row.status, row.code or "", str(row.jobs), *times, *counts)
    print_rows(rows)


def queue(*, as_json: AsJson = False) -> None:
    """Every queue: how many jobs wait, how long the oldest has, who works, how fast. Needs both services."""
    found = _ask(JobAdmin.queues)
    if as_json:
        print_json(list[QueueState], found)
        return
    names = ("waiting", "oldest", "working", "workers", "ended in a minute")
    rows = Table("queue", *(Column(name, justify="right") for name in names), box=None)
    for state in found:
        row = state.stats
        workers = "unknown" if state.workers is None else str(state.workers)
        counts = (str(row.processing), workers, str(row.ended))
        rows.add_row(row.queue, str(row.waiting), _seconds(row.oldest_s), *counts)
    print_rows(rows)


def _ask(question: Callable[[JobAdmin], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with _admin(operator_settings()) as admin:
            return await question(admin)

    return asyncio.run(ask())


@asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[JobAdmin]:
    services = settings.services()
    pool = await open_pool(services.database_url, max_size=1)
    bell = ArqDoorbell(connect(services.redis_url))
    try:
        events = Events(bell)
        # no limits: who repairs a jam must not be stopped by it
        jobs = JobService(pool, bell, events, prices=Prices.set_by(settings))
        yield JobAdmin(pool, jobs, events, bell)
    finally:
        await bell.close()
        await pool.close()


def _each(
    ids: list[UUID],
    change: Callable[[JobAdmin, UUID], Awaitable[Job]],
    as_json: bool,
    line: Callable[[UUID, Job], str],
) -> None:
    """All of them, whatever becomes of one. Raises its error for one job, JobsRefused for several."""

    async def change_all(admin: JobAdmin) -> list[Job | AppError]:
        return [await _value(change(admin, job_id)) for job_id in ids]

    answers = _ask(change_all)
    changed = [answer for answer in answers if isinstance(answer, Job)]
    refused = [(job_id, e) for job_id, e in zip(ids, answers, strict=True) if isinstance(e, AppError)]
    if as_json:
        print_json(list[Job], changed)
    else:
        for job_id, answer in zip(ids, answers, strict=True):
            if isinstance(answer, Job):
                typer.echo(line(job_id, answer))
    if len(ids) == 1 and refused:
        raise refused[0][1]
    for job_id, error in refused:
        typer.echo(f"{job_id}: {error.message} [{error.code}]", err=True)
    if refused:
        raise JobsRefused(f"{len(refused)} of {len(ids)} jobs were left as they are")


async def _value(answer: Awaitable[Job]) -> Job | AppError:
    try:
        return await answer
    except AppError as error:
        return error


def _now(job: Job) -> datetime:
    return datetime.now(job.created_at.tzinfo)


def _worked(job: Job) -> timedelta | None:
    return None if job.started_at is None else (job.finished_at or _now(job)) - job.started_at


def _span(time: timedelta | None) -> str:
    return _seconds(None if time is None else time.total_seconds())


def _seconds(seconds: float | None) -> str:
    """`0.4 s`, `0:03:20`, `3 days, 4:00:00`."""
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))
