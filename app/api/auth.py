"""Who is calling, and whether they may: asked once, by the route table, before any handler runs."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from app.accounts.errors import NotSignedIn, RoleMissing, ScopeMissing, TooMuch
from app.accounts.keys import MARK
from app.accounts.limits import RateLimits
from app.accounts.types import EVERY_SCOPE, LOCAL_USER_ID, Caller, Left, Role
from app.accounts.types import Scope as KeyScope
from app.api.errors import ForeignRequest, TwoCredentials
from app.api.problems import app_problem
from app.api.state import State
from app.errors import AppError

COOKIE = "__Host-cutout"
"""The editor's session: an access token that no script can read. The prefix holds it to this host."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_LOCAL = Caller(LOCAL_USER_ID, EVERY_SCOPE, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Need:
    """What a route asks of its caller."""

    scope: KeyScope
    role: Role = Role.USER


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the request shows; at most one of the two."""

    key: str | None = None
    token: str | None = None
    by_cookie: bool = False
    """Then the browser sent it by itself: another site's page may have asked it to."""


def current_user(request: HTTPConnection[State]) -> UUID:
    """Whose things the handler may touch."""
    return current_caller(request).user_id


def current_caller(request: HTTPConnection[State]) -> Caller:
    """Raises NotSignedIn where the route table let anybody in."""
    if "caller" not in request.scope["state"]:
        raise NotSignedIn("no credentials")
    return request.state["caller"]


async def identify(request: HTTPConnection[State]) -> Caller:
    """Raises NotSignedIn and its kin, ForeignRequest, TwoCredentials, SignInUnavailable."""
    shown = credentials(request)
    if shown.by_cookie or request.scope["type"] == "websocket":
        _check_origin(request, needed=shown.by_cookie)
    if shown.key is not None:
        return await request.state["sign_in"].by_key(shown.key)
    if shown.token is not None:
        return await request.state["sign_in"].by_token(shown.token)
    if request.state["settings"].embedded:
        return _LOCAL
    raise NotSignedIn("send `Authorization: Bearer` with an access token, or `X-Api-Key`")


def credentials(request: HTTPConnection[State]) -> Credentials:
    """Headers go before the cookie, which a browser sends unasked. Raises TwoCredentials, NotSignedIn."""
    keys = request.headers.getlist("x-api-key")
    bearers = request.headers.getlist("authorization")
    if len(keys) + len(bearers) > 1:
        raise TwoCredentials("the request has several credentials; send one")
    if keys:
        return Credentials(key=keys[0].strip())
    if bearers:
        kind, _, value = bearers[0].strip().partition(" ")
        value = value.strip()
        if kind.lower() != "bearer" or not value:
            raise NotSignedIn("Authorization: only `Bearer` is known here")
        return Credentials(key=value) if value.startswith(MARK) else Credentials(token=value)
    if (token := request.cookies.get(COOKIE)) and not request.state["settings"].embedded:
        return Credentials(token=token, by_cookie=True)
    return Credentials()


def _check_origin(request: HTTPConnection[State], *, needed: bool) -> None:
    """A cookie proves whose browser it is, not whose page. Raises ForeignRequest.

    `needed`: an unsafe request or a WebSocket must say where it comes from; browsers do, always.
    """
    origin = request.headers.get("origin")
    if origin is None:
        if needed and request.scope.get("method", "WEBSOCKET") not in _SAFE:
            raise ForeignRequest("a request with the session's cookie must have an Origin")
    elif urlsplit(origin).netloc != request.headers.get("host", ""):
        raise ForeignRequest("the request comes from another site's page")


async def limited(state: State, spend: Callable[[RateLimits], Awaitable[Left]]) -> None:
    """What is left is told in the answer's headers, whatever the answer. Raises TooMuch."""
    if (limits := state["limits"]) is None:
        return
    try:
        state["left"] = await spend(limits)
    except TooMuch as error:
        state["left"] = error.left
        raise


class Guard:
    """Lets nobody through to a route but those whom it is for."""

    def __init__(self, app: ASGIApp, needs: dict[str, Need]) -> None:
        """`needs` by method; `GET` stands for HEAD and for WebSocket too."""
        self._app = app
        self._needs = needs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope.get("method", "GET")
        need = self._needs["GET" if method == "HEAD" else method]
        try:
            request = HTTPConnection[State](scope, receive)
            request.state["caller"] = caller = await _admitted(request, need)
            await limited(request.state, lambda limits: limits.request(caller))
        except AppError as error:
            if scope["type"] == "http":
                raise
            denial = app_problem(scope["state"]["request_id"], error)
            await WebSocket(scope, receive, send).send_denial_response(denial)
            return
        await self._app(scope, receive, send)


async def _admitted(request: HTTPConnection[State], need: Need) -> Caller:
    """Raises as `identify`, ScopeMissing, RoleMissing."""
    caller = await identify(request)
    if need.scope not in caller.scopes:
        raise ScopeMissing(f"the API key lacks the scope `{need.scope}`", needed=need.scope)
    if not caller.role.covers(need.role):
        raise RoleMissing(f"this is for the role `{need.role}`", needed=need.role)
    return caller
