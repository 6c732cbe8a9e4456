"""`/api/session`: a page's sign-in. The access token goes into a cookie that no script can read."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.accounts.errors import NotSignedIn
from app.api.auth import COOKIE, credentials
from app.api.documents import IssuerDocument, WaysInDocument
from app.api.files import NO_STORE
from app.api.params import NoParams, query
from app.api.state import State


async def ways_in(request: Request[State]) -> Response:
    """How a page signs people in: at whose Supabase Auth, or not at all. Nothing here is secret."""
    query(NoParams, request)
    settings = request.state["settings"]
    known: IssuerDocument | None = None
    if settings.supabase_url is not None and not settings.embedded:
        known = {"url": f"{settings.issuer()}/auth/v1", "key": settings.supabase_anon_key}
    document: WaysInDocument = {"needed": not settings.embedded, "issuer": known}
    return JSONResponse(document, headers=NO_STORE)


async def begin(request: Request[State]) -> Response:
    """204 and the cookie, for the token of `Authorization`. A newer token takes its place."""
    query(NoParams, request)
    shown = credentials(request)
    if shown.token is None or shown.by_cookie:
        raise NotSignedIn("send `Authorization: Bearer` with an access token")
    identity = await request.state["sign_in"].identify(shown.token)
    await request.state["sign_in"].by_token(shown.token)  # a closed account gets no session
    left = int((identity.expires_at - datetime.now(UTC)).total_seconds())
    response = Response(status_code=204, headers=NO_STORE)
    response.set_cookie(
        COOKIE, shown.token, max_age=max(left, 0), secure=True, httponly=True, samesite="strict"
    )
    return response


async def end(request: Request[State]) -> Response:
    """204, also where there was none: the other tab was first."""
    query(NoParams, request)
    response = Response(status_code=204, headers=NO_STORE)
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="strict")
    return response
