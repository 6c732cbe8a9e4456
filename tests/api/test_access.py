"""The access matrix: every route of the table as everybody who may knock.

What a route needs is written down here once more, by hand: a new route, or another need, fails until somebody
has thought about it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.routing import Route, WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from app.accounts.types import Role, Scope
from app.api.auth import Need
from app.api.routes import OPEN, ROUTES, need_of
from tests.gate import Gate
from tests.rows import a_job, an_image

READ, WRITE, ADMIN = Need(Scope.READ), Need(Scope.WRITE), Need(Scope.ADMIN)
OPERATOR = Need(Scope.ADMIN, Role.ADMIN)
REVIEWER = Need(Scope.READ, Role.REVIEWER)
ANYBODY = None

ACCESS: dict[tuple[str, str], Need | None] = {
    ("GET", "/"): ANYBODY,
    ("GET", "/process/background-removal-v2"): ANYBODY,
    ("GET", "/process/background-removal-v2/{path:path}"): ANYBODY,
    ("GET", "/process/background-removal"): ANYBODY,
    ("GET", "/process/background-removal-legacy"): ANYBODY,
    ("GET", "/sign-in"): ANYBODY,
    ("GET", "/account"): ANYBODY,  # the page; what it shows is asked for by its script
    ("GET", "/openapi.json"): ANYBODY,
    ("GET", "/docs"): ANYBODY,
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/readyz"): ANYBODY,
    ("GET", "/api/session"): ANYBODY,
    ("POST", "/api/session"): ANYBODY,  # asks for a token itself: it is the way in
    ("DELETE", "/api/session"): ANYBODY,
    ("GET", "/api/keys"): READ,
    ("POST", "/api/keys"): ADMIN,
    ("DELETE", "/api/keys/{key_id:uuid}"): ADMIN,
    ("GET", "/api/account"): READ,
    ("PATCH", "/api/account"): WRITE,
    ("DELETE", "/api/account"): ADMIN,
    ("DELETE", "/api/admin/users/{user_id:uuid}"): OPERATOR,
    ("GET", "/api/admin/audit"): OPERATOR,
    ("GET", "/api/admin/flags/sam2_editor"): OPERATOR,
    ("PATCH", "/api/admin/flags/sam2_editor"): OPERATOR,
    ("PUT", "/api/admin/flags/sam2_editor/overrides/{user_id:uuid}"): OPERATOR,
    ("DELETE", "/api/admin/flags/sam2_editor/overrides/{user_id:uuid}"): OPERATOR,
    ("GET", "/admin"): REVIEWER,
    ("GET", "/admin/now"): Need(Scope.READ, Role.ADMIN),
    ("POST", "/admin/flag"): OPERATOR,
    ("POST", "/admin/reviews/{review_id:uuid}"): Need(Scope.WRITE, Role.REVIEWER),
    ("GET", "/admin/reviews/{review_id:uuid}/picture"): REVIEWER,
    ("GET", "/api/admin/usage.csv"): OPERATOR,
    ("GET", "/api/editor"): READ,
    ("POST", "/api/clippingmagic/upload"): WRITE,
    ("POST", "/api/clippingmagic/fetch/{legacy_id:int}"): WRITE,
    ("GET", "/api/account/settings"): READ,
    ("PUT", "/api/account/settings"): WRITE,
    ("GET", "/api/account/export.zip"): READ,
    ("GET", "/api/account/usage"): READ,
    ("GET", "/api/account/statement.csv"): READ,
    ("POST", "/api/admin/users/{user_id:uuid}/credits"): OPERATOR,
    ("POST", "/v1.0/removebg"): WRITE,
    ("GET", "/v1.0/account"): READ,
    ("POST", "/api/segment/encode"): WRITE,
    ("POST", "/api/segment/apply-mask"): WRITE,
    ("POST", "/api/segment/decode"): WRITE,
    ("POST", "/api/segment/remove"): WRITE,
    ("GET", "/api/batches"): READ,
    ("POST", "/api/batches"): WRITE,
    ("GET", "/api/batches/{batch_id:uuid}"): READ,
    ("GET", "/api/batches/{batch_id:uuid}/items"): READ,
    ("POST", "/api/batches/{batch_id:uuid}/items"): WRITE,
    ("POST", "/api/batches/{batch_id:uuid}/items/{item_id:uuid}/review"): WRITE,
    ("POST", "/api/batches/{batch_id:uuid}/close"): WRITE,
    ("POST", "/api/batches/{batch_id:uuid}/pause"): WRITE,
    ("POST", "/api/batches/{batch_id:uuid}/resume"): WRITE,
    ("POST", "/api/batches/{batch_id:uuid}/cancel"): WRITE,
    ("POST", "/api/batches/{batch_id:uuid}/retry"): WRITE,
    ("GET", "/api/batches/{batch_id:uuid}/result.zip"): READ,
    ("GET", "/api/batches/{batch_id:uuid}/report.csv"): READ,
    ("GET", "/api/jobs"): READ,
    ("GET", "/api/jobs/{job_id:uuid}"): READ,
    ("POST", "/api/jobs/{job_id:uuid}/cancel"): WRITE,
    ("GET", "/api/jobs/{job_id:uuid}/result"): READ,
    ("GET", "/api/jobs/{job_id:uuid}/events"): READ,
    ("WS", "/api/jobs/{job_id:uuid}/ws"): READ,
    ("GET", "/api/events"): READ,
    ("GET", "/api/images"): READ,
    ("POST", "/api/images"): WRITE,
    ("GET", "/api/images/{image_id:uuid}"): READ,
    ("DELETE", "/api/images/{image_id:uuid}"): WRITE,
    ("POST", "/api/images/{image_id:uuid}/crops"): WRITE,
    ("GET", "/api/images/{image_id:uuid}/working"): READ,
    ("GET", "/api/images/{image_id:uuid}/embedding"): READ,
    ("GET", "/api/images/{image_id:uuid}/auto-mask"): READ,
    ("POST", "/api/uploads"): WRITE,
    ("PUT", "/api/uploads/{upload_id:uuid}/file"): ANYBODY,  # who holds its token
    ("GET", "/api/webhooks"): READ,
    ("POST", "/api/webhooks"): WRITE,
    ("POST", "/api/webhooks/rotate-secret"): WRITE,
    ("GET", "/api/webhooks/deliveries"): READ,
    ("GET", "/api/webhooks/deliveries/{delivery_id:uuid}"): READ,
    ("POST", "/api/webhooks/deliveries/{delivery_id:uuid}/redeliver"): WRITE,
    ("GET", "/api/webhooks/{endpoint_id:uuid}"): READ,
    ("PATCH", "/api/webhooks/{endpoint_id:uuid}"): WRITE,
    ("DELETE", "/api/webhooks/{endpoint_id:uuid}"): WRITE,
    ("POST", "/api/webhooks/{endpoint_id:uuid}/rotate-secret"): WRITE,
    ("POST", "/api/webhooks/{endpoint_id:uuid}/test"): WRITE,
    ("GET", "/models/manifest.json"): ANYBODY,
    ("GET", "/models/files/{sha256}"): ANYBODY,
}


def table() -> Iterator[tuple[str, str]]:
    for route in ROUTES:
        if isinstance(route, WebSocketRoute):
            yield "WS", route.path
        else:
            assert isinstance(route, Route) and route.methods is not None
            yield from ((method, route.path) for method in route.methods - {"HEAD"})


def test_every_route_has_its_entry_and_every_entry_its_route() -> None:
    assert set(table()) == set(ACCESS)


@pytest.mark.parametrize(("method", "path"), ACCESS)
def test_the_table_asks_what_the_entry_says(method: str, path: str) -> None:
    asked = None if path in OPEN else need_of("GET" if method == "WS" else method, path)
    assert asked == ACCESS[method, path]


@dataclass(frozen=True)
class World:
    """A user with things of each kind; each test's answers come from the same ones."""

    gate: Gate
    owner: UUID
    ids: dict[str, UUID]
    keys: dict[str, str]
    stranger: UUID
    admin: UUID


