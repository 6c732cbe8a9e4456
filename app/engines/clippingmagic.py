"""The legacy engine: ClippingMagic finds subject and edge, we frame and write the file."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from app.engines.base import CutoutResult, Progress, no_progress
from app.engines.clippingmagic_http import Account, ClippingMagicApi, Uploaded, Wait
from app.engines.errors import LegacyResultNotReady
from app.engines.names import EngineName
from app.engines.writing import write
from app.imaging.encode import encode
from app.imaging.png import Effort
from app.imaging.sandbox import decode, probe
from app.imaging.types import Format, ImageInfo, SourceFormat
from app.matting.options import CutoutOptions
from app.matting.pipeline import finish_cutout
from app.matting.types import MattingReport

TAKEN = frozenset({SourceFormat.JPEG, SourceFormat.PNG, SourceFormat.GIF, SourceFormat.BMP})
"""What ClippingMagic reads; the others are sent as PNG."""
LOOKS_S = (1.0, 2.0, 4.0, 8.0)
"""Between two looks for a result that is not there yet."""
FINISH = "finish"
"""From this step on ClippingMagic bills the image."""
OWN_EDGE = "{0}: not done, the edge is ClippingMagic's own"
OWN_SIZE = "size: ClippingMagic's result has {0} x {1} px, not the image's own size"


class ClippingMagicEngine:
    name = EngineName.CLIPPINGMAGIC

    def __init__(self, api: ClippingMagicApi) -> None:
        self._api = api

    @property
    def account(self) -> Account:
        return self._api.account

    def remove(
        self,
        path: Path,
        options: CutoutOptions,
        out: Path,
        *,
        background: Path | None = None,
        progress: Progress = no_progress,
    ) -> CutoutResult:
        wait = watched(progress)
        progress(0.0, "upload")
        uploaded = self.upload(path, wait)
        progress(0.3, "wait")
        with tempfile.TemporaryDirectory(prefix="cutout-legacy-") as folder:
            file = Path(folder) / "result"
            self.fetch(uploaded.id, file, wait)
            progress(0.7, FINISH)
            result = self.finish(path, file, options, out, background=background)
        progress(1.0, "done")
        return result

    def upload(self, path: Path, wait: Wait = time.sleep) -> Uploaded:
        """As it is, where ClippingMagic reads that upright; else as PNG, which loses nothing."""
        info = probe(path)
        if info.format in TAKEN and info.orientation == 1:
            return self._api.upload(path, info.content_type, wait)
        with tempfile.TemporaryDirectory(prefix="cutout-legacy-") as folder:
            upright = Path(folder) / "image.png"
            encode(decode(path, info), upright, Format.PNG, dpi=info.dpi, effort=Effort.FAST)
            return self._api.upload(upright, Format.PNG.content_type, wait)

    def fetch(self, image_id: int, out: Path, wait: Wait = time.sleep) -> None:
        """The result as ClippingMagic made it. Raises LegacyResultNotReady after 15 s of looking."""
        for seconds in LOOKS_S:
            try:
                return self._api.result(image_id, out, wait)
            except LegacyResultNotReady:
                wait(seconds)
        return self._api.result(image_id, out, wait)

    def finish(
        self, path: Path, made: Path, options: CutoutOptions, out: Path, *, background: Path | None = None
    ) -> CutoutResult:
        """`made`, its result of the image at `path`, as the options say.

        Raises CutoutEmpty, CutoutTooLarge, and what app.imaging raises.
        """
        original, info = probe(path), probe(made)
        under = None if background is None else decode(background, probe(background))
        cut = finish_cutout(decode(made, info), options, background=under)
        result = write(cut, options, original.dpi, out)
        notes = (*result.notes, *_notes(original, info, options))
        return replace(result, matting=MattingReport("clippingmagic"), notes=notes)


def _notes(original: ImageInfo, made: ImageInfo, options: CutoutOptions) -> list[str]:
    """What was asked for and is not so."""
    default = CutoutOptions()
    asked = [
        name for name in ("matting", "decontaminate") if getattr(options, name) != getattr(default, name)
    ]
    notes = [OWN_EDGE.format(name) for name in asked]
    if (original.width, original.height) != (made.width, made.height):
        notes.append(OWN_SIZE.format(made.width, made.height))
    return notes


def watched(progress: Progress) -> Wait:
    """A sleep that hears within a quarter of a second that the job is to stop."""

    def wait(seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            progress(0.3, "wait")
            time.sleep(min(left, 0.25))

    return wait
