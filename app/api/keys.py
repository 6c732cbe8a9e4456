"""`/api/keys`: the caller's API keys."""

from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.accounts.types import ApiKey, Scope
from app.api.auth import current_caller, current_user
from app.api.documents import KeyDocument, NewKeyDocument
from app.api.files import NO_STORE
from app.api.params import ListQuery, NoParams, Params, parse, path_id, query, read_body
from app.api.schemas import page_json, time_json
from app.api.state import State

_DAY_S = 86_400.0
_NOT_EMPTY = Field(min_length=1, json_schema_extra={"uniqueItems": False})
"""To name one twice is no error."""


class NewKey(Params):
    name: str = Field("", max_length=100)
    scopes: Annotated[frozenset[Scope], _NOT_EMPTY] = frozenset({Scope.READ, Scope.WRITE})
    expires_in_days: float | None = Field(None, gt=0, le=3650)


async def create(request: Request[State]) -> Response:
    """201 with the key's row and, this once, the key: for that `Idempotency-Key` does not apply."""
    caller = current_caller(request)
    async with read_body(request) as body:
        wanted = parse(NewKey, body.values)
    lifetime_s = wanted.expires_in_days * _DAY_S if wanted.expires_in_days is not None else None
    row, key = await request.state["keyring"].create(
        caller.user_id, wanted.scopes, name=wanted.name, lifetime_s=lifetime_s, within=caller.scopes
    )
    document: NewKeyDocument = {**key_json(row), "key": key}
    return JSONResponse(document, 201, {"Location": _url(row), **NO_STORE})


async def list_keys(request: Request[State]) -> Response:
    """Newest first; revoked and expired ones too."""
    user = current_user(request)
    wanted = query(ListQuery, request)
    page = await request.state["keyring"].list(user, wanted.cursor, wanted.limit)
    return JSONResponse(page_json(page, [key_json(key) for key in page.items]), headers=NO_STORE)


async def revoke(request: Request[State]) -> Response:
    """204; the next request with the key is refused. Again is no error."""
    user = current_user(request)
    query(NoParams, request)
    await request.state["keyring"].revoke(user, path_id(request, "key_id"))
    return Response(status_code=204)


def key_json(key: ApiKey) -> KeyDocument:
    return {
        "id": str(key.id),
        "name": key.name,
        "prefix": key.prefix,
        "scopes": sorted(key.scopes),
        "created_at": time_json(key.created_at),
        "expires_at": time_json(key.expires_at),
        "last_used_at": time_json(key.last_used_at),
        "revoked_at": time_json(key.revoked_at),
        "urls": {"self": _url(key)},
    }


def _url(key: ApiKey) -> str:
    return f"/api/keys/{key.id}"
