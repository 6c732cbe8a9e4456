"""Every path of DESIGN §9 that this version answers."""

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ASGIScope

from app.accounts.types import Role, Scope
from app.api import (
    account,
    admin,
    batches,
    defaults,
    direct,
    editor,
    events,
    flags,
    health,
    images,
    jobs,
    keys,
    legacy,
    legacy_page,
    models,
    segment,
    session,
    webhooks,
)
from app.api.admin_page import handlers as admin_page
from app.api.admin_page import now, reviews
from app.api.auth import Guard, Need
from app.api.openapi import handlers as openapi
from app.api.removebg import handlers as removebg
from app.api.state import State

Handler: TypeAlias = Callable[[Request[State]], Awaitable[Response]]


def resource(path: str, **handlers: Handler) -> Route:
    """One path with several methods, in one route: so a 405 names them all."""

    async def dispatch(request: Request[State]) -> Response:
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    route = Route(path, dispatch, methods=list(handlers))
    _DISPATCHED[path] = handlers
    return route


_DISPATCHED: dict[str, dict[str, Handler]] = {}
"""Handlers by path and method, where a route has several."""


OPEN = frozenset(
    {
        "/",
        editor.PATH,
        editor.PATH + "/{path:path}",
        legacy_page.ROUTED,
        legacy_page.LEGACY,
        "/sign-in",
        "/account",
        "/openapi.json",
        "/docs",
        "/healthz",
        "/readyz",
        "/api/session",
        direct.FILE,
        "/models/manifest.json",
        "/models/files/{sha256}",
    }
)
"""Paths for anybody. Every other one is guarded: to read for GET and WebSocket, to write for the
rest, for admins below `/api/admin/`, for reviewers below `/admin`."""

NEEDS: dict[tuple[str, str], Need] = {
    ("GET", now.PATH): Need(Scope.READ, Role.ADMIN),
    ("POST", "/admin/flag"): Need(Scope.ADMIN, Role.ADMIN),
    ("DELETE", "/api/account"): Need(Scope.ADMIN),
    ("POST", "/api/keys"): Need(Scope.ADMIN),
    ("DELETE", "/api/keys/{key_id:uuid}"): Need(Scope.ADMIN),
}
"""Where that is not enough."""


def guarded(route: Route | WebSocketRoute) -> BaseRoute:
    if route.path not in OPEN:
        methods = (route.methods or set()) - {"HEAD"} if isinstance(route, Route) else {"GET"}
        route.app = Guard(route.app, {method: need_of(method, route.path) for method in methods})
    route.app = _named(route.app, route.path)
    return route


def _named(app: ASGIApp, path: str) -> ASGIApp:
    """Says which route it is, for the metrics: of ids in a path there is no end."""

    async def named(scope: ASGIScope, receive: Receive, send: Send) -> None:
        scope["state"]["route"] = path
        await app(scope, receive, send)

    return named


def need_of(method: str, path: str) -> Need:
    if (method, path) in NEEDS:
        return NEEDS[method, path]
    if path == "/admin" or path.startswith("/admin/"):
        return Need(Scope.READ if method == "GET" else Scope.WRITE, Role.REVIEWER)
    if path.startswith("/api/admin/"):
        return Need(Scope.ADMIN, Role.ADMIN)
    return Need(Scope.READ if method == "GET" else Scope.WRITE)