@pytest.fixture(scope="module")
def world(gate: Gate) -> World:
    owner, stranger, admin = gate.user(), gate.user(), gate.user(Role.ADMIN)
    image = an_image(gate.dsn, owner)
    ids = {
        "user_id": owner,
        "image_id": image,
        "job_id": a_job(gate.dsn, image, owner),
        "key_id": gate.key(owner, Scope.READ)[0].id,
        "review_id": image,
    }
    with gate.person(owner) as me:
        endpoint = me.post("/api/webhooks", json={"url": "https://hooks.example/x"})
        assert endpoint.status_code == 201, endpoint.text
        ids["endpoint_id"] = UUID(endpoint.json()["id"])
        batch = me.post("/api/batches", json={"urls": ["https://shop.example/a.jpg"], "close": False}).json()
        ids["batch_id"] = UUID(batch["id"])
        ids["item_id"] = UUID(me.get(batch["urls"]["items"]).json()["items"][0]["id"])
        ids["delivery_id"] = UUID(me.post(f"/api/webhooks/{ids['endpoint_id']}/test").json()["id"])
    revoked, revoked_key = gate.key(owner, *Scope)
    with gate.person(owner) as me:
        me.delete(f"/api/keys/{revoked.id}")
    keys = {
        "read": gate.key(owner, Scope.READ)[1],
        "write": gate.key(owner, Scope.READ, Scope.WRITE)[1],
        "admin": gate.key(owner, *Scope)[1],
        "revoked": revoked_key,
        "expired": gate.key(owner, *Scope, lifetime_s=-1)[1],
    }
    return World(gate, owner, ids, keys, stranger, admin)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


