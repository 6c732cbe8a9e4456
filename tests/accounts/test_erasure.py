"""Deletion of a user: nothing of theirs is left in any table, file or Redis key; others keep everything."""

import hashlib
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
import uuid_utils
from psycopg import sql
from redis.asyncio import Redis

from app.accounts import audit
from app.accounts.erasure import Erasure, forget_closed, orphans
from app.accounts.errors import AccountClosed, KeyRefused, LocalUserStays, UserNotFound
from app.accounts.issuer import Issuer, PublicKeys
from app.accounts.keyring import Keyring
from app.accounts.limits import Policy, RateLimits
from app.accounts.service import AccountService
from app.accounts.sign_in import SignIn
from app.accounts.tokens import Trust
from app.accounts.types import LOCAL_USER_ID, Role, Scope
from app.commands.gc import collect
from app.credits.service import Credits
from app.db.pool import Pool
from app.errors import AppError
from app.images.service import ImageService
from app.imaging.sandbox import probe
from app.jobs.idempotency import IdempotencyKeys
from app.jobs.service import JobService
from app.jobs.types import ApplyParams, JobKind, NewJob
from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.buckets import RedisBuckets
from app.storage import keys
from app.storage.errors import ObjectMissing, StorageUnavailable
from app.storage.local import LocalStore
from tests.data.photos import CAT
from tests.issuer import Signer
from tests.rows import a_user, an_image, new_id

SIGNER = Signer("https://project.example/auth/v1")
CONTENT = b"the only picture of its kind"


@pytest.fixture
async def redis(redis_url: str, doorbell: ArqDoorbell) -> Redis:
    return doorbell._redis


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "storage")


@pytest.fixture
def sign_in(pool: Pool) -> SignIn:
    async def fetch() -> dict[str, object]:
        return SIGNER.jwks()

    return SignIn(pool, Issuer(Trust(SIGNER.issuer), PublicKeys(fetch)))


class Life:
    """Makes one user everything that a user can have."""

    def __init__(self, dsn: str, pool: Pool, doorbell: ArqDoorbell, redis: Redis, store: LocalStore) -> None:
        self.dsn, self.pool, self.bell, self.redis, self.store = dsn, pool, doorbell, redis, store
        self.erasure = Erasure(pool, store, JobService(pool, doorbell), RedisBuckets(redis))

    async def live(self, sign_in: SignIn, tmp_path: Path) -> tuple[UUID, set[str]]:
        """The user, and every word by which something of theirs could be found."""
        user = uuid4()
        await sign_in.by_token(SIGNER.token(user, email=f"{user.hex}@example.com"))
        await AccountService(self.pool).set_role(user, Role.REVIEWER)
        key_row, key = await Keyring(self.pool).create(user, frozenset(Scope), name=f"till of {user.hex}")
        caller = await sign_in.by_key(key)
        policies = Policy("requests", 100, 100, 3600), Policy("megapixels", 100, 100, 3600)
        limits = RateLimits(RedisBuckets(self.redis), *policies)
        await limits.request(caller)
        await limits.image(caller, 1_000_000)
        await Credits(self.pool).grant(user, 5000, f"for {user.hex}")
        image = an_image(self.dsn, user)
        words = {str(user), user.hex, str(key_row.id), str(image), hashlib.sha256(CONTENT).hexdigest()}
        jobs = JobService(self.pool, self.bell)
        async with IdempotencyKeys(self.pool).hold(user, f"once {user.hex}", "print") as held:
            made = await jobs.create(NewJob(user, JobKind.APPLY_MASK, "lite", image, ApplyParams()), held)
        canceled = await jobs.create(NewJob(user, JobKind.APPLY_MASK, "lite", image, ApplyParams()))
        await jobs.cancel(user, canceled.id)
        words |= {str(made.id), made.id.hex, str(canceled.id), canceled.id.hex}
        self._rows(user, image, made.id)
        (tmp_path / "picture").write_bytes(CONTENT)
        for name in (keys.image(user, image, "jpg"), keys.result(user, image, keys.run(made.id, 1), "png")):
            await self.store.put(name, tmp_path / "picture", "image/jpeg")
        return user, words

    def _rows(self, user: UUID, image: UUID, job: UUID) -> None:
        endpoint, delivery, batch = new_id(), new_id(), new_id()
        with psycopg.connect(self.dsn) as connection:
            for statement, values in (
                ("update images set sha256 = %s where id = %s", (hashlib.sha256(CONTENT).hexdigest(), image)),
                ("update images set charged_job = %s where id = %s", (job, image)),
                (
                    "insert into embeddings (image_id, model, revision, codec, storage_key, bytes)"
                    " values (%s, 'lite', '1', 'fp16', %s, 1)",
                    (image, f"users/{user}/x"),
                ),
                ("insert into batches (id, user_id, model) values (%s, %s, 'lite')", (batch, user)),
                (
                    "insert into batch_items (id, batch_id, name, image_id, job_id, state)"
                    " values (%s, %s, 'a.jpg', %s, %s, 'processing')",
                    (new_id(), batch, image, job),
                ),
                ("update jobs set batch_id = %s where id = %s", (batch, job)),
                (
                    "insert into webhook_endpoints (id, user_id, url) values (%s, %s, 'https://x')",
                    (endpoint, user),
                ),
                (
                    "insert into webhook_secrets (id, user_id, endpoint_id, secret) values (%s, %s, %s, 's')",
                    (new_id(), user, endpoint),
                ),
                (
                    "insert into webhook_deliveries (id, user_id, endpoint_id, job_id, event, url, payload)"
                    " values (%s, %s, %s, %s, 'job.failed', 'https://x', %s)",
                    (delivery, user, endpoint, job, str(job)),
                ),
                (
                    "insert into webhook_attempts (delivery_id, number, ms, started_at)"
                    " values (%s, 1, 1, now())",
                    (delivery,),
                ),
            ):
                connection.execute(statement, values)

    async def found(self, words: set[str]) -> set[str]:
        """Where any of the words still stands."""
        places = set()
        with psycopg.connect(self.dsn) as connection:
            tables = connection.execute(
                "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
            ).fetchall()
            for (table,) in tables:
                query = sql.SQL("select t::text from {} t").format(sql.Identifier(table))
                text = "\n".join(row for (row,) in connection.execute(query).fetchall())
                places |= {f"table {table}" for word in words if word in text}
        for path in self.store.root.rglob("*"):
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            places |= {f"file {path}" for word in words if word in str(path) or word == content}
        for name in await self.redis.keys("*"):
            kind = await self.redis.type(name)
            members = b" ".join(await self.redis.zrange(name, 0, -1)) if kind == b"zset" else b""
            value = (await self.redis.get(name) or b"") if kind == b"string" else members
            places |= {f"redis {name.decode()}" for word in words if word.encode() in name + value}
        return places


