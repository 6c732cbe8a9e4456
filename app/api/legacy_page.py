"""`/process/background-removal`: the page of the engine that the flag gives; `…-legacy`: ClippingMagic's.

ClippingMagic's script and popup would be blocked in an isolated document, so the legacy page is another one,
and changing engine is a navigation (DESIGN §11).
"""

from starlette.requests import Request
from starlette.responses import Response

from app.api import editor, pages
from app.api.auth import identify
from app.api.params import Params, query
from app.api.state import State
from app.engines.names import EngineName
from app.errors import AppError
from app.legacy.errors import LegacyNotConfigured

ROUTED = "/process/background-removal"
LEGACY = "/process/background-removal-legacy"

_COMMON = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "strict-origin-when-cross-origin"}
_POLICY = (
    "default-src 'none'; script-src 'self' {origin}; style-src 'self' 'unsafe-inline' {origin}; "
    "connect-src 'self' {origin}; img-src 'self' blob: data: {origin}; frame-src {origin}; "
    "base-uri 'none'; form-action {origin}; frame-ancestors 'none'"
)
"""ClippingMagic's script styles what it adds, talks home, and works through a frame of its own."""


class LegacyQuery(Params):
    image: str | None = None
    """Read by the page: an image that is to be sent."""


async def routed(request: Request[State]) -> Response:
    if await _engine(request) is EngineName.CLIPPINGMAGIC:
        return await _page(request)
    return await editor.page(request)


async def legacy(request: Request[State]) -> Response:
    """Raises LegacyNotConfigured."""
    query(LegacyQuery, request)
    if request.state["legacy"] is None:
        raise LegacyNotConfigured("there is no ClippingMagic here")
    return await _page(request)


async def _engine(request: Request[State]) -> EngineName:
    """Who is not signed in, or not known to be by what the browser sent along, gets the page that asks."""
    try:
        caller = await identify(request)
        decision = await request.state["flags"].decide(caller.user_id)
    except AppError:
        return EngineName.SAM2
    return decision.engine


async def _page(request: Request[State]) -> Response:
    document, legacy = editor.DIST / "legacy.html", request.state["legacy"]
    if legacy is None or not document.is_file():
        return await pages.home(request)
    policy = _POLICY.format(origin=legacy.account.origin)
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return editor.compressed(document, request.headers, headers, _COMMON)
