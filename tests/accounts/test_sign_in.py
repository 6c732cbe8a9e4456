"""From key or token to caller, over a real database."""

from uuid import UUID, uuid4

import psycopg
import pytest

from app.accounts import keys
from app.accounts.errors import (
    AccountClosed,
    KeyMalformed,
    KeyNotFound,
    KeyRefused,
    NotSignedIn,
    ScopeMissing,
    TokenRefused,
    TooManyKeys,
    UserNotFound,
)
from app.accounts.issuer import Issuer, PublicKeys
from app.accounts.keyring import MAX_KEYS, Keyring
from app.accounts.repository import user_sha256
from app.accounts.service import AccountService
from app.accounts.sign_in import SignIn
from app.accounts.tokens import Trust
from app.accounts.types import EVERY_SCOPE, Role, Scope
from app.db.pool import Pool, open_pool
from tests.issuer import Signer
from tests.rows import a_user

SIGNER = Signer("https://project.example/auth/v1")
READ = frozenset({Scope.READ})


@pytest.fixture
def sign_in(pool: Pool) -> SignIn:
    async def fetch() -> dict[str, object]:
        return SIGNER.jwks()

    return SignIn(pool, Issuer(Trust(SIGNER.issuer), PublicKeys(fetch)))


async def test_an_unknown_key_then_a_good_one(sign_in: SignIn, keyring: Keyring, owner: UUID) -> None:
    with pytest.raises(KeyRefused):
        await sign_in.by_key(keys.make())
    row, key = await keyring.create(owner, READ)
    caller = await sign_in.by_key(key)
    assert (caller.user_id, caller.scopes, caller.role, caller.key_id) == (owner, READ, Role.USER, row.id)


async def test_a_typo_is_refused_without_a_look_up(dsn: str) -> None:
    pool = await open_pool(dsn, max_size=2)
    await pool.close()
    sign_in, key = SignIn(pool, None), keys.make()
    with pytest.raises(KeyMalformed):
        await sign_in.by_key(key[:10] + ("a" if key[10] != "a" else "b") + key[11:])


async def test_a_revoked_key_is_refused_at_once_and_a_second_time_is_no_error(
    sign_in: SignIn, keyring: Keyring, owner: UUID
) -> None:
    row, key = await keyring.create(owner, READ)
    await sign_in.by_key(key)
    first = await keyring.revoke(owner, row.id)
    with pytest.raises(KeyRefused):
        await sign_in.by_key(key)
    assert (await keyring.revoke(owner, row.id)).revoked_at == first.revoked_at


async def test_an_expired_key_is_refused(sign_in: SignIn, keyring: Keyring, owner: UUID, dsn: str) -> None:
    row, key = await keyring.create(owner, READ, lifetime_s=3600)
    await sign_in.by_key(key)
    with psycopg.connect(dsn) as connection:
        connection.execute("update api_keys set expires_at = now() where id = %s", (row.id,))
    with pytest.raises(KeyRefused):
        await sign_in.by_key(key)


async def test_use_is_noted_once_a_minute(sign_in: SignIn, keyring: Keyring, owner: UUID, dsn: str) -> None:
    _, key = await keyring.create(owner, READ)
    (unused,) = (await keyring.list(owner)).items
    assert unused.last_used_at is None
    await sign_in.by_key(key)
    (used,) = (await keyring.list(owner)).items
    assert used.last_used_at is not None
    await sign_in.by_key(key)
    assert (await keyring.list(owner)).items == (used,)
    with psycopg.connect(dsn) as connection:
        connection.execute("update api_keys set last_used_at = now() - interval '2 minutes'")
    await sign_in.by_key(key)
    assert (await keyring.list(owner)).items[0].last_used_at != used.last_used_at


