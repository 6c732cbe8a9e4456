"""The built pages (web/dist): the editor at `/process/background-removal-v2`, `/sign-in` and `/account`.

They are isolated, so that WASM may use threads.
"""

import mimetypes
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response

from app.api import pages
from app.api.auth import current_user
from app.api.files import IMMUTABLE, NO_STORE
from app.api.params import NoParams, query
from app.api.state import State
from app.errors import NotFound

DIST = Path(__file__).parents[2] / "web" / "dist"
"""`npm run build` writes it; without it the API's own page answers."""

PATH = "/process/background-removal-v2"
"""Where the editor lives; its assets are below (web/vite.config.ts: base)."""

_ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""Best first; `npm run build` has compressed each file once (web/scripts/compress.mjs)."""

_ISOLATED = {
    # SharedArrayBuffer, and with it WASM threads, exist only in a document with both headers (DESIGN §6); a
    # worker's script needs the second one itself.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; style-src 'self'; "
    "connect-src {connect}; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm"}


class AssetNotFound(NotFound):
    """A page of an older release asks for what this one no longer has."""

    code = "asset_not_found"


async def root(request: Request[State]) -> Response:
    """`/` leads to the editor; where none is built the API's own page answers."""
    if not built():
        return await pages.home(request)
    return RedirectResponse(PATH, headers={"Cache-Control": "no-cache"})  # 307: it may be built no more


def built() -> bool:
    return (DIST / "index.html").is_file()


async def page(request: Request[State]) -> Response:
    return await _document(request, "index.html")


async def sign_in(request: Request[State]) -> Response:
    return await _document(request, "sign-in.html")


async def account(request: Request[State]) -> Response:
    return await _document(request, "account.html")


async def docs(request: Request[State]) -> Response:
    """The API's documentation, to read and to try."""
    return await _document(request, "docs.html")


async def _document(request: Request[State], name: str) -> Response:
    if not built():
        return await pages.home(request)
    settings = request.state["settings"]
    # the page itself begins a session at the issuer, and sends large photos to the bucket
    others = (settings.supabase_url, settings.storage_url)
    connect = " ".join(["'self'", *(url.rstrip("/") for url in others if url is not None)])
    headers = {"Content-Security-Policy": _POLICY.format(connect=connect), "Cache-Control": "no-cache"}
    return compressed(DIST / name, request.headers, headers)


async def engine(request: Request[State]) -> Response:
    """Which engine the caller's next image gets, and why."""
    user = current_user(request)
    query(NoParams, request)
    decision = await request.state["flags"].explain(user)
    return JSONResponse(decision.as_json(), headers=NO_STORE)


async def asset(request: Request[State]) -> Response:
    """A fingerprinted file below `assets/`, or one of the few beside it."""
    query(NoParams, request)
    path = (DIST / request.path_params["path"]).resolve()
    if not path.is_relative_to(DIST) or not path.is_file() or path.suffix in _ENCODINGS.values():
        raise AssetNotFound("no such file; reload the page")
    fingerprinted = path.parent.name == "assets"
    return compressed(path, request.headers, {"Cache-Control": IMMUTABLE if fingerprinted else "no-cache"})


def compressed(
    path: Path, wanted: Headers, headers: dict[str, str], common: dict[str, str] = _ISOLATED
) -> Response:
    """The file in the best encoding that the client takes and the build has made."""
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    headers = {**common, **headers, "Vary": "Accept-Encoding"}
    accepted = {part.split(";")[0].strip() for part in wanted.get("accept-encoding", "").split(",")}
    for encoding, suffix in _ENCODINGS.items():
        packed = path.with_name(path.name + suffix)
        if encoding in accepted and packed.is_file():
            return FileResponse(
                packed, headers={**headers, "Content-Encoding": encoding}, media_type=media_type
            )
    return FileResponse(path, headers=headers, media_type=media_type)
