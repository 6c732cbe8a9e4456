"""The mask worker's half of a shadow: our cutout beside ClippingMagic's, as figures and a picture."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from app.db.pool import connection
from app.engines.compare import compare, side_by_side, whole
from app.engines.errors import SubjectNotFound
from app.engines.preview import PREVIEW_SIDE
from app.engines.sam2 import Sam2Engine
from app.errors import NotFound
from app.imaging.encode import encode
from app.imaging.sandbox import decode, probe
from app.imaging.types import Box, EncodedFile, Format, Picture
from app.jobs import repository as jobs
from app.jobs.claims import Outcome
from app.jobs.types import Job, ShadowParams
from app.matting.options import CutoutOptions
from app.matting.resize import resized_pixels
from app.matting.types import Matte
from app.segmentation.masks import SoftMask
from app.storage import keys
from workers.handlers import proposal
from workers.kit import Kit, workplace
from workers.run import Run


class LegacyResultMissing(NotFound):
    """The legacy cutout is gone: there is nothing to compare with."""

    code = "legacy_result_missing"


async def shadow(kit: Kit, run: Run) -> Outcome:
    params = ShadowParams.model_validate(run.job.params)
    image = await kit.image(run.job)
    legacy = await _legacy(kit, params)
    mask = await proposal(kit, run, image)
    if mask is None:
        raise SubjectNotFound("no subject was found in the image")
    box = legacy.result["trim_box"] if legacy.result else [0, 0, image.width, image.height]
    with workplace() as folder:
        async with kit.files(image) as (path,), kit.store.local(legacy.result_key or "") as made:
            assert path is not None
            engine, theirs = kit.engines(run.job.model), (made, tuple(box))
            result, file = await run.thread("compare", _compared, engine, path, mask, theirs, folder)
        key = keys.result(run.job.user_id, run.job.image_id, run.files.name, Format.JPG)
        with run.step("store"):
            await run.files.put(key, file, Format.JPG.content_type)
    return Outcome(result, result_key=key)


async def _legacy(kit: Kit, params: ShadowParams) -> Job:
    """Raises LegacyResultMissing."""
    async with connection(kit.pool) as conn:
        job = await jobs.one(conn, "any_job", {"id": params.legacy_job})
    if job is None or job.result_key is None:
        raise LegacyResultMissing("the legacy cutout is gone")
    return job


def _compared(
    engine: Sam2Engine, path: Path, mask: SoftMask, legacy: tuple[Path, Box], folder: Path
) -> tuple[dict[str, object], Path]:
    """The job's result, and the picture it describes. `legacy`: the cutout's file, its box in ImageSpace."""
    ours_file = folder / "ours.png"
    engine.cutout(path, mask, (), CutoutOptions(trim=False), ours_file, preview=True)
    ours, info = decode(ours_file, probe(ours_file)), probe(path)
    photo = decode(path, info, PREVIEW_SIDE)
    size = (ours.width, ours.height)
    theirs = _alpha(decode(legacy[0], probe(legacy[0])))
    # laid back before it is made smaller: half a pixel of shift would count as a difference of the edges
    matte = resized_pixels(whole(theirs, legacy[1], (info.width, info.height)), size)
    picture = folder / "picture.jpg"
    shown = side_by_side(photo.pixels, matte, _alpha(ours))
    file = encode(Picture(shown), picture, Format.JPG, dpi=None)
    return {**asdict(compare(matte, _alpha(ours))), **_file_json(file)}, picture


def _file_json(file: EncodedFile) -> dict[str, object]:
    return {
        "width": file.width,
        "height": file.height,
        "format": Format.JPG,
        "bytes": file.bytes,
        "sha256": file.sha256,
    }


def _alpha(picture: Picture) -> Matte:
    if picture.alpha is not None:
        return picture.alpha
    return np.full((picture.height, picture.width), 255, np.uint8)
