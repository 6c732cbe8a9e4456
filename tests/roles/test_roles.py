"""A rented host's ways in: everything that must fail is tried, and then a worker works with them."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import jwt
import psycopg
import pytest
from arq.connections import RedisSettings
from psycopg.errors import InsufficientPrivilege
from redis import Redis
from redis.exceptions import NoPermissionError
from typer.testing import CliRunner

from app.cli import app
from app.commands.doctor import CHECKS, Finding, examined
from app.db.pool import open_pool
from app.flags.service import EnginePolicy, Flags
from app.images.service import ImageService
from app.imaging.probe import probe
from app.jobs.service import JobService
from app.jobs.types import EncodeParams, JobKind, JobStatus, NewJob, RemoveParams
from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.messages import MASK_QUEUE, announcement
from app.settings import Settings
from app.storage.local import LocalStore
from models.registry import Registry
from tests.data.photos import CAT
from tests.literals import literals
from tests.rows import a_job, a_user, an_image
from tests.services import fresh_database

JWT_SECRET = "the-legacy-secret-of-a-project-in-the-tests"


@dataclass(frozen=True)
class Host:
    """What the owner has, and what the host was given."""

    owner: dict[str, str]
    given: dict[str, str]

    def database(self) -> psycopg.Connection:
        return psycopg.connect(self.given["DATABASE_URL"])

    def redis(self) -> Redis:
        where = RedisSettings.from_dsn(self.given["REDIS_URL"])
        return Redis(
            unix_socket_path=where.unix_socket_path,
            db=where.database,
            username=where.username,
            password=where.password,
        )


@pytest.fixture(scope="module")
def host(
    postgres: str,
    template: str,
    redis_server: str,
    registry: Registry,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("host")
    owner = {
        "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
        "PYTHONPATH": os.environ.get("PYTHONPATH", str(Path(__file__).parents[2])),
        "DATABASE_URL": fresh_database(postgres, template),
        "REDIS_URL": f"{redis_server}?db=6",
        "SUPABASE_URL": "https://project.example",
        "SUPABASE_JWT_SECRET": JWT_SECRET,
        "CUTOUT_DATA_DIR": str(folder),
        "CUTOUT_MODELS_DIR": str(registry.root),
        "CUTOUT_MODEL": "lite",
    }
    with psycopg.connect(owner["DATABASE_URL"]) as connection:
        connection.execute(SUPABASE_STORAGE)
    ways_in(owner)
    yield Host(owner, ways_in(owner))  # safe to repeat


def ways_in(owner: dict[str, str]) -> dict[str, str]:
    """The host's variables, made anew."""
    return dict(line.split("=", 1) for line in setup_roles(owner, "--apply").splitlines())


