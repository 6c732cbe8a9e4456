"""`/api/account…`: what the caller has, spent and saved; and the end of it."""

from typing import Any
from uuid import UUID

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from app.accounts.erasure import Erased
from app.accounts.export import export
from app.accounts.types import User
from app.api.auth import current_user
from app.api.documents import AccountDocument, BalanceDocument, SumsDocument, UsageDocument, UserDocument
from app.api.errors import BadParameter
from app.api.files import NO_STORE
from app.api.params import NoParams, Params, parse, query, read_body
from app.api.schemas import time_json
from app.api.state import State
from app.credits.statement import statement_csv
from app.credits.types import Balance, Plan
from app.usage.types import Sums

_MICRO = 1_000_000


class UsageQuery(Params):
    days: int = Field(30, ge=1, le=3660)


class AccountChange(Params):
    retention_days: int | None = Field(..., ge=1, le=3650)
    """How long images are kept from now on; null: the default."""


class Confirmed(Params):
    confirm: UUID
    """The account's own id: nobody deletes it by a slip."""


async def get_account(request: Request[State]) -> Response:
    user_id = current_user(request)
    query(NoParams, request)
    state = request.state
    user, balance = await state["accounts"].get(user_id), await state["credits"].balance(user_id)
    prices = {"sam2": state["prices"].sam2 / 1000, "clippingmagic": state["prices"].clippingmagic / 1000}
    document: AccountDocument = {**_user_json(user), **balance_json(balance), "prices": prices}
    return JSONResponse(document, headers=NO_STORE)


async def usage(request: Request[State]) -> Response:
    """By day (UTC) and engine, and in all; and every month as it was rolled up last."""
    user_id = current_user(request)
    wanted = query(UsageQuery, request)
    days = await request.state["usage"].days(wanted.days, user_id)
    months = await request.state["usage"].months(user_id)
    document: UsageDocument = {
        "days": [
            {"day": day.day.isoformat(), "engine": day.sums.engine, **_sum_json([day.sums])} for day in days
        ],
        "total": _sum_json([day.sums for day in days]),
        "months": [
            {"month": f"{month.month:%Y-%m}", "engine": month.sums.engine, **_sum_json([month.sums])}
            for month in months
        ],
    }
    return JSONResponse(document, headers=NO_STORE)


async def statement(request: Request[State]) -> Response:
    """CSV of every entry, the oldest first."""
    user_id = current_user(request)
    query(NoParams, request)
    headers = {"Content-Disposition": 'attachment; filename="credits.csv"', **NO_STORE}
    lines = statement_csv(request.state["credits"].statement(user_id))
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


async def export_account(request: Request[State]) -> Response:
    """A ZIP of all that is known of the caller, files included."""
    user_id = current_user(request)
    query(NoParams, request)
    chunks = export(request.state["pool"], request.state["store"], user_id)
    headers = {"Content-Disposition": 'attachment; filename="cutout-account.zip"', **NO_STORE}
    return StreamingResponse(chunks, media_type="application/zip", headers=headers)


async def change_account(request: Request[State]) -> Response:
    user_id = current_user(request)
    async with read_body(request) as body:
        change = parse(AccountChange, body.values)
    user = await request.state["accounts"].set_retention(user_id, change.retention_days)
    return JSONResponse(_user_json(user), headers=NO_STORE)


async def erase_account(request: Request[State]) -> Response:
    """200 with what is gone: everything. `?confirm=` is the account's id."""
    user_id = current_user(request)
    if query(Confirmed, request).confirm != user_id:
        raise BadParameter("confirm: this is not the id of your account")
    erased = await request.state["erasure"].erase(user_id, "the user")
    return JSONResponse(erased_json(erased), headers=NO_STORE)


def erased_json(erased: Erased) -> dict[str, Any]:
    return {**erased.rows, "files": erased.files, "bytes": erased.bytes}


def balance_json(balance: Balance) -> BalanceDocument:
    return {
        "plan": balance.plan,
        "credits": {
            "available": balance.available / 1000 if balance.plan is Plan.PREPAID else None,
            "granted": balance.granted / 1000,
            "held": balance.held / 1000,
            "spent": balance.spent / 1000,
        },
    }


def _user_json(user: User) -> UserDocument:
    return {
        "id": str(user.id),
        "email": user.email,
        "role": user.role,
        "retention_days": user.retention_days,
        "created_at": time_json(user.created_at),
    }


def _sum_json(parts: list[Sums]) -> SumsDocument:
    return {
        "cutouts": sum(part.cutouts for part in parts),
        "jobs": sum(part.jobs for part in parts),
        "failed": sum(part.failed for part in parts),
        "worker_seconds": round(sum(part.worker_s for part in parts), 3),
        "bytes_stored": sum(part.bytes_stored for part in parts),
        "bytes_served": sum(part.bytes_served for part in parts),
        "credits": sum(part.credits for part in parts) / 1000,
        "cost_usd": sum(part.cost_micros for part in parts) / _MICRO,
        "saved_usd": sum(part.saved_micros for part in parts) / _MICRO,
    }
