"""Pure ASGI middleware: one id per request from the edge to the worker, and the guards of embedded mode."""

import ipaddress
import re
import time
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from app.accounts.types import Left
from app.api.errors import ForeignRequest
from app.api.problems import app_problem, unexpected
from app.telemetry.metrics import REQUESTS

_REQUEST_ID = re.compile(r"[\w.-]{8,64}", re.ASCII)
_QUIET = frozenset({"/healthz", "/readyz"})

_log = structlog.get_logger(__name__)


class RequestContext:
    """Take `X-Request-Id` or make one, bind it to every log line, answer with it, log the request.

    The outermost layer: an error that nobody expected ends here, with its traceback beside its id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid7().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _say(message, {"X-Request-Id": request_id, **_limit_headers(scope["state"].get("left"))})
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            started = time.perf_counter()
            try:
                await self._app(scope, receive, send_with_id)
            except Exception:
                _log.exception("unexpected")
                if status or scope["type"] == "websocket":
                    raise  # the answer has begun: only closing the connection can tell
                await unexpected(request_id)(scope, receive, send_with_id)
            if scope["path"] not in _QUIET:
                seconds, method = time.perf_counter() - started, scope.get("method", "WS")
                route = scope["state"].get("route")
                # where no route matched the method is any word that somebody made up: a series for each
                labels = (method, route) if route else ("any", "none")
                REQUESTS.labels(*labels, status or "none").observe(seconds)
                ms = round(seconds * 1000)
                _log.info("request", method=method, path=scope["path"], status=status, ms=ms)


def _say(start: Message, more: dict[str, str]) -> None:
    """Headers beside those of the handler, in the place of any it gave by these names."""
    added = [(name.lower().encode(), value.encode()) for name, value in more.items()]
    names = {name for name, _ in added}
    start["headers"] = [*(pair for pair in start["headers"] if pair[0] not in names), *added]


def _limit_headers(left: Left | None) -> dict[str, str]:
    """draft-ietf-httpapi-ratelimit-headers-10 §2: quota and window, what remains, when all is back."""
    if left is None:
        return {}
    return {
        "RateLimit-Policy": f'"{left.policy}";q={left.quota};w={left.window_s}',
        "RateLimit": f'"{left.policy}";r={left.remaining};t={left.full_in_s}',
    }


class EmbeddedGuard:
    """Only this machine's own pages and programs may speak as the local user (DESIGN §5).

    A foreign Host is DNS rebinding, a foreign Origin another site's page, a forwarding header a proxy that
    lets others in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"} or not (reason := _foreign(scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        else:
            response = app_problem(scope["state"]["request_id"], ForeignRequest(reason))
            await response(scope, receive, send)


def _foreign(scope: Scope) -> str | None:
    """Why this request does not come from this machine itself."""
    headers = Headers(scope=scope)
    for name in headers:
        if name == "forwarded" or name.startswith("x-forwarded-"):
            return f"`cutout dev` is not for use behind a proxy, but the request has {name}"
    if (client := scope.get("client")) and not _is_local(client[0]):
        return "`cutout dev` answers to this machine only"
    host = headers.get("host", "")
    if not _is_local(urlsplit(f"//{host}").hostname):
        return "`cutout dev` answers only as localhost; the request has another Host"
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return "the request comes from another site's page"
    return None


def _is_local(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
