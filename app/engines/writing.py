"""The last step of every engine: a cutout becomes a file."""

from pathlib import Path

from app.engines.base import CutoutResult
from app.imaging.encode import WHITE, encode
from app.imaging.png import Effort
from app.matting.options import CutoutOptions
from app.matting.types import Cutout


def write(
    cut: Cutout, options: CutoutOptions, photo_dpi: float | None, out: Path, effort: Effort = Effort.BALANCED
) -> CutoutResult:
    """`photo_dpi`: what `dpi: keep` means."""
    dpi = photo_dpi if options.dpi == "keep" else options.dpi
    file = encode(
        cut.picture,
        out,
        options.format,
        dpi=dpi,
        channels=options.channels,
        background=_opaque_background(options),
        effort=effort,
    )
    return CutoutResult(file, options.format, cut.trim_box, cut.content_box, dpi, cut.matting, cut.notes)


def _opaque_background(options: CutoutOptions) -> tuple[int, int, int]:
    """What a format without alpha shows under the cutout: white unless a colour was asked for (DESIGN §9)."""
    colour = options.background_colour
    return WHITE if colour is None else (colour.red, colour.green, colour.blue)