@pytest.fixture
def life(dsn: str, pool: Pool, doorbell: ArqDoorbell, redis: Redis, store: LocalStore) -> Life:
    return Life(dsn, pool, doorbell, redis, store)


async def test_nothing_is_left_of_a_user_and_everything_of_another(
    life: Life, sign_in: SignIn, tmp_path: Path, pool: Pool
) -> None:
    user, words = await life.live(sign_in, tmp_path)
    other, _ = await life.live(sign_in, tmp_path)
    everywhere = {place.split()[1] for place in await life.found(words) if place.startswith("table")}
    assert everywhere >= {
        "users", "images", "jobs", "embeddings", "api_keys", "credit_entries", "credit_balances",
        "credit_changes", "idempotency_keys", "webhook_endpoints", "webhook_deliveries", "audit_log",
        "batches", "batch_items",
    }  # fmt: skip
    assert any(place.startswith("redis limit:") for place in await life.found(words))
    before = await life.found({str(other)})
    erased = await life.erasure.erase(user, "an admin")
    assert erased.rows == {
        "images": 1,
        "jobs": 2,
        "batches": 1,
        "keys": 1,
        "webhooks": 1,
        "ledger_entries": 5,
    }
    assert (erased.files, erased.bytes) == (2, 2 * len(CONTENT))
    theirs = words - {hashlib.sha256(CONTENT).hexdigest()}
    assert await life.found(theirs) == set()
    assert await life.found({str(other)}) == before
    deed = (await audit.deeds(pool)).items[0]
    assert (deed.actor, deed.action, deed.subject, deed.details) == (
        "an admin",
        "user.erased",
        None,
        erased.rows,
    )
    await life.erasure.erase(other, "an admin")
    assert await life.found(words | {str(other)}) == set()


async def test_neither_key_nor_token_opens_a_closed_account(
    life: Life, sign_in: SignIn, tmp_path: Path, pool: Pool
) -> None:
    user, _ = await life.live(sign_in, tmp_path)
    _, key = await Keyring(pool).create(user, frozenset(Scope))
    await life.erasure.erase(user, "the user")
    with pytest.raises(AccountClosed):
        await sign_in.by_token(SIGNER.token(user))
    with pytest.raises(KeyRefused):
        await sign_in.by_key(key)
    with pytest.raises(UserNotFound):
        await life.erasure.erase(user, "the user")


