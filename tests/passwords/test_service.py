"""Passwords, refresh tokens and their ends, over a real database."""

from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from app.accounts.tokens import Trust, public_keys, verify
from app.db.pool import Pool
from app.passwords import hashing
from app.passwords.errors import (
    BadToken,
    EmailTaken,
    InvalidCredentials,
    KeyUnusable,
    RefreshTokenUnknown,
    RefreshTokenUsed,
    TooManyAttempts,
    WeakPassword,
)
from app.passwords.service import ATTEMPTS, Passwords, set_password
from app.passwords.signing import Signer, kept_key
from tests.rows import a_user

ISSUER = "http://issuer.example/auth/v1"
EMAIL, PASSWORD = "Shop@example.com", "correct horse battery"


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(ISSUER, kept_key(tmp_path / "issuer" / "key.pem"))


@pytest.fixture
async def owner(dsn: str, pool: Pool) -> UUID:
    owner = a_user(dsn)
    await set_password(pool, owner, EMAIL, PASSWORD)
    return owner


@pytest.fixture
def passwords(pool: Pool, signer: Signer) -> Passwords:
    return Passwords(pool, signer)


def age(dsn: str, seconds: int) -> None:
    """As if that much time had gone by."""
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "update sign_ins set refreshed_at = refreshed_at - make_interval(secs => %(s)s),"
            " expires_at = expires_at - make_interval(secs => %(s)s)",
            {"s": seconds},
        )


async def test_the_wrong_ones_then_the_right_one(passwords: Passwords, signer: Signer, owner: UUID) -> None:
    for email, password in ((EMAIL, PASSWORD + "."), ("nobody@example.com", PASSWORD)):
        with pytest.raises(InvalidCredentials):
            await passwords.sign_in(email, password)
    granted = await passwords.sign_in(EMAIL.lower(), PASSWORD)
    (key,) = public_keys(signer.jwks()).values()
    identity = verify(granted.access_token, key, Trust(ISSUER))
    assert (identity.user_id, identity.email) == (owner, EMAIL)
    assert identity.expires_at.timestamp() == granted.expires_at


async def test_guesses_for_one_address_come_to_an_end(passwords: Passwords, owner: UUID) -> None:
    for _ in range(ATTEMPTS):
        with pytest.raises(InvalidCredentials):
            await passwords.sign_in(EMAIL, "")
    with pytest.raises(TooManyAttempts) as refused:
        await passwords.sign_in(EMAIL.upper(), PASSWORD)
    assert refused.value.extra["retry_after"]
    with pytest.raises(InvalidCredentials):
        await passwords.sign_in("another@example.com", PASSWORD)


async def test_a_refresh_token_is_used_once_and_for_a_moment_more(passwords: Passwords, owner: UUID) -> None:
    first = await passwords.sign_in(EMAIL, PASSWORD)
    second = await passwords.refresh(first.refresh_token)
    third = await passwords.refresh(first.refresh_token)  # the answer was lost on its way
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert passwords.read(third.access_token) == passwords.read(first.access_token)
    await passwords.refresh(third.refresh_token)


async def test_a_refresh_token_shown_late_ends_the_sign_in(
    passwords: Passwords, owner: UUID, dsn: str
) -> None:
    first = await passwords.sign_in(EMAIL, PASSWORD)
    second = await passwords.refresh(first.refresh_token)
    age(dsn, 11)
    with pytest.raises(RefreshTokenUsed):
        await passwords.refresh(first.refresh_token)
    with pytest.raises(RefreshTokenUnknown):
        await passwords.refresh(second.refresh_token)


async def test_a_sign_in_that_nobody_refreshed_ends(passwords: Passwords, owner: UUID, dsn: str) -> None:
    granted = await passwords.sign_in(EMAIL, PASSWORD)
    age(dsn, 31 * 86_400)
    with pytest.raises(RefreshTokenUnknown):
        await passwords.refresh(granted.refresh_token)


@pytest.mark.parametrize("everywhere", [False, True])
async def test_signing_out_here_or_everywhere(passwords: Passwords, owner: UUID, *, everywhere: bool) -> None:
    here, there = [await passwords.sign_in(EMAIL, PASSWORD) for _ in range(2)]
    for _ in range(2):  # the other tab was first
        await passwords.end(passwords.read(here.access_token), everywhere=everywhere)
    with pytest.raises(RefreshTokenUnknown):
        await passwords.refresh(here.refresh_token)
    if everywhere:
        with pytest.raises(RefreshTokenUnknown):
            await passwords.refresh(there.refresh_token)
    else:
        await passwords.refresh(there.refresh_token)


async def test_a_new_password_ends_every_sign_in(passwords: Passwords, owner: UUID, pool: Pool) -> None:
    granted = await passwords.sign_in(EMAIL, PASSWORD)
    await set_password(pool, owner, EMAIL, "another horse battery")
    with pytest.raises(RefreshTokenUnknown):
        await passwords.refresh(granted.refresh_token)
    with pytest.raises(InvalidCredentials):
        await passwords.sign_in(EMAIL, PASSWORD)


async def test_weak_passwords_and_taken_addresses(owner: UUID, pool: Pool, dsn: str) -> None:
    with pytest.raises(WeakPassword):
        await set_password(pool, owner, EMAIL, "elevenchars")
    with pytest.raises(EmailTaken):
        await set_password(pool, a_user(dsn), EMAIL.upper(), PASSWORD)


async def test_nothing_stored_opens_a_door(passwords: Passwords, owner: UUID, dsn: str) -> None:
    granted = await passwords.sign_in(EMAIL, PASSWORD)
    with psycopg.connect(dsn) as connection:
        stored = connection.execute("select p::text || s::text from passwords p, sign_ins s").fetchone()
    assert stored and str(owner) in stored[0]
    assert PASSWORD not in stored[0] and granted.refresh_token not in stored[0]


async def test_both_go_with_their_user(passwords: Passwords, owner: UUID, dsn: str) -> None:
    await passwords.sign_in(EMAIL, PASSWORD)
    with psycopg.connect(dsn) as connection:
        connection.execute("select erase_user(%s)", (owner,))
        left = connection.execute(
            "select (select count(*) from passwords), (select count(*) from sign_ins)"
        ).fetchone()
    assert left == (0, 0)


def test_another_signers_token_is_none_of_ours(signer: Signer, passwords: Passwords, tmp_path: Path) -> None:
    other = Signer(ISSUER, kept_key(tmp_path / "other.pem"))
    for token in (other.token(UUID(int=1), EMAIL, UUID(int=2))[0], "", "a.b.c"):
        with pytest.raises(BadToken):
            passwords.read(token)


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "issuer" / "key.pem"
    first, again = Signer(ISSUER, kept_key(path)), Signer(ISSUER, kept_key(path))
    assert first.jwks() == again.jwks()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["key.pem"]
    path.write_text("-----BEGIN NOTHING-----")
    with pytest.raises(KeyUnusable):
        kept_key(path)


def test_hashes_have_salt_and_know_their_password() -> None:
    one, other = hashing.hashed(PASSWORD), hashing.hashed(PASSWORD)
    assert one != other and hashing.matches(PASSWORD, one)
    assert not hashing.matches(PASSWORD.upper(), one) and not hashing.matches(PASSWORD, None)
