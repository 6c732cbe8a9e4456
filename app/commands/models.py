"""`cutout models`: what is known, what is here, fetch it, check it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Column, Table

from app.errors import AppError
from app.settings import Settings
from models.errors import ModelError, ModelMissing
from models.registry import Registry, require_torch

models_app = typer.Typer(name="models", help="Model weights on this machine.", no_args_is_help=True)

Names = Annotated[list[str], typer.Argument(help="Models, as `cutout models list` names them.")]


class ModelFailed(AppError):
    """A ModelError on the command line: its own code, one line, exit code 4."""

    exit_code = 4


@contextmanager
def model_errors() -> Iterator[None]:
    """A ModelError becomes a ModelFailed with the same code and message."""
    try:
        yield
    except ModelError as error:
        failed = ModelFailed(str(error))
        failed.code = error.code  # type: ignore[misc]  # this error speaks for another tree
        raise failed from error


def open_registry() -> Registry:
    return Registry(Settings.load().models_dir)


@models_app.command("list")
def list_models() -> None:
    """Every known model, and which of them are installed."""
    registry = open_registry()
    with model_errors():
        rows = Table(Column("model", no_wrap=True), "revision", "here", "MB", "what", box=None)
        for name in registry.names():
            manifest = registry.manifest(name)
            here = "yes" if registry.installed(name) else "no"
            size = sum(file.bytes for file in manifest.files) / 1e6
            rows.add_row(name, manifest.revision, here, f"{size:.0f}", manifest.description)
    console = Console()
    console.print(rows)
    console.print(f"auto: {_auto(registry)}")


@models_app.command()
def pull(names: Names) -> None:
    """Fetch models and verify them. What was broken off is resumed."""
    registry = open_registry()
    for name in names:
        with model_errors(), Bars() as bars:
            manifest = registry.pull(name, bars.show)
        typer.echo(f"{name} ({manifest.revision}) is here and verified")


@models_app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Default: every installed model.")] = None,
) -> None:
    """Hash the files of models again and compare with their manifests."""
    registry = open_registry()
    with model_errors():
        for name in names or [name for name in registry.names() if registry.installed(name)]:
            registry.verify(name)
            typer.echo(f"{name}: every file has the hash of its manifest")


@models_app.command("fake")
def fake_model(
    like: Annotated[str, typer.Argument(help="The model whose shape it has.")] = "sam2.1-hiera-tiny",
    seed: Annotated[int, typer.Option(help="Of the random weights.")] = 0,
    out: Annotated[Path | None, typer.Option(help="The checkpoint. Default: among the models.")] = None,
) -> None:
    """Make a model with random weights in the official format, to be pulled and exported."""
    registry = open_registry()
    with model_errors():
        require_torch()
    from models.export.fake import fake  # noqa: PLC0415 - torch: an extra, and 2 s to import

    with model_errors():
        manifest = fake(registry, like, seed, out or registry.root / "fake" / f"{like}.seed-{seed}.pt")
    typer.echo(f"{manifest.name} is known; run: cutout models pull {manifest.name}")


@models_app.command("export")
def export_model(
    name: Annotated[str, typer.Argument(help="A torch model that was pulled.")],
    encoder: Annotated[bool, typer.Option(help="Also the encoder, for embed workers without torch.")] = False,
) -> None:
    """Make the ONNX decoder of a SAM 2 checkpoint, check it against torch, write its manifest."""
    registry = open_registry()
    with model_errors():
        require_torch()
        from models.export.export import export  # noqa: PLC0415 - torch: an extra, and 2 s to import

        exported = export(registry, name, encoder=encoder)
    rows = Table("compared with torch", "max difference / standard deviation", box=None)
    for one in exported.parity:
        rows.add_row(one.prompt, f"{one.error:.1e}")
    for one in exported.half:
        rows.add_row(f"weights in half, {one.prompt}", f"{one.error:.1e}")
    Console().print(rows)
    for file in exported.manifest.files:
        typer.echo(f"{file.role:13s} {file.bytes / 1e6:6.1f} MB  {file.sha256}")
    if exported.manifest.file("decoder_fp16") is None:
        typer.echo("the variant with weights in half is not equal and was left out")


def _auto(registry: Registry) -> str:
    try:
        return registry.resolve("auto")
    except ModelMissing as error:
        return str(error)


class Bars(Progress):
    """A bar a file, on stderr; silent when that is no terminal."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        console = Console(stderr=True)
        super().__init__(*columns, console=console, disable=not console.is_terminal)
        self._tasks_of: dict[str, TaskID] = {}

    def show(self, file: str, done: int, total: int) -> None:
        if file not in self._tasks_of:
            self._tasks_of[file] = self.add_task(file, total=total)
        self.update(self._tasks_of[file], completed=done)