REFUSED: dict[str, tuple[Callable[[World], dict[str, str]], str]] = {
    "anonymous": (lambda w: {}, "not_signed_in"),
    "revoked key": (lambda w: {"x_api_key": w.keys["revoked"]}, "key_refused"),
    "expired key": (lambda w: {"x_api_key": w.keys["expired"]}, "key_refused"),
    "mistyped key": (lambda w: {"x_api_key": w.keys["admin"][:-1] + "-"}, "key_malformed"),
    "expired token": (
        lambda w: bearer(w.gate.signer.token(w.owner, exp=int(time.time()) - 100)),
        "token_expired",
    ),
    "early token": (
        lambda w: bearer(w.gate.signer.token(w.owner, nbf=int(time.time()) + 100)),
        "token_refused",
    ),
    "alg=none": (lambda w: bearer(w.gate.signer.unsigned(w.owner)), "token_refused"),
    "HS256 with the public key": (
        lambda w: bearer(w.gate.signer.signed_with_public_key(w.owner)),
        "token_refused",
    ),
    "wrong audience": (lambda w: bearer(w.gate.signer.token(w.owner, aud="other")), "token_refused"),
    "wrong issuer": (
        lambda w: bearer(w.gate.signer.token(w.owner, iss="https://evil.example")),
        "token_refused",
    ),
    "unknown signer": (lambda w: bearer(w.gate.signer.token(w.owner, kid="unknown")), "token_refused"),
}
GUARDED = [entry for entry, need in ACCESS.items() if need is not None]


def operated(entry: tuple[str, str]) -> bool:
    """For roles above a user's."""
    need = ACCESS[entry]
    return need is not None and need.role is not Role.USER


def knock(world: World, method: str, path: str, credentials: dict[str, str]) -> tuple[int, str | None]:
    """(status, code of the problem) of the route, its ids being the owner's."""
    for name, value in world.ids.items():
        path = path.replace(f"{{{name}:uuid}}", str(value))
    path = path.replace("{legacy_id:int}", "1")
    if method == "WS":
        return socket(world, path, credentials)
    if method == "GET" and path.endswith("/events"):
        return stream(world, path, credentials)
    with world.gate.client(**credentials) as client:
        body: dict[str, Any] = {"json": {}} if method in {"POST", "PUT", "PATCH"} else {}
        return spoken(client.request(method, path, **body))


