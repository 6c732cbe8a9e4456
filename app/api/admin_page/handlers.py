"""The page's routes. A new part of it is a line in SECTIONS."""

from collections.abc import Awaitable, Callable

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.accounts.types import Role
from app.api.admin_page import reviews
from app.api.admin_page.layout import html_page
from app.api.admin_page.savings import flag, savings
from app.api.auth import current_caller, current_user
from app.api.params import NoParams, Params, query
from app.api.state import State

SECTIONS: tuple[tuple[str, Role, Callable[[State], Awaitable[str]]], ...] = (
    ("Which engine", Role.ADMIN, flag),
    ("Cost and savings", Role.ADMIN, savings),
    ("Shadow comparisons", Role.REVIEWER, reviews.section),
)
"""Title, who may see it, and what writes its markup."""


class CsvQuery(Params):
    days: int = Field(30, ge=1, le=3660)


async def page(request: Request[State]) -> Response:
    role = current_caller(request).role
    query(NoParams, request)
    shown = [(title, await write(request.state)) for title, needed, write in SECTIONS if role.covers(needed)]
    return html_page(shown)


async def usage_csv(request: Request[State]) -> Response:
    """A line a job, of everybody."""
    current_user(request)
    wanted = query(CsvQuery, request)
    headers = {"Content-Disposition": 'attachment; filename="usage.csv"', "Cache-Control": "no-store"}
    lines = request.state["usage"].csv(wanted.days)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
