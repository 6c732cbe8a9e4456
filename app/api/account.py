"""`/api/account…`: what the caller has, spent and saved; and, for admins, `/api/admin/users/{id}/…`."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from app.accounts.types import User
from app.api.auth import current_user
from app.api.idempotency import held_key
from app.api.params import NoParams, Params, parse, path_id, query, read_body
from app.api.schemas import time_json
from app.api.state import State
from app.credits.service import milli
from app.credits.statement import statement_csv
from app.credits.types import MAX_GRANT, Balance, DayUsage, Entry, Plan

_NO_STORE = {"Cache-Control": "no-store"}
_MICRO = 1_000_000


class UsageQuery(Params):
    days: int = Field(30, ge=1, le=3660)


class Grant(Params):
    credits: Annotated[Decimal, Field(ge=-MAX_GRANT, le=MAX_GRANT, decimal_places=3)]
    """Below zero: taken back."""
    note: str | None = Field(None, max_length=200)


async def get_account(request: Request[State]) -> Response:
    user_id = current_user(request)
    query(NoParams, request)
    state = request.state
    user, balance = await state["accounts"].get(user_id), await state["credits"].balance(user_id)
    prices = {"sam2": state["prices"].sam2 / 1000, "clippingmagic": state["prices"].clippingmagic / 1000}
    return JSONResponse({**_user_json(user), **balance_json(balance), "prices": prices}, headers=_NO_STORE)


async def usage(request: Request[State]) -> Response:
    """By day (UTC) and engine, and in all."""
    user_id = current_user(request)
    wanted = query(UsageQuery, request)
    days = await request.state["credits"].usage(user_id, wanted.days)
    document = {"days": [_day_json(day) for day in days], "total": _sum_json(days)}
    return JSONResponse(document, headers=_NO_STORE)


async def statement(request: Request[State]) -> Response:
    """CSV of every entry, the oldest first."""
    user_id = current_user(request)
    query(NoParams, request)
    headers = {"Content-Disposition": 'attachment; filename="credits.csv"', **_NO_STORE}
    lines = statement_csv(request.state["credits"].statement(user_id))
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


async def grant(request: Request[State]) -> Response:
    """201 with the entry and what is available now. With an Idempotency-Key, once."""
    admin, user_id = current_user(request), path_id(request, "user_id")
    credits = request.state["credits"]
    async with read_body(request) as body, held_key(request, admin, body) as key:
        wanted = parse(Grant, body.values)
        if key is not None and key.made is not None:
            entry = await credits.entry(user_id, key.made)
        else:
            entry = await credits.grant(user_id, milli(wanted.credits), wanted.note, key)
    document = {**_entry_json(entry), **balance_json(await credits.balance(user_id))}
    return JSONResponse(document, 201, _NO_STORE)


def balance_json(balance: Balance) -> dict[str, Any]:
    return {
        "plan": balance.plan,
        "credits": {
            "available": balance.available / 1000 if balance.plan is Plan.PREPAID else None,
            "granted": balance.granted / 1000,
            "held": balance.held / 1000,
            "spent": balance.spent / 1000,
        },
    }


def _user_json(user: User) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "email": user.email,
        "role": user.role,
        "created_at": time_json(user.created_at),
    }


def _entry_json(entry: Entry) -> dict[str, Any]:
    return {
        "entry_id": str(entry.id),
        "granted": entry.granted / 1000,
        "note": entry.note,
        "created_at": time_json(entry.created_at),
    }


def _day_json(day: DayUsage) -> dict[str, Any]:
    return {"day": day.day.isoformat(), "engine": day.engine, **_sum_json([day])}


def _sum_json(days: list[DayUsage]) -> dict[str, Any]:
    return {
        "cutouts": sum(day.cutouts for day in days),
        "credits": sum(day.credits for day in days) / 1000,
        "cost_usd": sum(day.cost_micros for day in days) / _MICRO,
        "saved_usd": sum(day.saved_micros for day in days) / _MICRO,
    }
