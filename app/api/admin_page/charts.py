"""Small line charts as SVG. Pure: figures in, markup out; no styles inside, as the page's policy asks."""

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape

Series = Mapping[str, Sequence[tuple[date, float]]]
"""By name, in the order of days."""

_WIDTH, _HEIGHT = 560, 180
_LEFT, _BOTTOM, _TOP, _RIGHT = 56, 22, 12, 8
_COLOURS = ("#3451d1", "#be5a00", "#15803d")
_STEPS = 4
"""Lines across, above the axis."""


def line_chart(title: str, series: Series, form: str) -> str:
    """`form` writes a value, as `${:.3f}`. A day with one point is a dot."""
    days = sorted({day for points in series.values() for day, _ in points})
    if not days:
        return f"<figure><figcaption>{escape(title)}</figcaption><p>Nothing yet.</p></figure>"
    values = [value for points in series.values() for _, value in points]
    low, high = min(0.0, *values), max(*values, 0.0)
    high = high if high > low else low + 1
    frame = _Frame(days, low, high)
    lines = "".join(
        _line(frame, points, colour) for points, colour in zip(series.values(), _COLOURS, strict=False)
    )
    legend = " ".join(
        f'<tspan fill="{colour}">● {escape(name)}</tspan>'
        for name, colour in zip(series, _COLOURS, strict=False)
    )
    said = escape(_said(title, series, form))
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 20}" role="img" aria-label="{said}">'
        f'{_axes(frame, form)}{lines}<text x="{_LEFT}" y="{_HEIGHT + 14}">{legend}</text></svg></figure>'
    )


class _Frame:
    """From days and values to the picture's units."""

    def __init__(self, days: Sequence[date], low: float, high: float) -> None:
        self.days = days
        self.low = low
        self.high = high

    def x(self, day: date) -> float:
        span = max((self.days[-1] - self.days[0]).days, 1)
        return _LEFT + (day - self.days[0]).days / span * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _TOP + (self.high - value) / (self.high - self.low) * (_HEIGHT - _TOP - _BOTTOM)


def _line(frame: _Frame, points: Sequence[tuple[date, float]], colour: str) -> str:
    placed = [(frame.x(day), frame.y(value)) for day, value in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in placed)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'


def _axes(frame: _Frame, form: str) -> str:
    parts = []
    for step in range(_STEPS + 1):
        value = frame.low + (frame.high - frame.low) * step / _STEPS
        y = frame.y(value)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{form.format(value)}</text>')
    for day, anchor in ((frame.days[0], "start"), (frame.days[-1], "end")):
        parts.append(
            f'<text x="{frame.x(day):.1f}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{day.isoformat()}</text>'
        )
    return "".join(parts)


def _said(title: str, series: Series, form: str) -> str:
    """For who does not see it: the newest value of each line."""
    newest = [f"{name} {form.format(points[-1][1])}" for name, points in series.items() if points]
    return f"{title}: {', '.join(newest)}"
