"""Sections on the move off ClippingMagic: who gets which engine, what it costs, what it saves."""

from collections.abc import Callable, Sequence
from datetime import date
from html import escape

from app.api.admin_page.charts import Series, line_chart
from app.api.admin_page.layout import table
from app.api.state import State
from app.credits.types import LEGACY_MICROS
from app.engines.names import EngineName
from app.flags.types import Rules
from app.usage.types import DayUsage

DAYS = 30
_MICRO = 1_000_000


async def flag(state: State) -> str:
    """What is in force, and when our health turned it."""
    current = await state["flags"].current()
    rules = current.rules
    rows: list[tuple[str, object]] = [
        ("kill switch", "ON" if rules.kill else "off"),
        ("new editor", f"{rules.percentage:g} % of users"),
        ("always", ", ".join(sorted(rules.allow)) or "-"),
        ("never", ", ".join(sorted(rules.deny)) or "-"),
        ("rerun what we failed", "yes" if rules.rerun else "no"),
        ("shadow", f"{rules.shadow:g} % of legacy jobs"),
        ("changed", f"version {current.version} by {current.changed_by}"),
    ]
    switches = [
        (
            f"{switch.switched_at:%Y-%m-%d %H:%M:%S}",
            "to ClippingMagic" if switch.fallback else "back",
            switch.reason,
        )
        for switch in await state["flags"].switches(DAYS)
    ]
    turned = (
        table(("when", "new work", "why"), switches) if switches else "<p>Never turned by our health.</p>"
    )
    return _switches(rules) + table(("rule", ""), rows) + "<h3>Fallback</h3>" + turned


async def savings(state: State) -> str:
    days = await state["usage"].days(DAYS)
    return (
        f'<p>{_total(days)} <a href="/api/admin/usage.csv?days={DAYS}">CSV of every job</a></p>'
        f'<div class="charts">{"".join(charts(days))}</div>'
    )


def charts(days: Sequence[DayUsage]) -> list[str]:
    """Pure."""
    return [
        line_chart("Cost per image", by_engine(days, _cost_per_image), "${:.4f}"),
        line_chart("Saved so far", {"against $0.125": saved_so_far(days)}, "${:,.2f}"),
        line_chart("Share of images", shares(days), "{:.0f} %"),
        line_chart("Seconds to the result (median)", by_engine(days, lambda day: day.took_p50_s), "{:.1f} s"),
    ]


def by_engine(days: Sequence[DayUsage], value: Callable[[DayUsage], float | None]) -> Series:
    """Days without a value are left out."""
    engines = sorted({day.sums.engine for day in days})
    return {
        engine: [
            (day.day, found)
            for day in days
            if day.sums.engine == engine and (found := value(day)) is not None
        ]
        for engine in engines
    }


def saved_so_far(days: Sequence[DayUsage]) -> list[tuple[date, float]]:
    micros, found = 0, dict[date, float]()
    for day in days:
        micros += day.sums.saved_micros
        found[day.day] = micros / _MICRO
    return list(found.items())


def shares(days: Sequence[DayUsage]) -> Series:
    """Of a day's images, percent."""
    totals: dict[date, int] = {}
    for day in days:
        totals[day.day] = totals.get(day.day, 0) + day.sums.cutouts
    return by_engine(days, lambda day: 100 * day.sums.cutouts / totals[day.day] if totals[day.day] else None)


def _cost_per_image(day: DayUsage) -> float | None:
    return day.sums.cost_micros / day.sums.cutouts / _MICRO if day.sums.cutouts else None


def _switches(rules: Rules) -> str:
    """The kill switch, and the percentage."""
    kill = "Take the kill switch back" if rules.kill else "Kill switch: everybody to ClippingMagic"
    form = '<form method="post" action="/admin/flag" enctype="multipart/form-data">'
    value = "false" if rules.kill else "true"
    return (
        f'{form}<button name="kill" value="{value}">{kill}</button></form>{form}'
        f'<label>New editor for <input name="percentage" value="{rules.percentage:g}" size="5"'
        ' inputmode="decimal"> % of users</label><button>Set</button></form>'
    )


def _total(days: Sequence[DayUsage]) -> str:
    ours = [day.sums for day in days if day.sums.engine == EngineName.SAM2]
    images = sum(sums.cutouts for sums in ours)
    cost, saved = (sum(getattr(s, name) for s in ours) / _MICRO for name in ("cost_micros", "saved_micros"))
    dear = images * LEGACY_MICROS / _MICRO
    return escape(
        f"In {DAYS} days {images:,} images by our own engine for ${cost:,.2f}; ClippingMagic would have taken"
        f" ${dear:,.2f}: ${saved:,.2f} saved."
    )
