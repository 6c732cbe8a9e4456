"""`cutout batch`: a folder of photos, in this process, without services."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.commands.options import with_options
from app.commands.photos import ModelName, cut_out, open_engine
from app.errors import AppError, BadInput
from app.matting.options import CutoutOptions

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
    failed: list[tuple[Path, AppError]] = field(default_factory=list)


@with_options
def batch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Photos lie directly in it.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Made if it is not there.")],
    *,
    model: ModelName = None,
    options: CutoutOptions,
) -> None:
    """Cut out every photo of DIR into OUT. What is done already is skipped: repeat a broken run."""
    work = list(plan(folder, out, options).items())
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    summary = Summary()
    out.mkdir(parents=True, exist_ok=True)
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=len(work))
        engine = None
        for photo, target in work:
            bar.update(task, description=photo.name)
            if _is_done(photo, target):
                summary.skipped += 1
            else:
                engine = engine or open_engine(model)
                try:
                    cut_out(engine, photo, target, options)
                    summary.done += 1
                except AppError as error:
                    summary.failed.append((photo, error))
            bar.advance(task)
    _report(console, summary)


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
    for photo, error in summary.failed:
        console.print(
            f"{photo.name}: {error.message} [{error.code}]", markup=False, highlight=False, soft_wrap=True
        )
    line = f"{summary.done} done, {summary.skipped} skipped, {len(summary.failed)} failed"
    console.print(line, highlight=False)
    if summary.failed:
        raise BatchFailed(f"{len(summary.failed)} of the photos could not be cut out")