def setup_roles(owner: dict[str, str], *options: str) -> str:
    result = CliRunner().invoke(app, ["setup-roles", *options], env=owner, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


SUPABASE_STORAGE = """
create schema storage;
create table storage.buckets (id text primary key, name text, public boolean);
create table storage.objects (id uuid primary key default gen_random_uuid(), bucket_id text, name text);
alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;
insert into storage.buckets values ('cutout', 'cutout', false), ('other', 'other', false);
insert into storage.objects (bucket_id, name) values
    ('cutout', 'users/u/images/i/original.jpg'), ('cutout', 'users/u/batches/b/x.zip'),
    ('cutout', 'users/u/images/i/working/1.jpg'), ('cutout', 'users/u/images/i/results/1.png'),
    ('other', 'users/u/images/i/original.jpg');
"""
"""As far as policies go: Supabase's own tables have more columns."""


@pytest.mark.parametrize(
    "statement",
    [
        "select id from users",
        "select id from api_keys",
        "select id from credit_entries",
        "select user_id from credit_balances",
        "select id from webhook_endpoints",
        "select secret from webhook_secrets",
        "select id from audit_log",
        "select id from uploads",
        "select key from idempotency_keys",
        "select hash from passwords",
        "delete from jobs",
        "delete from images",
        "delete from embeddings",
        "truncate jobs",
        "update jobs set user_id = gen_random_uuid()",
        "update jobs set credits = 0",
        "update jobs set params = '{}'",
        "update jobs set priority = 9",
        "update images set storage_key = 'mine'",
        "update images set expires_at = null",
        "update embeddings set storage_key = 'mine'",
        "insert into jobs (id) values (gen_random_uuid())",
        "insert into images (id) values (gen_random_uuid())",
        "insert into credit_entries (user_id) values (gen_random_uuid())",
        "select erase_user(gen_random_uuid())",
        "create table mine ()",
        "create role mine",
        "set role postgres",
        "alter table jobs disable row level security",
        "copy jobs to program 'true'",
    ],
)
def test_what_the_database_refuses(host: Host, statement: str) -> None:
    with host.database() as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(statement)


def test_other_queues_and_idle_peoples_images_are_not_there(host: Host) -> None:
    dsn = host.owner["DATABASE_URL"]
    idle, busy = a_user(dsn), a_user(dsn)
    of_idle, of_busy = an_image(dsn, idle), an_image(dsn, busy)
    mask, embed, old = (a_job(dsn, of_busy, busy) for _ in range(3))
    with psycopg.connect(dsn) as connection:
        connection.execute("update jobs set queue = 'mask', kind = 'apply_mask' where id = %s", (mask,))
        connection.execute(
            "update jobs set status = 'processing', lease_until = now() + interval '1 hour' where id = %s",
            (embed,),
        )
        connection.execute(
            "update jobs set status = 'succeeded', result = '{}', finished_at = now() - interval '2 hours'"
            " where id = %s",
            (old,),
        )
    with host.database() as connection:
        jobs = {row[0] for row in connection.execute("select id from jobs")}
        images = {row[0] for row in connection.execute("select id from images")}
        changed = connection.execute(
            "update jobs set progress = 1 where id = %s returning id", (mask,)
        ).fetchall()
    assert embed in jobs
    assert not jobs & {mask, old}
    assert of_busy in images
    assert of_idle not in images
    assert changed == []
    with host.database() as connection, pytest.raises(InsufficientPrivilege):
        connection.execute("update jobs set queue = 'mask' where id = %s", (embed,))  # an encoding ends here
    with host.database() as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(
            "insert into embeddings (image_id, model, revision, codec, storage_key, bytes, proposed)"
            " values (%s, 'lite', 'x', 'x', 'x', 1, false)",
            (of_idle,),
        )
    with psycopg.connect(dsn) as connection:
        connection.execute("delete from jobs")


@pytest.mark.parametrize(
    "command",
    [
        ("KEYS", "*"),
        ("SCAN", "0"),
        ("GET", "embed:lite"),
        ("FLUSHALL",),
        ("FLUSHDB",),
        ("CONFIG", "GET", "*"),
        ("ACL", "LIST"),
        ("EVAL", "return 1", "0"),
        ("SUBSCRIBE", "jobs:*"),
        ("PSUBSCRIBE", "*"),
        ("PUBLISH", "flags", "x"),
        ("SET", "cutout:bucket:x", "1"),
        ("DEL", "cutout:bucket:x"),
        ("ZADD", "other", "1", "x"),
        ("DEBUG", "SLEEP", "0"),
    ],
)
def test_what_redis_refuses(host: Host, command: tuple[str, ...]) -> None:
    with host.redis() as redis, pytest.raises(NoPermissionError):
        redis.execute_command(*command)


def test_storage_is_limited_to_its_prefixes(host: Host) -> None:
    claims = jwt.decode(host.given["SUPABASE_SERVICE_ROLE_KEY"], JWT_SECRET, ["HS256"])
    assert claims["role"] == "cutout_embed"
    add = "insert into storage.objects (bucket_id, name) values (%s, %s)"
    with host.database() as connection:
        seen = {name for (name,) in connection.execute("select name from storage.objects")}
        assert seen == {
            f"users/u/images/i/{name}" for name in ("original.jpg", "working/1.jpg", "results/1.png")
        }
        assert connection.execute("select id from storage.buckets").fetchall() == [("cutout",)]
        connection.execute(add, ("cutout", "users/u/images/i/embeddings/lite/2.emb"))
        gone = connection.execute("delete from storage.objects returning name").fetchall()
        assert {name for (name,) in gone} == {
            "users/u/images/i/working/1.jpg",
            "users/u/images/i/embeddings/lite/2.emb",
        }
        connection.rollback()
    for where in (
        ("cutout", "users/u/images/i/original.jpg"),
        ("cutout", "users/u/images/i/results/2.png"),
        ("cutout", "elsewhere"),
        ("other", "users/u/images/i/working/2.jpg"),
    ):
        with host.database() as connection, pytest.raises(InsufficientPrivilege):
            connection.execute(add, where)
    with host.database() as connection, pytest.raises(InsufficientPrivilege):
        connection.execute("update storage.objects set name = 'x'")


def test_doctor_sees_what_the_role_opens(host: Host) -> None:
    def finding() -> Finding:
        settings = Settings.load(database_url=host.owner["DATABASE_URL"])
        return asyncio.run(examined("roles", CHECKS["roles"], settings))

    assert finding().well, finding().detail
    with psycopg.connect(host.owner["DATABASE_URL"]) as connection:
        connection.execute("grant select (email) on users to cutout_embed")
    assert "may open users" in finding().detail
    host.given.update(ways_in(host.owner))
    assert finding().well, finding().detail


def test_serverless_hosts_see_what_waits(host: Host) -> None:
    waiting = literals(Path(__file__).parents[2] / "deploy" / "gpu" / "modal_app.py")["WAITING"]
    dsn = host.owner["DATABASE_URL"]
    user = a_user(dsn)
    a_job(dsn, an_image(dsn, user), user)
    with host.database() as connection:
        assert connection.execute(waiting, ("embed:lite",)).fetchall() == [(1,)]
    with psycopg.connect(dsn) as connection:
        connection.execute("delete from jobs")


def test_without_apply_nothing_is_made(host: Host) -> None:
    told = setup_roles(host.owner)
    assert "ACL SETUSER cutout_embed reset on #" in told
    with host.database() as connection:  # the password before is good still
        assert connection.execute("select current_user").fetchone() == ("cutout_embed",)


async def test_clippingmagic_stands_in_within_todays_budget(host: Host) -> None:
    async with await open_pool(host.given["DATABASE_URL"]) as pool:
        flags = Flags(pool, EnginePolicy(daily_micros=10_000_000))
        assert (await flags.current()).version == 1
        async with pool.connection() as connection:
            assert await flags.spend(connection)
            with pytest.raises(InsufficientPrivilege):
                await connection.execute("insert into legacy_spending values ('2020-01-01', 1)")


@contextmanager
def worker(host: Host, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """As the host would start it: none of the owner's variables but the folder of objects."""
    shared = ("PATH", "PYTHONPATH", "CUTOUT_DATA_DIR", "CUTOUT_MODELS_DIR", "CUTOUT_MODEL")
    environment = {name: host.owner[name] for name in shared}
    environment |= {name: host.given[name] for name in ("DATABASE_URL", "REDIS_URL")}
    command = [sys.executable, "-m", "app.cli", "worker", "embed"]
    with log.open("w") as out:
        process = subprocess.Popen(
            command, env=environment, cwd=log.parent, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            yield process
            process.terminate()
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()


async def test_a_worker_with_these_ways_in_encodes_and_passes_on(host: Host, tmp_path: Path) -> None:
    dsn = host.owner["DATABASE_URL"]
    user = a_user(dsn)
    store = LocalStore(Path(host.owner["CUTOUT_DATA_DIR"]) / "storage")
    bell = ArqDoorbell(connect(host.owner["REDIS_URL"]))
    async with await open_pool(dsn) as pool:
        jobs = JobService(pool, bell)
        images = ImageService(pool, store, jobs)
        with worker(host, tmp_path / "log") as process:
            image = await images.add(user, CAT.path, probe(CAT.path))
            encode = await jobs.create(
                NewJob(user, JobKind.ENCODE, "lite", image.id, EncodeParams(auto=True))
            )
            remove = await jobs.create(NewJob(user, JobKind.REMOVE, "lite", image.id, RemoveParams()))
            while True:
                encoded, removed = [await jobs.get(user, job.id) for job in (encode, remove)]
                if encoded.status.ended and (removed.status.ended or removed.queue == MASK_QUEUE):
                    break
                assert process.poll() is None, (tmp_path / "log").read_text()
                await asyncio.sleep(0.05)
        assert encoded.status is JobStatus.SUCCEEDED, encoded.error
        assert removed.status is JobStatus.QUEUED, removed.error
        assert (await images.embedding(user, image.id, "lite")).proposal is not None
        assert (await images.get(user, image.id)).working_key is not None
        assert await bell.forgotten(MASK_QUEUE, [announcement(removed.id, removed.fence)]) == set()
    await bell.close()
    log = (tmp_path / "log").read_text().lower()
    assert not [word for word in ("error", "denied", "permission", "does not answer") if word in log], log