async def test_nothing_stored_is_the_key(keyring: Keyring, owner: UUID, dsn: str) -> None:
    row, key = await keyring.create(owner, READ, name="shop")
    with psycopg.connect(dsn) as connection:
        stored = connection.execute("select api_keys::text from api_keys").fetchall()
    assert row.prefix == key[: len(row.prefix)]
    assert not any(key in text or key[len(row.prefix) :] in text for (text,) in stored)


async def test_strangers_neither_see_nor_revoke_a_key(keyring: Keyring, owner: UUID, dsn: str) -> None:
    row, _ = await keyring.create(owner, READ)
    stranger = a_user(dsn)
    assert (await keyring.list(stranger)).items == ()
    with pytest.raises(KeyNotFound):
        await keyring.revoke(stranger, row.id)
    assert (await keyring.revoke(None, row.id)).revoked_at is not None


async def test_a_key_gives_no_more_than_it_has(keyring: Keyring, owner: UUID) -> None:
    with pytest.raises(ScopeMissing, match="admin"):
        await keyring.create(owner, EVERY_SCOPE, within=frozenset({Scope.READ, Scope.WRITE}))


async def test_an_account_has_so_many_good_keys(keyring: Keyring, owner: UUID, dsn: str) -> None:
    made = [(await keyring.create(owner, READ))[0] for _ in range(MAX_KEYS)]
    with pytest.raises(TooManyKeys):
        await keyring.create(owner, READ)
    await keyring.create(a_user(dsn), READ)
    await keyring.revoke(owner, made[0].id)
    await keyring.create(owner, READ)


async def test_the_first_token_makes_the_user_and_a_new_address_is_taken_over(
    sign_in: SignIn, accounts: AccountService
) -> None:
    user = uuid4()
    caller = await sign_in.by_token(SIGNER.token(user, email="old@example.com"))
    assert (caller.user_id, caller.scopes, caller.role, caller.key_id) == (user, EVERY_SCOPE, Role.USER, None)
    await sign_in.by_token(SIGNER.token(user, email="new@example.com"))
    assert (await accounts.find("NEW@example.com")).id == user
    with pytest.raises(UserNotFound):
        await accounts.find("old@example.com")


async def test_a_role_counts_from_the_next_request_on(sign_in: SignIn, accounts: AccountService) -> None:
    user, stranger = uuid4(), uuid4()
    await sign_in.by_token(SIGNER.token(user))
    await accounts.set_role(user, Role.ADMIN)
    assert (await sign_in.by_token(SIGNER.token(user))).role is Role.ADMIN
    with pytest.raises(UserNotFound):
        await accounts.set_role(stranger, Role.ADMIN)


async def test_a_claim_of_a_role_gives_none(sign_in: SignIn) -> None:
    token = SIGNER.token(uuid4(), app_metadata={"role": "admin"}, user_role="admin")
    assert (await sign_in.by_token(token)).role is Role.USER


async def test_a_closed_account_stays_closed(sign_in: SignIn, dsn: str) -> None:
    user = uuid4()
    with psycopg.connect(dsn) as connection:
        connection.execute("insert into closed_accounts (user_sha256) values (%s)", (user_sha256(user),))
    with pytest.raises(AccountClosed):
        await sign_in.by_token(SIGNER.token(user))


async def test_without_an_issuer_no_token_is_good(pool: Pool) -> None:
    with pytest.raises(NotSignedIn):
        await SignIn(pool, None).by_token(SIGNER.token(uuid4()))


async def test_a_forged_token_makes_no_user(sign_in: SignIn, accounts: AccountService) -> None:
    user = uuid4()
    with pytest.raises(TokenRefused):
        await sign_in.by_token(Signer(SIGNER.issuer).token(user))
    with pytest.raises(UserNotFound):
        await accounts.get(user)


def test_roles_cover_those_before_them() -> None:
    assert (
        Role.ADMIN.covers(Role.REVIEWER) and Role.REVIEWER.covers(Role.USER) and Role.USER.covers(Role.USER)
    )
    assert not Role.USER.covers(Role.REVIEWER) and not Role.REVIEWER.covers(Role.ADMIN)
