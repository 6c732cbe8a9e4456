"""`cutout issuer` as pages and servers speak to it; and a server that trusts it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.accounts.service import AccountService
from app.commands.serve import listen, url_of
from app.db.pool import open_pool
from app.main import create_issuer
from app.passwords.service import set_password
from app.settings import Settings
from models.registry import Registry
from tests.rows import a_user
from tests.services import fresh_database
from tests.stack import answering, serving

pytestmark = pytest.mark.xdist_group("issuer")

EMAIL, PASSWORD = "shop@example.com", "correct horse battery"
RIGHT = {"email": EMAIL, "password": PASSWORD}
ANY_PAGE = {"Origin": "https://cutout.example"}


@dataclass(frozen=True)
class House:
    """An issuer, and a server of whose tokens it is one."""

    issuer: httpx.Client
    server: httpx.Client


@pytest.fixture(scope="module")
def house(
    postgres: str,
    template: str,
    redis_server: str,
    registry: Registry,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("house")
    with listen("127.0.0.1", 0) as listener:
        settings = Settings.load(
            database_url=fresh_database(postgres, template),
            redis_url=f"{redis_server}?db=3",
            supabase_url=url_of(listener),
            data_dir=folder,
            models_dir=registry.root,
            port=0,
        )
        asyncio.run(_shop(settings))
        with answering(create_issuer(settings), listener), serving(settings) as url:
            issuer = httpx.Client(base_url=f"{settings.issuer()}/auth/v1", trust_env=False, headers=ANY_PAGE)
            with issuer, httpx.Client(base_url=url, trust_env=False) as server:
                yield House(issuer, server)


async def _shop(settings: Settings) -> None:
    async with await open_pool(settings.database(), max_size=1) as pool:
        user = a_user(settings.database())
        await AccountService(pool).ensure(user, EMAIL)
        await set_password(pool, user, EMAIL, PASSWORD)


def grant(house: House, kind: str, body: object) -> httpx.Response:
    return house.issuer.post("/token", params={"grant_type": kind}, json=body)


def test_from_password_to_account_and_out_again(house: House) -> None:
    assert house.server.get("/api/account").status_code == 401
    granted = grant(house, "password", {**RIGHT, "gotrue_meta_security": {}}).json()
    assert (granted["token_type"], granted["user"]["email"]) == ("bearer", EMAIL)
    bearer = {"Authorization": f"Bearer {granted['access_token']}"}
    account = house.server.get("/api/account", headers=bearer).json()
    assert (account["id"], account["email"]) == (granted["user"]["id"], EMAIL)

    renewed = grant(house, "refresh_token", {"refresh_token": granted["refresh_token"]}).json()
    bearer = {"Authorization": f"Bearer {renewed['access_token']}"}
    assert house.server.get("/api/account", headers=bearer).status_code == 200
    assert house.issuer.post("/logout", params={"scope": "local"}, headers=bearer).status_code == 204
    assert house.issuer.post("/logout", headers=bearer).status_code == 204
    ended = grant(house, "refresh_token", {"refresh_token": renewed["refresh_token"]})
    assert (ended.status_code, ended.json()["error_code"]) == (400, "refresh_token_not_found")


@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        ("password", {**RIGHT, "password": "wrong"}, 400, "invalid_credentials"),
        ("password", {"email": EMAIL}, 400, "validation_failed"),
        ("password", {"email": 7, "password": None}, 400, "validation_failed"),
        ("password", [], 400, "validation_failed"),
        ("refresh_token", {"refresh_token": "x"}, 400, "refresh_token_not_found"),
        ("pkce", {}, 400, "validation_failed"),
    ],
)
def test_refusals_have_supabases_shape(house: House, kind: str, body: object, status: int, code: str) -> None:
    answer = grant(house, kind, body)
    document = answer.json()
    assert (answer.status_code, document["code"], document["error_code"]) == (status, status, code)
    assert document["msg"] and PASSWORD not in answer.text


def test_who_is_not_signed_in_signs_nobody_out(house: House) -> None:
    for headers in ({}, {"Authorization": "Bearer a.b.c"}):
        answer = house.issuer.post("/logout", headers=headers)
        assert (answer.status_code, answer.json()["error_code"]) == (403, "bad_jwt")


def test_pages_of_other_origins_may_ask(house: House) -> None:
    asked = {**ANY_PAGE, "Access-Control-Request-Method": "POST"}
    asked["Access-Control-Request-Headers"] = "apikey, authorization, content-type"
    answer = house.issuer.options("/token", headers=asked)
    assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == "*"
    assert grant(house, "password", {}).headers["access-control-allow-origin"] == "*"


def test_its_public_keys_are_public_and_cached(house: House) -> None:
    answer = house.issuer.get("/.well-known/jwks.json")
    (key,) = answer.json()["keys"]
    assert key["alg"] == "ES256" and "d" not in key
    assert "max-age" in answer.headers["cache-control"]
    assert house.issuer.get("/health").status_code == 200
    assert house.issuer.get("/nothing").json()["code"] == 404
