"""Which access tokens are good: forged, early, late, foreign and broken ones are not."""

import time
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.errors import TokenExpired, TokenRefused
from app.accounts.tokens import MAX_LENGTH, Trust, header, public_keys, verify
from tests.issuer import Signer, hs256

ISSUER = Signer("https://project.example/auth/v1")
TRUST = Trust(ISSUER.issuer)
KEYS = public_keys(ISSUER.jwks())
SECRET = "a-secret-of-a-legacy-project-of-48-characters-00"
USER = uuid4()


@pytest.mark.parametrize(("algorithm", "kid"), [("ES256", "ec"), ("RS256", "rsa")])
def test_a_good_token_names_its_user(algorithm: str, kid: str) -> None:
    token = ISSUER.token(USER, algorithm)
    assert (header(token).algorithm, header(token).key_id) == (algorithm, kid)
    identity = verify(token, KEYS[kid], TRUST)
    assert (identity.user_id, identity.email) == (USER, f"{USER.hex[:8]}@example.com")


def test_the_secret_of_a_legacy_project() -> None:
    token = hs256(ISSUER.claims(USER), SECRET.encode())
    assert verify(token, SECRET, TRUST).user_id == USER
    with pytest.raises(TokenRefused):
        verify(token, SECRET.swapcase(), TRUST)


def test_clocks_may_differ_by_a_minute_and_no_more() -> None:
    now = int(time.time())
    verify(ISSUER.token(USER, exp=now - 50), KEYS["ec"], TRUST)
    verify(ISSUER.token(USER, nbf=now + 50, iat=now + 50), KEYS["ec"], TRUST)
    with pytest.raises(TokenExpired):
        verify(ISSUER.token(USER, exp=now - 70), KEYS["ec"], TRUST)
    with pytest.raises(TokenRefused, match="not valid yet"):
        verify(ISSUER.token(USER, nbf=now + 70), KEYS["ec"], TRUST)


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "somebody-else"},
        {"aud": None},
        {"iss": "https://evil.example/auth/v1"},
        {"iss": None},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 10**30},
        {"sub": None},
        {"sub": "me"},
        {"role": "service_role"},
        {"role": "anon"},
    ],
)
def test_a_claim_that_is_wrong_or_missing(changed: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused):
        verify(ISSUER.token(USER, **changed), KEYS["ec"], TRUST)


def test_none_is_no_algorithm() -> None:
    with pytest.raises(TokenRefused):
        header(ISSUER.unsigned(USER))


def test_a_public_key_is_no_secret() -> None:
    token = ISSUER.signed_with_public_key(USER)
    assert header(token).algorithm == "HS256"
    with pytest.raises(TokenRefused):
        verify(token, KEYS["rsa"], TRUST)
    with pytest.raises(TokenRefused):
        verify(token, ISSUER.public_pem().decode(), TRUST)


def test_a_key_checks_its_own_algorithm_only() -> None:
    with pytest.raises(TokenRefused):
        verify(ISSUER.token(USER, "RS256"), KEYS["ec"], TRUST)
    with pytest.raises(TokenRefused):
        verify(ISSUER.token(USER, "ES256"), KEYS["rsa"], TRUST)


def test_somebody_elses_signature_and_a_changed_payload() -> None:
    forged = Signer(ISSUER.issuer).token(USER)
    with pytest.raises(TokenRefused):
        verify(forged, KEYS["ec"], TRUST)
    mine, other = (ISSUER.token(user).split(".") for user in (USER, UUID(int=1)))
    with pytest.raises(TokenRefused):
        verify(".".join([mine[0], other[1], mine[2]]), KEYS["ec"], TRUST)


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_no_text_breaks_the_header(text: str) -> None:
    with pytest.raises(TokenRefused):
        header(text)


def test_an_endless_token_is_not_parsed() -> None:
    with pytest.raises(TokenRefused):
        header(ISSUER.token(USER, more="x" * MAX_LENGTH))


def test_a_set_gives_only_keys_that_check_signatures_in_public() -> None:
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "secret", "alg": "HS256"}
    good = ISSUER.jwks()["keys"]
    encrypting = {**good[1], "kid": "encrypting", "use": "enc"}
    nameless = {name: value for name, value in good[0].items() if name != "kid"}
    found = public_keys({"keys": [secret, encrypting, nameless, "text", {"kty": "EC"}, *good]})
    assert set(found) == {"ec", "rsa"}
    assert all(isinstance(key, jwt.PyJWK) for key in found.values())