@pytest.mark.parametrize("error", [ObjectMissing, StorageUnavailable])
async def test_files_go_though_one_cannot_be_measured(
    life: Life, sign_in: SignIn, tmp_path: Path, store: LocalStore,
    monkeypatch: pytest.MonkeyPatch, error: type[AppError],
) -> None:  # fmt: skip
    """A worker that stops removes its own file between the list and the sizes."""
    user, _ = await life.live(sign_in, tmp_path)

    async def size(key: str) -> int:
        raise error("gone")

    monkeypatch.setattr(store, "size", size)
    erased = await life.erasure.erase(user, "the user")
    assert (erased.files, erased.bytes) == (2, 0)
    assert await store.list(keys.user_prefix(user)) == []


async def test_the_local_user_stays(life: Life) -> None:
    with pytest.raises(LocalUserStays):
        await life.erasure.erase(LOCAL_USER_ID, "the user")


async def test_rows_go_with_redis_away(dsn: str, pool: Pool, store: LocalStore, tmp_path: Path) -> None:
    redis = connect(f"unix://{tmp_path}/none.sock")
    bell = ArqDoorbell(redis)
    user = a_user(dsn)
    await Erasure(pool, store, JobService(pool, bell), RedisBuckets(redis)).erase(user, "an admin")
    with pytest.raises(UserNotFound):
        await AccountService(pool).get(user)
    await bell.close()


async def test_late_files_of_an_erased_user_are_collected(
    life: Life, sign_in: SignIn, tmp_path: Path, dsn: str, pool: Pool, store: LocalStore
) -> None:
    user, _ = await life.live(sign_in, tmp_path)
    other, _ = await life.live(sign_in, tmp_path)
    await life.erasure.erase(user, "the user")
    late = keys.result(user, UUID(bytes=uuid_utils.uuid7().bytes), "late", "png")
    await store.put(late, tmp_path / "picture", "image/png")
    kept = await store.list(keys.user_prefix(other))
    assert [found async for found in orphans(pool, store)] == [[late]]
    assert await collect(pool, store) == (0, 1)
    assert await collect(pool, store) == (0, 0)
    assert await store.list(keys.USERS) == kept


async def test_expired_images_are_collected_with_their_names(
    dsn: str, pool: Pool, store: LocalStore, tmp_path: Path
) -> None:
    user = a_user(dsn)
    images = [an_image(dsn, user) for _ in range(3)]
    (tmp_path / "picture").write_bytes(CONTENT)
    for image in images:
        await store.put(keys.image(user, image, "jpg"), tmp_path / "picture", "image/jpeg")
    with psycopg.connect(dsn) as connection:
        connection.execute("update images set filename = 'me.jpg'")
        connection.execute("update images set expires_at = now() where id = any (%s)", (images[:2],))
    assert await collect(pool, store) == (2, 0)
    assert await store.list(keys.USERS) == [keys.image(user, images[2], "jpg")]
    with psycopg.connect(dsn) as connection:
        names = connection.execute("select filename from images order by id").fetchall()
    assert names == [(None,), (None,), ("me.jpg",)]


async def test_hashes_of_closed_accounts_are_forgotten_when_no_token_is_left(dsn: str, pool: Pool) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "insert into closed_accounts values ('\\x01', now() - interval '31 days'), ('\\x02', now())"
        )
    await forget_closed(pool)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select user_sha256 from closed_accounts").fetchall() == [(b"\x02",)]


async def test_the_ledger_yields_to_its_owners_end_alone(dsn: str, pool: Pool) -> None:
    user, other = a_user(dsn), a_user(dsn)
    for each in (user, other):
        await Credits(pool).grant(each, 1)
    with psycopg.connect(dsn) as connection:
        connection.execute("select set_config('cutout.erasing', %s, true)", (str(user),))
        connection.execute("delete from credit_entries where user_id = %s", (user,))
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            connection.execute("delete from credit_entries where user_id = %s", (other,))


async def test_images_are_kept_as_long_as_the_account_says(
    dsn: str, pool: Pool, store: LocalStore, doorbell: ArqDoorbell, accounts: AccountService
) -> None:
    user = a_user(dsn)
    images = ImageService(pool, store, JobService(pool, doorbell))
    for days, kept in ((None, 30), (7, 7)):
        assert (await accounts.set_retention(user, days)).retention_days == days
        image = await images.add(user, CAT.path, probe(CAT.path))
        assert image.expires_at is not None
        assert (image.expires_at - image.created_at).days == kept
    with pytest.raises(UserNotFound):
        await accounts.set_retention(uuid4(), 7)
