"""`cutout users …` and `cutout keys …`: who may come in."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO, TypeVar
from uuid import UUID

import typer
from rich.table import Column, Table
from uuid_utils.compat import uuid7

from app.accounts.audit import COMMAND_LINE, Deed, deeds
from app.accounts.erasure import Erased, Erasure
from app.accounts.export import export
from app.accounts.keyring import Keyring
from app.accounts.service import AccountService
from app.accounts.types import ApiKey, Role, Scope, User
from app.commands.output import AsJson, print_json, print_rows
from app.commands.running import NEEDS, operator_settings
from app.db.page import MAX_LIMIT, Page
from app.db.pool import Pool, open_pool
from app.errors import BadInput
from app.jobs.events import Events
from app.jobs.service import JobService
from app.passwords.service import set_password
from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.buckets import RedisBuckets
from app.settings import Settings
from app.storage.open import opened_store

T = TypeVar("T")

users_app = typer.Typer(
    name="users",
    help=f"Who has an account. {NEEDS}",
    no_args_is_help=True,
)
keys_app = typer.Typer(name="keys", help=f"Users' API keys. {NEEDS}", no_args_is_help=True)

Who = Annotated[str, typer.Argument(metavar="USER", help="Id or e-mail address.")]
Limit = Annotated[int, typer.Option(min=1, max=MAX_LIMIT, help="Rows on a page.")]
Cursor = Annotated[str | None, typer.Option(help="The next page: as the last one said.")]

_DAY_S = 86_400.0


class FileTaken(BadInput):
    code = "file_taken"


class AddressMissing(BadInput):
    code = "address_missing"


@users_app.command("add")
def add_user(email: Annotated[str | None, typer.Option(help="To find the user by.")] = None) -> None:
    """A user without Supabase: prints the id, for which `cutout keys create` makes keys."""
    user_id = uuid7()
    ask(lambda pool: AccountService(pool).ensure(user_id, email))
    typer.echo(user_id)


@users_app.command("password")
def set_user_password(
    who: Who, *, stdin: Annotated[bool, typer.Option("--stdin", help="Read it from there: one line.")] = False
) -> None:
    """The password by which the user signs in at `cutout issuer`, by their e-mail address."""
    password = (
        sys.stdin.readline().rstrip("\n")
        if stdin
        else typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    )

    async def change(pool: Pool) -> User:
        user = await AccountService(pool).find(who)
        if user.email is None:
            raise AddressMissing("the user has no e-mail address to sign in by")
        await set_password(pool, user.id, user.email, password)
        return user

    user = ask(change)
    typer.echo(f"{user.id}: signs in by {user.email}")


@users_app.command("list")
def list_users(*, limit: Limit = 50, cursor: Cursor = None, as_json: AsJson = False) -> None:
    """In the order of their ids."""
    page = ask(lambda pool: AccountService(pool).list(cursor, limit))
    if as_json:
        print_json(Page[User], page)
        return
    rows = Table(Column("id", no_wrap=True), "email", "role", "since", box=None)
    for user in page.items:
        rows.add_row(str(user.id), user.email or "", user.role, _day(user.created_at))
    _print_page(rows, page.next_cursor)


@users_app.command("grant")
def grant_role(who: Who, role: Annotated[Role, typer.Argument(help="From now on.")]) -> None:
    """Give the user a role; `user` takes the others away."""

    async def change(pool: Pool) -> User:
        accounts = AccountService(pool)
        return await accounts.set_role((await accounts.find(who)).id, role)

    user = ask(change)
    typer.echo(f"{user.id}: {user.role}")


@users_app.command("retention")
def set_retention(
    who: Who,
    days: Annotated[int | None, typer.Argument(min=1, max=3650, help="Empty: the default.")] = None,
) -> None:
    """How long the user's images are kept, from now on."""

    async def change(pool: Pool) -> User:
        accounts = AccountService(pool)
        return await accounts.set_retention((await accounts.find(who)).id, days)

    user = ask(change)
    kept = "the default" if user.retention_days is None else f"{user.retention_days} days"
    typer.echo(f"{user.id}: images are kept for {kept}")


