"""From a job to an engine and back: one function a kind and worker."""

import functools
from pathlib import Path

from app.engines.base import CutoutResult
from app.engines.errors import SubjectNotFound
from app.engines.sam2 import Sam2Engine
from app.images.errors import EmbeddingNotFound
from app.images.types import Image
from app.imaging.types import Box
from app.jobs.claims import Outcome
from app.jobs.types import ApplyParams, JobKind, RemoveParams
from app.matting.options import CutoutOptions
from app.segmentation.marks import Mark
from app.segmentation.maskio import from_png
from app.segmentation.masks import SoftMask
from app.storage import keys
from workers.batcher import BatchOptions
from workers.encoding import Encoding
from workers.kit import Kit, workplace
from workers.options import Handlers
from workers.run import Run

PREVIEW_TTL_S = 600.0
"""A preview is looked at once (DESIGN §9: not kept)."""


def embed_handlers(kit: Kit, batches: BatchOptions | None = None) -> Handlers:
    """`batches`: one image at a time without it."""
    encoding = Encoding(kit, batches or BatchOptions())
    return {
        JobKind.ENCODE: encoding.encode,
        JobKind.REMOVE: encoding.begin_remove,
        JobKind.SHADOW: encoding.begin_remove,
    }


def mask_handlers(kit: Kit) -> Handlers:
    from workers.shadow import shadow  # noqa: PLC0415 - which uses this file

    handlers = {JobKind.APPLY_MASK: apply_mask, JobKind.REMOVE: finish_remove, JobKind.SHADOW: shadow}
    return {kind: functools.partial(handler, kit) for kind, handler in handlers.items()}


async def finish_remove(kit: Kit, run: Run) -> Outcome:
    options = RemoveParams.model_validate(run.job.params).options
    image = await kit.image(run.job)
    mask = await proposal(kit, run, image)
    if mask is None:
        raise SubjectNotFound("no subject was found in the image; mark it and use apply-mask")
    return await _cutout(kit, run, image, mask, options)


async def apply_mask(kit: Kit, run: Run) -> Outcome:
    params = ApplyParams.model_validate(run.job.params)
    image = await kit.image(run.job)
    mask = await _mask(kit, run, image, params)
    return await _cutout(
        kit, run, image, mask, params.options,
        marks=params.marks, crops=params.crops, preview=params.preview,
    )  # fmt: skip


async def _mask(kit: Kit, run: Run, image: Image, params: ApplyParams) -> SoftMask:
    """The client's mask, or the marks replayed over the proposal or from empty."""
    size = (image.width, image.height)
    if params.mask_key is not None:
        png = await kit.small(params.mask_key)
        return await run.thread("mask", from_png, png, size)
    start = await proposal(kit, run, image) if params.start == "auto" else None
    row = await kit.embedding(run.job)
    if row is None:
        raise EmbeddingNotFound(f"the image was not encoded with {run.job.model}")
    packed = await kit.small(row.key, row.bytes)
    return await run.thread("marks", _marked, kit.engines(run.job.model), packed, params.marks, start)


def _marked(engine: Sam2Engine, packed: bytes, marks: tuple[Mark, ...], start: SoftMask | None) -> SoftMask:
    return engine.segment(engine.unpack(packed), marks, start)


async def proposal(kit: Kit, run: Run, image: Image) -> SoftMask | None:
    """None: no subject was found. Raises EmbeddingNotFound, SubjectNotFound when none was looked for."""
    row = await kit.embedding(run.job)
    if row is None:
        raise EmbeddingNotFound(f"the image was not encoded with {run.job.model}")
    if not row.proposed:
        raise SubjectNotFound("no subject was looked for: encode with auto, or start from empty")
    if row.proposal is None:
        return None
    return from_png(await kit.small(row.proposal.mask_key), (image.width, image.height))


async def _cutout(
    kit: Kit,
    run: Run,
    image: Image,
    mask: SoftMask,
    options: CutoutOptions,
    *,
    marks: tuple[Mark, ...] = (),
    crops: tuple[Box, ...] = (),
    preview: bool = False,
) -> Outcome:
    under = options.background_image
    background = None if under is None else await kit.image(run.job, under)
    with workplace() as folder:
        out = folder / "cutout"
        async with kit.files(image, background) as (path, background_path):
            assert path is not None
            result = await run.watched(
                kit.engines(run.job.model).cutout,
                path, mask, marks, options, out,
                background=background_path, crops=crops, preview=preview,
            )  # fmt: skip
        key = await store_result(run, result, out)
    return Outcome(result.as_json(), result_key=key, result_ttl_s=PREVIEW_TTL_S if preview else None)


async def store_result(run: Run, result: CutoutResult, out: Path) -> str:
    job = run.job
    key = keys.result(job.user_id, job.image_id, run.files.name, result.format)
    with run.step("store"):
        await run.files.put(key, out, result.file.content_type)
    return key
