"""`cutout flags …`: who gets the new editor (docs/migration.md)."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import typer
from rich.table import Table

from app.accounts.service import AccountService
from app.commands.accounts import Who, ask
from app.commands.output import AsJson, print_json, print_rows
from app.commands.running import NEEDS, operator_settings
from app.db.pool import Pool
from app.engines.names import EngineName
from app.flags.repository import Version
from app.flags.service import EnginePolicy, Flags
from app.flags.types import Flag, Rules
from app.queue.arq_adapter import ArqDoorbell, connect

T = TypeVar("T")

flags_app = typer.Typer(
    name="flags",
    help=f"Who gets the new editor. {NEEDS}",
    no_args_is_help=True,
)

Listed = Annotated[str, typer.Argument(metavar="USER", help="Id, e-mail address, or @domain for all of it.")]
Percent = Annotated[float | None, typer.Option(min=0, max=100)]


@flags_app.command()
def show(*, as_json: AsJson = False) -> None:
    """What is in force."""
    flag = _ask(lambda flags, _: flags.current())
    print_json(Flag, flag) if as_json else _print(flag)


@flags_app.command("set")
def set_rules(
    *,
    percentage: Percent = None,
    shadow: Percent = None,
    rerun: Annotated[bool | None, typer.Option("--rerun/--no-rerun")] = None,
) -> None:
    """Change some of the rules: how many users get the new editor, how many legacy jobs are shadowed,
    whether what we failed is done by ClippingMagic."""
    given = {"percentage": percentage, "shadow": shadow, "rerun": rerun}
    _change({name: value for name, value in given.items() if value is not None})


@flags_app.command()
def kill() -> None:
    """Everybody to the legacy editor, within a second; open edits end where they began."""
    _change({"kill": True})


@flags_app.command()
def revive() -> None:
    """Take the kill switch back."""
    _change({"kill": False})


@flags_app.command()
def allow(who: Listed) -> None:
    """The new editor for this user, or for a domain."""
    _list(who, "allow")


@flags_app.command()
def deny(who: Listed) -> None:
    """The legacy editor for this user, or for a domain."""
    _list(who, "deny")


@flags_app.command()
def unlist(who: Listed) -> None:
    """Take a name out of both lists."""
    _list(who, None)


@flags_app.command()
def override(who: Who, engine: Literal["sam2", "clippingmagic", "none"]) -> None:
    """One user's engine, whatever the lists say; `none` takes that back."""

    async def change(flags: Flags, pool: Pool) -> UUID:
        user = await AccountService(pool).find(who)
        await flags.override(user.id, None if engine == "none" else EngineName(engine))
        return user.id

    typer.echo(f"{_ask(change)}: {engine}")


@flags_app.command()
def explain(who: Who) -> None:
    """Which engine the user gets now, and why; with the variables of this environment."""

    async def decide(flags: Flags, pool: Pool) -> dict[str, Any]:
        user = await AccountService(pool).find(who)
        return (await flags.explain(user.id)).as_json()

    print_json(dict[str, Any], _ask(decide))


@flags_app.command()
def history(*, as_json: AsJson = False) -> None:
    """Versions as they were written, newest first."""
    versions = _ask(lambda flags, _: flags.history())
    if as_json:
        print_json(list[Version], versions)
        return
    rows = Table("version", "when", "who", "rules", box=None)
    for version in versions:
        when = f"{version.changed_at:%Y-%m-%d %H:%M}"
        rows.add_row(str(version.version), when, version.changed_by, str(version.rules))
    print_rows(rows)


def _change(changes: dict[str, Any]) -> None:
    _print(_ask(lambda flags, _: flags.change(lambda _: changes)))


def _list(who: str, name: Literal["allow", "deny"] | None) -> None:

    async def change(flags: Flags, pool: Pool) -> Flag:
        entry = who.lower() if who.startswith("@") else str((await AccountService(pool).find(who)).id)
        return await flags.change(lambda rules: on_one_list(rules, entry, name))

    _print(_ask(change))


def on_one_list(rules: Rules, entry: str, name: Literal["allow", "deny"] | None) -> dict[str, list[str]]:
    """Both lists with the entry on the one that is named, and not on the other."""
    lists = {"allow": rules.allow - {entry}, "deny": rules.deny - {entry}}
    if name is not None:
        lists[name] |= {entry}
    return {key: sorted(entries) for key, entries in lists.items()}


def _ask(question: Callable[[Flags, Pool], Awaitable[T]]) -> T:
    """With Redis, where REDIS_URL is set, so that processes hear of a change at once."""
    settings = operator_settings()

    async def answer(pool: Pool) -> T:
        bell = ArqDoorbell(connect(settings.redis_url)) if settings.redis_url else None
        try:
            return await question(Flags(pool, EnginePolicy.set_by(settings), bell), pool)
        finally:
            if bell is not None:
                await bell.close()

    return ask(answer)


def _print(flag: Flag) -> None:
    rules = flag.rules
    typer.echo(f"version {flag.version} by {flag.changed_by}")
    typer.echo(f"kill switch: {'ON' if rules.kill else 'off'}")
    typer.echo(f"new editor: {rules.percentage:g} % of users")
    typer.echo(f"allow: {' '.join(sorted(rules.allow)) or '-'}")
    typer.echo(f"deny: {' '.join(sorted(rules.deny)) or '-'}")
    typer.echo(f"rerun on ClippingMagic: {'yes' if rules.rerun else 'no'}; shadow: {rules.shadow:g} %")
