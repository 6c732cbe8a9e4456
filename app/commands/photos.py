"""Photos to cutouts in this process: what `cutout remove` and `cutout batch` share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from app.commands.models import model_errors
from app.commands.options import BadOption
from app.engines.base import CutoutResult, Segmenter
from app.engines.errors import SubjectNotFound
from app.errors import AppError
from app.imaging.sandbox import probe
from app.matting.options import CutoutOptions
from app.segmentation.marks import Mark
from app.segmentation.prompts import check_inside
from app.settings import Settings
from models.registry import Registry

Start = Literal["auto", "empty"]
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="MODEL", help="A name of `cutout models list`. Default: the best one here."
    ),
]


class NoSuchPhoto(AppError):
    code = "no_such_photo"
    exit_code = 2


def open_engine(model: str | None) -> Segmenter:
    """Raises ModelFailed with the code of what is wrong."""
    from app.engines.sam2 import Sam2Engine  # noqa: PLC0415 - numba and libvips take 1 s to load, `--help` none

    settings = Settings.load(model=model)
    with model_errors():
        registry = Registry(settings.models_dir)
        return Sam2Engine(
            registry.open(settings.model, settings.threads, settings.providers, device=settings.device)
        )


def cut_out(
    engine: Segmenter,
    photo: Path,
    out: Path,
    options: CutoutOptions,
    *,
    marks: Sequence[Mark] = (),
    start: Start = "auto",
) -> CutoutResult:
    """The file at `out`, whole or not at all. Raises NoSuchPhoto, SubjectNotFound and the engine's own."""
    if not photo.is_file():
        raise NoSuchPhoto(f"{photo} is not a file")
    if options.background_image is not None:
        raise BadOption("--background: a colour, #RRGGBB or #RRGGBBAA; images of an account are not here")
    if marks:  # what is wrong with them is said before the encoder has worked for seconds
        info = probe(photo)
        check_inside(marks, (info.width, info.height))
    with model_errors():  # weights are read and verified when they are first used
        encoded = engine.encode(photo, auto=start == "auto")
        proposal = encoded.proposal.mask if encoded.proposal else None
        if proposal is None and not marks:
            raise SubjectNotFound("no subject was found; say what to keep with --point or --box")
        mask = engine.segment(encoded.embedding, marks, proposal)
    return engine.cutout(photo, mask, marks, options, out)
