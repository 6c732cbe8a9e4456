"""`/api/admin/…`: what an admin does to other accounts; each deed is in the audit log."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.accounts.audit import Deed, deeds
from app.api.account import balance_json, erased_json
from app.api.auth import current_user
from app.api.documents import DeedDocument, EntryDocument, GrantDocument
from app.api.files import NO_STORE
from app.api.idempotency import held_key
from app.api.params import ListQuery, NoParams, Params, parse, path_id, query, read_body
from app.api.schemas import page_json, time_json
from app.api.state import State
from app.credits.service import milli
from app.credits.types import MAX_GRANT, Entry


class Grant(Params):
    credits: Annotated[Decimal, Field(ge=-MAX_GRANT, le=MAX_GRANT, decimal_places=3)]
    """Below zero: taken back."""
    note: str | None = Field(None, max_length=200)


async def grant(request: Request[State]) -> Response:
    """201 with the entry and what is available now. With an Idempotency-Key, once."""
    admin, user_id = current_user(request), path_id(request, "user_id")
    credits = request.state["credits"]
    async with read_body(request) as body, held_key(request, admin, body) as key:
        wanted = parse(Grant, body.values)
        if key is not None and key.made is not None:
            entry = await credits.entry(user_id, key.made)
        else:
            amount = milli(wanted.credits)
            entry = await credits.grant(user_id, amount, wanted.note, key, actor=str(admin))
    document: GrantDocument = {**_entry_json(entry), **balance_json(await credits.balance(user_id))}
    return JSONResponse(document, 201, NO_STORE)


async def erase(request: Request[State]) -> Response:
    """200 with what is gone."""
    admin, user_id = current_user(request), path_id(request, "user_id")
    query(NoParams, request)
    erased = await request.state["erasure"].erase(user_id, str(admin))
    return JSONResponse(erased_json(erased), headers=NO_STORE)


async def audit_log(request: Request[State]) -> Response:
    """Newest first."""
    wanted = query(ListQuery, request)
    page = await deeds(request.state["pool"], wanted.cursor, wanted.limit)
    return JSONResponse(page_json(page, [_deed_json(deed) for deed in page.items]), headers=NO_STORE)


def _entry_json(entry: Entry) -> EntryDocument:
    return {
        "entry_id": str(entry.id),
        "granted": entry.granted / 1000,
        "note": entry.note,
        "created_at": time_json(entry.created_at),
    }


def _deed_json(deed: Deed) -> DeedDocument:
    return {
        "id": str(deed.id),
        "actor": deed.actor,
        "action": deed.action,
        "subject": str(deed.subject) if deed.subject else None,
        "details": deed.details,
        "created_at": time_json(deed.created_at),
    }
