"""Keys over HTTP: made, used, revoked; and the ways in beside them."""

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from app.accounts.types import Role, Scope
from app.api.auth import COOKIE
from tests.gate import HOST, Gate


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_key_is_made_shown_once_used_and_revoked(gate: Gate) -> None:
    with gate.person(gate.user()) as me:
        made = me.post("/api/keys", json={"name": "shop", "scopes": ["read"], "expires_in_days": 30})
        assert made.status_code == 201
        document = made.json()
        key = document.pop("key")
        assert made.headers["location"] == document["urls"]["self"]
        assert made.headers["cache-control"] == "no-store"
        assert document["scopes"] == ["read"] and document["expires_at"] is not None
        (listed,) = me.get("/api/keys").json()["items"]
        assert listed == document and key not in str(listed)
        with gate.client(x_api_key=key) as program, gate.client(authorization=f"Bearer {key}") as other:
            assert program.get("/api/jobs").status_code == 200
            assert other.get("/api/jobs").status_code == 200
            assert me.delete(document["urls"]["self"]).status_code == 204
            refused(program.get("/api/jobs"), 401, "key_refused")
            refused(other.get("/api/jobs"), 401, "key_refused")
        (listed,) = me.get("/api/keys").json()["items"]
        assert listed["revoked_at"] is not None and listed["last_used_at"] is not None


def test_scopes_of_a_key(gate: Gate) -> None:
    owner = gate.user(Role.ADMIN)
    keys = {
        scope: gate.key(owner, *scopes)[1]
        for scope, scopes in {
            "read": [Scope.READ],
            "write": [Scope.READ, Scope.WRITE],
            "admin": list(Scope),
        }.items()
    }
    with gate.client(x_api_key=keys["read"]) as reader:
        assert reader.get("/api/keys").status_code == 200
        refused(reader.post("/api/segment/remove", json={}), 403, "scope_missing")
    with gate.client(x_api_key=keys["write"]) as writer:
        refused(writer.post("/api/segment/decode", json={}), 422, "bad_parameter")
        refused(writer.post("/api/keys", json={"scopes": ["read"]}), 403, "scope_missing")
    with gate.client(x_api_key=keys["admin"]) as master:
        assert master.post("/api/keys", json={"scopes": ["read"]}).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {"scopes": []},
        {"scopes": ["all"]},
        {"expires_in_days": 0},
        {"expires_in_days": 1e9},
        {"name": "x" * 101},
    ],
)
def test_a_key_that_cannot_be(gate: Gate, body: dict[str, object]) -> None:
    with gate.person(gate.user()) as me:
        refused(me.post("/api/keys", json=body), 422, "bad_parameter")


def test_a_typo_and_two_credentials(gate: Gate) -> None:
    owner = gate.user()
    key = gate.key(owner, Scope.READ)[1]
    typo = key[:-1] + ("a" if key[-1] != "a" else "b")
    with gate.client(x_api_key=typo) as client:
        refused(client.get("/api/jobs"), 401, "key_malformed")
    with gate.client(x_api_key=key, authorization=f"Bearer {key}") as client:
        refused(client.get("/api/jobs"), 400, "two_credentials")
    with gate.client(authorization="Basic dXNlcjpwYXNz") as client:
        refused(client.get("/api/jobs"), 401, "not_signed_in")


def test_a_session_is_a_cookie_for_this_host_and_no_other_page(gate: Gate) -> None:
    with gate.person(gate.user()) as me:
        begun = me.post("/api/session")
        assert begun.status_code == 204
        cookie = begun.headers["set-cookie"]
    attributes = {part.strip().lower().split("=")[0] for part in cookie.split(";")[1:]}
    assert {"httponly", "secure", "samesite", "path", "max-age"} <= attributes and "domain" not in attributes
    pair = cookie.partition(";")[0]
    with gate.client(cookie=pair) as page:
        assert page.get("/api/jobs").status_code == 200
        refused(page.post("/api/keys", json={}), 403, "foreign_request")
        for origin in ("https://evil.example", "null"):
            refused(page.post("/api/keys", json={}, headers={"Origin": origin}), 403, "foreign_request")
        own = {"Origin": f"https://{HOST}"}
        assert page.post("/api/keys", json={}, headers=own).status_code == 201
        for _tab in range(2):
            ended = page.delete("/api/session")
            assert ended.status_code == 204 and f'{COOKIE}=""' in ended.headers["set-cookie"]


def test_a_session_needs_a_token(gate: Gate) -> None:
    with gate.client() as client:
        refused(client.post("/api/session"), 401, "not_signed_in")
    with gate.client(x_api_key=gate.key(gate.user(), Scope.ADMIN)[1]) as client:
        refused(client.post("/api/session"), 401, "not_signed_in")
    with gate.client(authorization=f"Bearer {gate.signer.token(gate.user(), aud='x')}") as client:
        refused(client.post("/api/session"), 401, "token_refused")


def test_a_websocket_of_another_page_is_refused(gate: Gate) -> None:
    token = gate.signer.token(gate.user())
    path = f"{gate.url.replace('http', 'ws')}/api/jobs/00000000-0000-7000-8000-000000000001/ws"
    for headers, status in (
        ({}, 401),
        ({"Cookie": f"{COOKIE}={token}"}, 403),
        ({"Cookie": f"{COOKIE}={token}", "Origin": "https://evil.example"}, 403),
        ({"Cookie": f"{COOKIE}={token}", "Origin": gate.url}, 404),
        ({"Authorization": f"Bearer {token}", "Origin": "https://evil.example"}, 403),
        ({"Authorization": f"Bearer {token}"}, 404),
    ):
        with pytest.raises(InvalidStatus) as answer, connect(path, additional_headers=headers):
            raise AssertionError("it was let in")
        assert answer.value.response.status_code == status


def test_embedded_mode_has_one_user_and_takes_keys(client: httpx.Client) -> None:
    key = client.post("/api/keys", json={}).json()
    headers = {"X-Api-Key": key["key"]}
    assert client.get("/api/keys", headers=headers).status_code == 200
    client.delete(key["urls"]["self"])
    refused(client.get("/api/keys", headers=headers), 401, "key_refused")
    refused(client.get("/api/keys", headers={"Authorization": "Bearer x.y.z"}), 401, "not_signed_in")


def test_how_a_page_signs_in_is_no_secret(gate: Gate, client: httpx.Client) -> None:
    with gate.client() as anybody:
        assert anybody.get("/api/session").json() == {
            "needed": True,
            "issuer": {"url": gate.signer.issuer, "key": None},
        }
    assert client.get("/api/session").json() == {"needed": False, "issuer": None}
