"""The page's routes. A new part of it is a line in SECTIONS."""

from collections.abc import Awaitable, Callable

from pydantic import Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from app.accounts.types import Role
from app.api.admin_page import now, reviews
from app.api.admin_page.layout import html_page
from app.api.admin_page.savings import flag, savings
from app.api.auth import current_caller, current_user
from app.api.params import NoParams, Params, parse, query, read_body
from app.api.state import State

SECTIONS: tuple[tuple[str, Role, Callable[[State], Awaitable[str]]], ...] = (
    ("Now", Role.ADMIN, now.section),
    ("Which engine", Role.ADMIN, flag),
    ("Cost and savings", Role.ADMIN, savings),
    ("Shadow comparisons", Role.REVIEWER, reviews.section),
)
"""Title, who may see it, and what writes its markup."""


class FlagForm(Params):
    kill: bool | None = None
    percentage: float | None = None


class CsvQuery(Params):
    days: int = Field(30, ge=1, le=3660)


async def page(request: Request[State]) -> Response:
    role = current_caller(request).role
    query(NoParams, request)
    shown = [(title, await write(request.state)) for title, needed, write in SECTIONS if role.covers(needed)]
    return html_page(shown)


async def set_flag(request: Request[State]) -> Response:
    """303 back to the page. What is left out stays as it is. Raises FlagInvalid."""
    admin = current_user(request)
    async with read_body(request) as body:
        changes = parse(FlagForm, body.values).model_dump(exclude_none=True)
    await request.state["flags"].change(lambda _: changes, str(admin))
    return RedirectResponse("/admin", 303)


async def usage_csv(request: Request[State]) -> Response:
    """A line a job, of everybody."""
    current_user(request)
    wanted = query(CsvQuery, request)
    headers = {"Content-Disposition": 'attachment; filename="usage.csv"', "Cache-Control": "no-store"}
    lines = request.state["usage"].csv(wanted.days)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
