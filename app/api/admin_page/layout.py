"""The page around its sections, and tables."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

from starlette.responses import HTMLResponse

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; }
section { margin-block: 2rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1.5rem; }
figure { margin: 0; }
svg { width: 100%; font-size: 11px; fill: currentColor; }
.grid { stroke: currentColor; stroke-opacity: 0.15; }
table { border-collapse: collapse; }
th, td { padding: 0.25rem 0.8rem 0.25rem 0; text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; }
form { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }
button, input, select { font: inherit; padding: 0.3rem 0.9rem; }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def html_page(sections: Iterable[tuple[str, str]]) -> HTMLResponse:
    """(title, markup) each; titles are escaped here, markup is the caller's."""
    body = "".join(f"<section><h2>{escape(title)}</h2>{markup}</section>" for title, markup in sections)
    head = f'<meta charset="utf-8"><title>Cutout: administration</title><style>{_STYLE}</style>'
    document = f"<head>{head}</head><body><h1>Administration</h1>{body}</body>"
    return HTMLResponse(f'<!doctype html><html lang="en">{document}</html>', headers=_HEADERS)


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Cells are escaped; numbers stand right."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _cell(value: object) -> str:
    if isinstance(value, int | float):
        return f'<td class="number">{value:,}</td>'
    return f"<td>{escape(str(value))}</td>"
