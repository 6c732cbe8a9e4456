"""`cutout batch`: a folder of photos, in this process without services, or by a server."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.commands.options import with_options
from app.commands.photos import ModelName, cut_out, open_engine
from app.errors import AppError, BadInput
from app.matting.options import CutoutOptions

if TYPE_CHECKING:
    from app.commands.server_batch import Order

PHOTO_SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp")
)


class NotADirectory(BadInput):
    code = "not_a_directory"


class BatchFailed(AppError):
    """The summary has named the photos."""

    code = "batch_failed"


@dataclass(slots=True)
class Summary:
    done: int = 0
    skipped: int = 0
    failed: list[tuple[Path, str, str]] = field(default_factory=list)
    """(photo, message, code)"""


@with_options
def batch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Photos lie directly in it.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Made if it is not there.")],
    *,
    model: ModelName = None,
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="Let this Cutout server do it; a broken run goes on.")
    ] = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="For the server; @FILE reads it.")] = None,
    options: CutoutOptions,
) -> None:
    """Cut out every photo of DIR into OUT. What is done already is skipped: repeat a broken run."""
    work = plan(folder, out, options)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    out.mkdir(parents=True, exist_ok=True)
    with Progress(*columns, console=console) as bar:
        if server is None:
            summary = _here(work, model, options, bar)
        else:
            from app.commands.server_batch import Order, key_of  # noqa: PLC0415 - as below

            order = Order(server, key_of(key), model, options, folder.resolve().name)
            summary = _there(order, work, out, bar)
    _report(console, summary)


def _here(work: dict[Path, Path], model: str | None, options: CutoutOptions, bar: Progress) -> Summary:
    summary, engine = Summary(), None
    task = bar.add_task("", total=len(work))
    for photo, target in work.items():
        bar.update(task, description=photo.name)
        if _is_done(photo, target):
            summary.skipped += 1
        else:
            engine = engine or open_engine(model)
            try:
                cut_out(engine, photo, target, options)
                summary.done += 1
            except AppError as error:
                summary.failed.append((photo, error.message, error.code))
        bar.advance(task)
    return summary


def _there(order: "Order", work: dict[Path, Path], out: Path, bar: Progress) -> Summary:
    from app.commands.server_batch import cut_out_there  # noqa: PLC0415 - an HTTP client takes time to load

    todo = [photo for photo, target in work.items() if not _is_done(photo, target)]
    summary = Summary(skipped=len(work) - len(todo))
    if todo:
        task = bar.add_task(order.name)
        ended = cut_out_there(
            order, todo, work, out, lambda total, done: bar.update(task, total=total, completed=done)
        )
        summary.done = sum(failure is None for _, failure in ended)
        summary.failed = [(photo, failed.message, failed.code) for photo, failed in ended if failed]
    return summary


def plan(folder: Path, out: Path, options: CutoutOptions) -> dict[Path, Path]:
    """Which photo becomes which file, in order of name. Raises NotADirectory."""
    if not folder.is_dir():
        raise NotADirectory(f"{folder} is not a directory")
    photos = sorted(path for path in folder.iterdir() if path.suffix.lower() in PHOTO_SUFFIXES)
    stems = Counter(photo.stem for photo in photos)

    def name(photo: Path) -> str:
        # two photos may differ in their ending alone
        return f"{photo.name if stems[photo.stem] > 1 else photo.stem}.{options.format}"

    return {photo: out / name(photo) for photo in photos}


def _is_done(photo: Path, target: Path) -> bool:
    """A cutout appears whole or not at all; one that is older than its photo was made from another."""
    return target.exists() and target.stat().st_mtime >= photo.stat().st_mtime


def _report(console: Console, summary: Summary) -> None:
    for photo, message, code in summary.failed:
        console.print(f"{photo.name}: {message} [{code}]", markup=False, highlight=False, soft_wrap=True)
    line = f"{summary.done} done, {summary.skipped} skipped, {len(summary.failed)} failed"
    console.print(line, highlight=False)
    if summary.failed:
        raise BatchFailed(f"{len(summary.failed)} of the photos could not be cut out")