@users_app.command("delete")
def delete_user(who: Who, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete the user with every row and every file. Needs REDIS_URL too. There is no way back."""
    user = ask(lambda pool: AccountService(pool).find(who))
    if not yes:
        typer.confirm(f"Delete {user.id} ({user.email or 'no address'}) and all that is theirs?", abort=True)
    erased = asyncio.run(_erase(operator_settings(), user.id))
    counts = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in erased.rows.items())
    typer.echo(f"{user.id}: gone with {counts}, {erased.files} files of {erased.bytes:,} bytes")


@users_app.command("export")
def export_user(who: Who, out: Annotated[Path, typer.Argument(help="The ZIP; not there yet.")]) -> None:
    """All that is known of the user, files included."""

    async def write(pool: Pool) -> None:
        user = await AccountService(pool).find(who)
        async with opened_store(operator_settings()) as store:
            with new_file(out) as file:
                async for chunk in export(pool, store, user.id):
                    await asyncio.to_thread(file.write, chunk)

    ask(write)
    typer.echo(f"{out}: {out.stat().st_size:,} bytes")


@users_app.command("audit")
def audit_log(*, limit: Limit = 50, cursor: Cursor = None, as_json: AsJson = False) -> None:
    """What was done to accounts, newest first."""
    page = ask(lambda pool: deeds(pool, cursor, limit))
    if as_json:
        print_json(Page[Deed], page)
        return
    rows = Table("when", "who", "what", Column("to", no_wrap=True), "details", box=None)
    for deed in page.items:
        when, to = f"{deed.created_at:%Y-%m-%d %H:%M}", str(deed.subject or "")
        rows.add_row(when, deed.actor, deed.action, to, json.dumps(deed.details))
    _print_page(rows, page.next_cursor)


@keys_app.command("create")
def create_key(
    who: Who,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="Once for each.", show_default="read, write")
    ] = None,
    name: Annotated[str, typer.Option(help="To know it by.")] = "",
    days: Annotated[
        float | None, typer.Option(min=0.001, help="It expires then.", show_default="never")
    ] = None,
) -> None:
    """Print a new key of the user. It is not stored: nobody can show it again."""
    scopes = frozenset(scope or (Scope.READ, Scope.WRITE))

    async def create(pool: Pool) -> str:
        user = await AccountService(pool).find(who)
        lifetime_s = None if days is None else days * _DAY_S
        return (await Keyring(pool).create(user.id, scopes, name=name, lifetime_s=lifetime_s))[1]

    typer.echo(ask(create))


@keys_app.command("list")
def list_keys(who: Who, *, limit: Limit = 50, cursor: Cursor = None, as_json: AsJson = False) -> None:
    """The user's keys, newest first; revoked ones too."""

    async def find(pool: Pool) -> Page[ApiKey]:
        user = await AccountService(pool).find(who)
        return await Keyring(pool).list(user.id, cursor, limit)

    page = ask(find)
    if as_json:
        print_json(Page[ApiKey], page)
        return
    names = ("begins", "name", "scopes", "made", "used", "expires", "revoked")
    rows = Table(Column("id", no_wrap=True), *names, box=None)
    for key in page.items:
        days = (key.created_at, key.last_used_at, key.expires_at, key.revoked_at)
        rows.add_row(str(key.id), key.prefix, key.name, " ".join(sorted(key.scopes)), *map(_day, days))
    _print_page(rows, page.next_cursor)


@keys_app.command("revoke")
def revoke_key(key_id: Annotated[UUID, typer.Argument(metavar="ID", help="Of the key's row.")]) -> None:
    """Whoever's it is: the next request with it is refused."""
    key = ask(lambda pool: Keyring(pool).revoke(None, key_id))
    typer.echo(f"{key.id}: revoked")


def ask(question: Callable[[Pool], Awaitable[T]]) -> T:
    """One question to the database of `operator_settings`. Raises BadSetting, DatabaseUnavailable."""

    async def answer() -> T:
        pool = await open_pool(operator_settings().database(), max_size=1)
        try:
            return await question(pool)
        finally:
            await pool.close()

    return asyncio.run(answer())


async def _erase(settings: Settings, user_id: UUID) -> Erased:
    services = settings.services()
    pool, redis = await open_pool(services.database_url, max_size=1), connect(services.redis_url)
    bell = ArqDoorbell(redis)
    try:
        jobs = JobService(pool, bell, Events(bell))
        async with opened_store(settings) as store:
            return await Erasure(pool, store, jobs, RedisBuckets(redis)).erase(user_id, COMMAND_LINE)
    finally:
        await bell.close()
        await pool.close()


def new_file(path: Path) -> BinaryIO:
    """For the user's eyes alone. Raises FileTaken."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError:
        raise FileTaken(f"{path} is there already") from None


def _print_page(rows: Table, next_cursor: str | None) -> None:
    print_rows(rows)
    if next_cursor:
        typer.echo(f"more: --cursor {next_cursor}")


def _day(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d}" if time else ""