_TABLE: list[Route | WebSocketRoute] = [
    # first the one that is asked for the most: each that is passed over costs 1 µs
    Route("/api/jobs/{job_id:uuid}", jobs.get_job),
    Route("/", editor.root),
    Route(editor.PATH, editor.page),
    Route(editor.PATH + "/{path:path}", editor.asset),
    Route(legacy_page.ROUTED, legacy_page.routed),
    Route(legacy_page.LEGACY, legacy_page.legacy),
    Route("/sign-in", editor.sign_in),
    Route("/account", editor.account),
    Route("/openapi.json", openapi.openapi),
    Route("/docs", editor.docs),
    Route("/healthz", health.healthz),
    Route("/readyz", health.readyz),
    resource("/api/session", GET=session.ways_in, POST=session.begin, DELETE=session.end),
    resource("/api/keys", GET=keys.list_keys, POST=keys.create),
    Route("/api/keys/{key_id:uuid}", keys.revoke, methods=["DELETE"]),
    resource(
        "/api/account",
        GET=account.get_account,
        PATCH=account.change_account,
        DELETE=account.erase_account,
    ),
    resource("/api/account/settings", GET=defaults.get_defaults, PUT=defaults.set_defaults),
    Route("/api/account/export.zip", account.export_account),
    Route("/api/account/usage", account.usage),
    Route("/api/account/statement.csv", account.statement),
    Route("/api/admin/users/{user_id:uuid}/credits", admin.grant, methods=["POST"]),
    Route("/api/admin/users/{user_id:uuid}", admin.erase, methods=["DELETE"]),
    Route("/api/admin/audit", admin.audit_log),
    resource("/api/admin/flags/sam2_editor", GET=flags.show, PATCH=flags.change),
    resource(
        "/api/admin/flags/sam2_editor/overrides/{user_id:uuid}", PUT=flags.override, DELETE=flags.no_override
    ),
    Route("/admin", admin_page.page),
    Route(now.PATH, now.fragment),
    Route("/admin/flag", admin_page.set_flag, methods=["POST"]),
    Route("/admin/reviews/{review_id:uuid}", reviews.judge, methods=["POST"]),
    Route("/admin/reviews/{review_id:uuid}/picture", reviews.picture),
    Route("/api/admin/usage.csv", admin_page.usage_csv),
    Route("/api/editor", editor.engine),
    Route("/v1.0/removebg", removebg.remove, methods=["POST"]),
    Route("/v1.0/account", removebg.account),
    Route("/api/clippingmagic/upload", legacy.upload, methods=["POST"]),
    Route("/api/clippingmagic/fetch/{legacy_id:int}", legacy.fetch, methods=["POST"]),
    Route("/api/segment/encode", segment.encode, methods=["POST"]),
    Route("/api/segment/apply-mask", segment.apply_mask, methods=["POST"]),
    Route("/api/segment/decode", segment.decode, methods=["POST"]),
    Route("/api/segment/remove", segment.remove, methods=["POST"]),
    resource("/api/batches", GET=batches.list_batches, POST=batches.create),
    Route("/api/batches/{batch_id:uuid}", batches.get_batch),
    resource("/api/batches/{batch_id:uuid}/items", GET=batches.list_items, POST=batches.add_items),
    Route("/api/batches/{batch_id:uuid}/items/{item_id:uuid}/review", batches.review_item, methods=["POST"]),
    Route("/api/batches/{batch_id:uuid}/close", batches.close, methods=["POST"]),
    Route("/api/batches/{batch_id:uuid}/pause", batches.pause, methods=["POST"]),
    Route("/api/batches/{batch_id:uuid}/resume", batches.resume, methods=["POST"]),
    Route("/api/batches/{batch_id:uuid}/cancel", batches.cancel, methods=["POST"]),
    Route("/api/batches/{batch_id:uuid}/retry", batches.retry, methods=["POST"]),
    Route("/api/batches/{batch_id:uuid}/result.zip", batches.results),
    Route("/api/batches/{batch_id:uuid}/report.csv", batches.report),
    Route("/api/jobs", jobs.list_jobs),
    Route("/api/jobs/{job_id:uuid}/cancel", jobs.cancel_job, methods=["POST"]),
    Route("/api/jobs/{job_id:uuid}/result", jobs.job_result),
    Route("/api/jobs/{job_id:uuid}/events", events.job_events),
    WebSocketRoute("/api/jobs/{job_id:uuid}/ws", events.job_socket),
    Route("/api/events", events.all_events),
    resource("/api/images", GET=images.list_images, POST=images.add_image),
    resource("/api/images/{image_id:uuid}", GET=images.get_image, DELETE=images.delete_image),
    Route("/api/images/{image_id:uuid}/crops", images.crop_image, methods=["POST"]),
    Route("/api/images/{image_id:uuid}/working", images.working_image),
    Route("/api/images/{image_id:uuid}/embedding", images.embedding),
    Route("/api/images/{image_id:uuid}/auto-mask", images.auto_mask),
    Route("/api/uploads", direct.begin, methods=["POST"]),
    Route(direct.FILE, direct.receive, methods=["PUT"]),
    resource("/api/webhooks", GET=webhooks.list_endpoints, POST=webhooks.create),
    Route("/api/webhooks/rotate-secret", webhooks.rotate_job_secret, methods=["POST"]),
    Route("/api/webhooks/deliveries", webhooks.list_deliveries),
    Route("/api/webhooks/deliveries/{delivery_id:uuid}", webhooks.get_delivery),
    Route("/api/webhooks/deliveries/{delivery_id:uuid}/redeliver", webhooks.redeliver, methods=["POST"]),
    resource(
        "/api/webhooks/{endpoint_id:uuid}",
        GET=webhooks.get_endpoint,
        PATCH=webhooks.change_endpoint,
        DELETE=webhooks.delete_endpoint,
    ),
    Route("/api/webhooks/{endpoint_id:uuid}/rotate-secret", webhooks.rotate_secret, methods=["POST"]),
    Route("/api/webhooks/{endpoint_id:uuid}/test", webhooks.test_endpoint, methods=["POST"]),
    Route("/models/manifest.json", models.manifest),
    Route("/models/files/{sha256}", models.model_file),
]

ROUTES: list[BaseRoute] = [guarded(route) for route in _TABLE]


def _calls() -> Iterator[tuple[tuple[str, str], tuple[Handler, Need | None]]]:
    for route in _TABLE:
        if not isinstance(route, Route) or not route.path.startswith(PROGRAMS):
            continue
        for method in sorted((route.methods or set()) - {"HEAD"}):
            handler = _DISPATCHED.get(route.path, {}).get(method, route.endpoint)
            need = None if route.path in OPEN else need_of(method, route.path)
            yield (method, route.path), (handler, need)


PROGRAMS = ("/api/", "/v1.0/", "/models/", "/healthz", "/readyz")
"""Where programs call; the rest are pages for people."""
CALLS: dict[tuple[str, str], tuple[Handler, Need | None]] = dict(_calls())
"""For the documentation, by method and path."""
