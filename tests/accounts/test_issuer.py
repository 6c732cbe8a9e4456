"""Signing keys: fetched seldom, once for many, and the old ones outlive an outage."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.accounts.errors import SignInUnavailable, TokenRefused
from app.accounts.issuer import COOLDOWN_S, FRESH_S, Issuer, PublicKeys, supabase
from app.accounts.tokens import Trust
from tests.issuer import Signer, hs256
from tests.net.servers import reply, serving

ISSUER = Signer("https://project.example/auth/v1")
USER = uuid4()
_set_of_itself = reply(200, json.dumps(ISSUER.jwks()).encode())


class Source:
    """Where the keys come from, and a clock."""

    def __init__(self) -> None:
        self.fetches = 0
        self.now = 0.0
        self.down = False
        self.document: Mapping[str, Any] = ISSUER.jwks()

    async def fetch(self) -> Mapping[str, Any]:
        self.fetches += 1
        await asyncio.sleep(0)
        if self.down:
            raise httpx.ConnectError("down")
        return self.document

    def keys(self) -> PublicKeys:
        return PublicKeys(self.fetch, lambda: self.now)


@pytest.fixture
def source() -> Source:
    return Source()


async def test_many_at_once_are_one_fetch(source: Source) -> None:
    keys = source.keys()
    found = await asyncio.gather(*(keys.find("ec") for _ in range(50)))
    assert {key.key_id for key in found} == {"ec"}
    assert source.fetches == 1


async def test_a_storm_of_unknown_keys_is_one_fetch_a_cooldown(source: Source) -> None:
    keys = source.keys()
    for second in range(round(2 * COOLDOWN_S)):
        source.now = second
        for number in range(10):
            with pytest.raises(TokenRefused):
                await keys.find(f"unknown-{number}")
    assert source.fetches == 2
    assert (await keys.find("ec")).key_id == "ec"


async def test_a_new_key_is_found_after_the_cooldown(source: Source) -> None:
    keys = source.keys()
    await keys.find("ec")
    rotated = Signer(ISSUER.issuer).jwks()["keys"][0]
    source.document = {"keys": [{**rotated, "kid": "new"}]}
    with pytest.raises(TokenRefused):
        await keys.find("new")
    source.now = COOLDOWN_S
    assert (await keys.find("new")).key_id == "new"


async def test_a_known_key_does_not_wait_for_a_refresh_and_a_withdrawn_one_goes(source: Source) -> None:
    keys = source.keys()
    await keys.find("ec")
    source.now = FRESH_S + 1
    source.document = {"keys": []}
    assert (await keys.find("ec")).key_id == "ec"
    await asyncio.sleep(0.01)
    assert source.fetches == 2
    with pytest.raises(TokenRefused):
        await keys.find("ec")


async def test_old_keys_outlive_an_outage(source: Source) -> None:
    keys = source.keys()
    await keys.find("ec")
    source.down = True
    for hour in range(1, 10):
        source.now = hour * 3600
        assert (await keys.find("ec")).key_id == "ec"
        await asyncio.sleep(0.01)
    assert source.fetches == 10


async def test_an_issuer_that_was_never_reached_is_unavailable_not_a_bad_token(source: Source) -> None:
    source.down = True
    keys = source.keys()
    for _ in range(5):
        with pytest.raises(SignInUnavailable):
            await keys.find("ec")
    assert source.fetches == 1
    source.down, source.now = False, COOLDOWN_S
    assert (await keys.find("ec")).key_id == "ec"


async def test_a_caller_who_leaves_does_not_end_the_fetch_of_the_others(source: Source) -> None:
    keys = source.keys()
    impatient = asyncio.create_task(keys.find("ec"))
    patient = asyncio.create_task(keys.find("ec"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).key_id == "ec"
    assert source.fetches == 1


@pytest.mark.parametrize("document", [b"", b"[]", b'{"keys": 7}', b'{"keys": [1]}', b"x" * 300_000])
async def test_a_set_that_is_none_changes_nothing(document: bytes) -> None:
    async with serving(reply(200, body=document)) as server, supabase(server.url(""), None) as issuer:
        with pytest.raises((SignInUnavailable, TokenRefused)):
            await issuer.identify(ISSUER.token(USER))


async def test_the_set_of_a_server() -> None:
    async with serving(_set_of_itself) as server, supabase(server.url("/"), None) as issuer:
        signer = replace(ISSUER, issuer=server.url("/auth/v1"))
        assert (await issuer.identify(signer.token(USER))).user_id == USER
        assert (await issuer.identify(signer.token(USER, "RS256"))).user_id == USER
    assert [heard.line.split()[1] for heard in server.heard] == ["/auth/v1/.well-known/jwks.json"]


async def test_the_token_picks_no_algorithm(source: Source) -> None:
    issuer = Issuer(Trust(ISSUER.issuer), source.keys())
    assert (await issuer.identify(ISSUER.token(USER))).user_id == USER
    for token in (
        ISSUER.unsigned(USER),
        ISSUER.signed_with_public_key(USER),
        ISSUER.token(USER, "RS256", kid="ec"),
        hs256(ISSUER.claims(USER), b"anything"),
    ):
        with pytest.raises(TokenRefused):
            await issuer.identify(token)


async def test_the_secret_counts_only_where_it_is_set(source: Source) -> None:
    secret = "a-secret-of-a-legacy-project-of-48-characters-00"
    token = hs256(ISSUER.claims(USER), secret.encode())
    legacy = Issuer(Trust(ISSUER.issuer, secret=secret), source.keys())
    assert (await legacy.identify(token)).user_id == USER
    with pytest.raises(TokenRefused):
        await legacy.identify(ISSUER.signed_with_public_key(USER))
    with pytest.raises(TokenRefused):
        await Issuer(Trust(ISSUER.issuer), source.keys()).identify(token)
    assert source.fetches == 0
