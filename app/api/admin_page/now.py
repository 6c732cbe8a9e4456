"""The section on what happens at this moment; the page fetches it anew every few seconds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.api.admin_page.layout import HEADERS, table
from app.api.auth import current_user
from app.api.params import NoParams, query
from app.api.state import State
from app.flags.types import Decision, Reason, Rules
from app.jobs.admin import QueueState
from app.jobs.repository import KindStats
from app.jobs.types import JobStatus
from app.usage.types import DayUsage
from app.webhooks.types import Delivery

PATH = "/admin/now"
_HOUR_S = 3600.0
_DELIVERIES = 10
_MICRO = 1_000_000
_TURNED = {
    Reason.ENV_OFF: "ClippingMagic: USE_SAM2_EDITOR",
    Reason.KILL_SWITCH: "ClippingMagic: kill switch",
    Reason.FALLBACK: "ClippingMagic: ours is unwell",
    Reason.BUDGET_SPENT: "our own, unwell: the budget is spent",
}


@dataclass(frozen=True, slots=True)
class Now:
    at: datetime
    queues: Sequence[QueueState]
    hour: Sequence[KindStats]
    """Of jobs that ended within the last hour."""
    today: Sequence[DayUsage]
    """Of the present day (UTC), by engine."""
    rules: Rules
    ours: Decision
    """Of whomever the rules give our own engine."""
    deliveries: Sequence[Delivery]
    """The last ones, newest first."""


async def section(state: State) -> str:
    return f'<div id="now">{markup(await _look(state))}</div>'


async def fragment(request: Request[State]) -> Response:
    """What the page puts in the section's place."""
    current_user(request)
    query(NoParams, request)
    return HTMLResponse(markup(await _look(request.state)), headers=HEADERS)


def markup(now: Now) -> str:
    """Pure."""
    return "".join(
        (
            f'<p>As of {now.at:%H:%M:%S} UTC.</p><dl class="tiles">{_tiles(now)}</dl>',
            "<h3>Queues</h3>",
            _table(("queue", "waiting", "oldest", "busy", "done/min", "workers"), _queues(now.queues)),
            "<h3>Failures of the last hour</h3>",
            _table(("code", "job", "count", "tried again"), _failures(now.hour)),
            "<h3>Last webhook deliveries</h3>",
            _table(("when", "event", "state", "tries", "to"), _deliveries(now.deliveries)),
        )
    )


def duration(seconds: float) -> str:
    """In the two largest units that say something."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


async def _look(state: State) -> Now:
    at = datetime.now(UTC)
    flag, ours = await state["flags"].for_ours()
    days = await state["usage"].lately()
    return Now(
        at,
        await state["job_admin"].queues(),
        await state["job_admin"].stats(_HOUR_S),
        [day for day in days if day.day == at.date()],
        flag.rules,
        ours,
        await state["webhooks"].latest(_DELIVERIES),
    )


def _tiles(now: Now) -> str:
    stats = [queue.stats for queue in now.queues]
    oldest = max((row.oldest_s for row in stats), default=0.0)
    counts = [queue.workers for queue in now.queues]
    workers = "?" if None in counts else str(sum(count or 0 for count in counts))
    failed = _ended(now.hour, JobStatus.FAILED)
    ended = failed + _ended(now.hour, JobStatus.SUCCEEDED)
    cost = sum(day.sums.cost_micros for day in now.today) / _MICRO
    images = sum(day.sums.cutouts for day in now.today)
    tiles = (
        ("done in the last minute", f"{sum(row.ended for row in stats):,}", ""),
        ("waiting", f"{sum(row.waiting for row in stats):,}", ""),
        ("oldest waits", duration(oldest), "bad" if oldest > 10 else ""),
        ("workers alive", workers, "bad" if workers in {"0", "?"} else ""),
        ("failed of the last hour", f"{failed:,} of {ended:,}", "bad" if failed * 20 > ended else ""),
        (f"cost today, {images:,} images", f"${cost:,.2f}", ""),
        ("new work goes to", *_engine(now)),
    )
    return "".join(
        f'<div class="{mood}"><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>'
        for name, value, mood in tiles
    )


def _engine(now: Now) -> tuple[str, str]:
    match now.ours.reason:
        case Reason.NO_LEGACY | Reason.ENV_ON:
            return "our own", ""
        case Reason.PERCENTAGE:
            return f"our own for {now.rules.percentage:g} %", ""
        case reason:
            return _TURNED[reason], "bad"


def _ended(hour: Iterable[KindStats], status: JobStatus) -> int:
    return sum(row.jobs for row in hour if row.status is status)


def _queues(queues: Iterable[QueueState]) -> list[tuple[object, ...]]:
    return [
        (
            queue.stats.queue,
            queue.stats.waiting,
            duration(queue.stats.oldest_s) if queue.stats.waiting else "-",
            queue.stats.processing,
            queue.stats.ended,
            "?" if queue.workers is None else queue.workers,
        )
        for queue in queues
    ]


def _failures(hour: Iterable[KindStats]) -> list[tuple[object, ...]]:
    failed = [row for row in hour if row.status is JobStatus.FAILED]
    failed.sort(key=lambda row: -row.jobs)
    return [(row.code or "-", row.kind, row.jobs, row.attempts) for row in failed]


def _deliveries(deliveries: Iterable[Delivery]) -> list[tuple[object, ...]]:
    """Hosts only: a path may carry a secret of its owner's."""
    return [
        (
            f"{delivery.created_at.astimezone(UTC):%H:%M:%S}",
            delivery.event,
            delivery.state,
            delivery.attempts,
            urlsplit(delivery.url).hostname or "-",
        )
        for delivery in deliveries
    ]


def _table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    return table(names, rows) if rows else "<p>None.</p>"