def stream(world: World, path: str, credentials: dict[str, str]) -> tuple[int, str | None]:
    with world.gate.client(**credentials) as client, client.stream("GET", path) as answer:
        if answer.status_code != 200:
            answer.read()
            return spoken(answer)
        return 200, None


def spoken(answer: httpx.Response) -> tuple[int, str | None]:
    kind = answer.headers.get("content-type")
    if kind == "application/problem+json":
        return answer.status_code, answer.json()["code"]
    if kind == "application/json" and "errors" in (document := answer.json()):  # as remove.bg says it
        return answer.status_code, document["errors"][0]["code"]
    return answer.status_code, None


def socket(world: World, path: str, credentials: dict[str, str]) -> tuple[int, str | None]:
    headers = {name.replace("_", "-"): value for name, value in credentials.items()}
    url = world.gate.url.replace("http", "ws", 1) + path
    try:
        with connect(url, additional_headers=headers, proxy=None):
            return 101, None
    except InvalidStatus as refused:
        answer = httpx.Response(
            refused.response.status_code,
            headers=list(refused.response.headers.raw_items()),
            content=bytes(refused.response.body),
        )
        return spoken(answer)


@pytest.mark.parametrize("who", REFUSED)
def test_who_is_nobody_gets_nowhere(world: World, who: str) -> None:
    credentials, code = REFUSED[who]
    answers = {entry: knock(world, *entry, credentials(world)) for entry in GUARDED}
    assert answers == {
        (method, path): (403, "auth_failed") if path.startswith("/v1.0/") else (401, code)
        for method, path in GUARDED
    }


LETS_IN = {
    "read": {Scope.READ},
    "write": {Scope.READ, Scope.WRITE},
}


@pytest.mark.parametrize("key", LETS_IN)
def test_a_key_lacks_a_scope(world: World, key: str) -> None:
    beyond = [e for e in GUARDED if (need := ACCESS[e]) and need.scope not in LETS_IN[key]]
    answers = {entry: knock(world, *entry, {"x_api_key": world.keys[key]}) for entry in beyond}
    assert beyond
    assert answers == dict.fromkeys(beyond, (403, "scope_missing"))


def test_a_user_is_no_admin(world: World) -> None:
    operators = [entry for entry in GUARDED if operated(entry)]
    for credentials in (bearer(world.gate.signer.token(world.owner)), {"x_api_key": world.keys["admin"]}):
        answers = {entry: knock(world, *entry, credentials) for entry in operators}
        assert answers == dict.fromkeys(operators, (403, "role_missing"))


@pytest.mark.parametrize("who", ["stranger", "admin"])
def test_things_of_others_are_not_there(world: World, who: str) -> None:
    """An admin's role opens the admin's routes, not other people's things."""
    named = [entry for entry in GUARDED if "_id:uuid}" in entry[1] and not operated(entry)]
    credentials = bearer(world.gate.signer.token(getattr(world, who)))
    answers = {entry: knock(world, *entry, credentials)[0] for entry in named}
    assert answers == dict.fromkeys(named, 404)


@pytest.mark.parametrize("who", ["person", "key", "admin"])
def test_who_may_gets_in(world: World, who: str) -> None:
    """Through the door: what the handler says to an empty request is another matter."""
    signer = world.gate.signer
    credentials = {
        "person": bearer(signer.token(world.owner)),
        "key": {"x_api_key": world.keys["admin"]},
        "admin": bearer(signer.token(world.admin)),
    }[who]
    entries = [
        (method, path)
        for method, path in GUARDED
        if method not in {"DELETE"} and (who == "admin" or not operated((method, path)))
    ]
    answers = {entry: knock(world, *entry, credentials)[0] for entry in entries}
    assert not {entry: status for entry, status in answers.items() if status in {401, 403} or status >= 500}


def test_anybody_may_knock_at_the_open_ones(world: World) -> None:
    opened = [entry for entry, need in ACCESS.items() if need is None and entry[1] != "/api/session"]
    answers = {entry: knock(world, *entry, {})[0] for entry in opened}
    assert not {entry: status for entry, status in answers.items() if status in {401, 403}}
