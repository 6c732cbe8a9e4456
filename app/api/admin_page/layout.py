"""The page around its sections, and tables."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from http import HTTPStatus

from starlette.responses import HTMLResponse

from app.api.refusals import Extra, refusal_headers

ADMIN = "/admin"
_WAYS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: f'<p><a href="/sign-in?next={ADMIN}">Sign in</a></p>',
    HTTPStatus.FORBIDDEN: "<p>Who runs the server may grant the role: <code>cutout users grant</code>.</p>",
}
_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; }
section { margin-block: 2rem; }
.charts, .tiles { display: grid; gap: 1.5rem; }
.charts { grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); }
.tiles { grid-template-columns: repeat(auto-fill, minmax(min(11rem, 45%), 1fr)); gap: 0.75rem; margin: 0; }
.tiles div { border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: 0.5rem; }
.tiles div { padding: 0.6rem 0.8rem; }
.tiles dt { font-size: 0.85rem; opacity: 0.75; }
.tiles dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.tiles .bad { border-color: #c2410c; box-shadow: inset 0.25rem 0 #c2410c; }
.tiles div:last-child { grid-column: span 2; }
.wide { overflow-x: auto; }
.stale { opacity: 0.5; }
figure { margin: 0; }
svg { width: 100%; font-size: 11px; fill: currentColor; }
.grid { stroke: currentColor; stroke-opacity: 0.15; }
table { border-collapse: collapse; }
th, td { padding: 0.25rem 0.8rem 0.25rem 0; text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; }
@media (max-width: 32rem) {
  body { padding: 1rem; }
  table { font-size: 13px; }
  th, td { padding-right: 0.4rem; }
  th { font-weight: 600; }
}
form { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }
button, input, select { font: inherit; padding: 0.3rem 0.9rem; }
"""
_SCRIPT = """
const now = document.getElementById('now')
async function refresh() {
  if (document.hidden) return
  const answer = await fetch('/admin/now').catch(() => null)
  now.classList.toggle('stale', !answer?.ok)
  if (answer?.ok) now.innerHTML = await answer.text()
}
if (now) setInterval(refresh, 5000)
"""
"""A section that is fetched anew leaves alone what is being written in the page's forms."""


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_hash(_STYLE)}'; img-src 'self'; "
    f"script-src 'sha256-{_hash(_SCRIPT)}'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def html_page(sections: Iterable[tuple[str, str]]) -> HTMLResponse:
    """(title, markup) each; titles are escaped here, markup is the caller's."""
    body = "".join(f"<section><h2>{escape(title)}</h2>{markup}</section>" for title, markup in sections)
    return HTMLResponse(_document(f"{body}<script>{_SCRIPT}</script>"), headers=HEADERS)


def refusal_page(request_id: str, status: int, _code: str, detail: str, extra: Extra = None) -> HTMLResponse:
    """What a person sees who may not see the page, or not now. Takes what `problems.problem` takes."""
    body = f"<p>{escape(detail[:1].upper() + detail[1:])}.</p>{_WAYS.get(status, '')}"
    return HTMLResponse(_document(body), status, {**refusal_headers(request_id, status, extra), **HEADERS})


def _document(body: str) -> str:
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Cutout: administration</title><style>{_STYLE}</style>"
    )
    page = f"<head>{head}</head><body><h1>Administration</h1>{body}</body>"
    return f'<!doctype html><html lang="en">{page}</html>'


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Cells are escaped; numbers stand right. On a phone it scrolls by itself."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    grid = f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
    return f'<div class="wide">{grid}</div>'


def _cell(value: object) -> str:
    if isinstance(value, int | float):
        return f'<td class="number">{value:,}</td>'
    return f"<td>{escape(str(value))}</td>"
