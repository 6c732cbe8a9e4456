"""From a job to an engine and back: one function a kind and worker."""

import functools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from app.db.pool import Connection
from app.engines.base import CutoutResult, Encoded
from app.images import repository
from app.images.errors import EmbeddingNotFound, ProposalNotFound
from app.images.types import EmbeddingRow, Image, ProposalRow
from app.imaging.encode import encode as write_picture
from app.imaging.types import Format, Picture
from app.jobs.claims import Effect, Outcome
from app.jobs.types import ApplyParams, EncodeParams, JobKind, RemoveParams
from app.matting.options import CutoutOptions
from app.queue.messages import MASK_QUEUE
from app.segmentation.codec import unpack
from app.segmentation.marks import Mark
from app.segmentation.maskio import from_png
from app.segmentation.masks import SoftMask
from app.storage import keys
from workers.kit import Kit, workplace
from workers.options import Handlers
from workers.run import Run

PREVIEW_TTL_S = 600.0
"""A preview is looked at once (DESIGN §9: not kept)."""

_On = Callable[[Kit, Run], Awaitable[Outcome]]


def embed_handlers(kit: Kit) -> Handlers:
    return _table(kit, {JobKind.ENCODE: encode, JobKind.REMOVE: begin_remove})


def mask_handlers(kit: Kit) -> Handlers:
    return _table(kit, {JobKind.APPLY_MASK: apply_mask, JobKind.REMOVE: finish_remove})


def _table(kit: Kit, handlers: dict[JobKind, _On]) -> Handlers:
    return {kind: functools.partial(handler, kit) for kind, handler in handlers.items()}


async def encode(kit: Kit, run: Run) -> Outcome:
    """An image that is encoded already is not encoded again."""
    auto = EncodeParams.model_validate(run.job.params).auto
    row = await kit.embedding(run.job)
    if row is not None and (row.proposed or not auto):
        return Outcome(_encode_result(row))
    row, effects = await _encoded(kit, run, auto=auto)
    return Outcome(_encode_result(row), effects=effects)


async def begin_remove(kit: Kit, run: Run) -> Outcome:
    """The embed worker's half: an embedding with its proposal; the mask worker does the rest."""
    row = await kit.embedding(run.job)
    if row is not None and row.proposed:
        return Outcome(queue=MASK_QUEUE)
    _, effects = await _encoded(kit, run, auto=True)
    return Outcome(queue=MASK_QUEUE, effects=effects)


async def finish_remove(kit: Kit, run: Run) -> Outcome:
    options = RemoveParams.model_validate(run.job.params).options
    image = await kit.image(run.job)
    mask = await _proposal(kit, run, image)
    if mask is None:
        raise ProposalNotFound("no subject was found in the image; mark it and use apply-mask")
    return await _cutout(kit, run, image, mask, options)


async def apply_mask(kit: Kit, run: Run) -> Outcome:
    params = ApplyParams.model_validate(run.job.params)
    image = await kit.image(run.job)
    mask = await _mask(kit, run, image, params)
    return await _cutout(kit, run, image, mask, params.options, marks=params.marks, preview=params.preview)


async def _encoded(kit: Kit, run: Run, *, auto: bool) -> tuple[EmbeddingRow, list[Effect]]:
    """The embedding's row with its files stored, and what is to be written when the job succeeds."""
    job = run.job
    image = await kit.image(job)
    engine = kit.engines(job.model)
    async with kit.files(image) as (path,):
        assert path is not None
        encoded = await run.thread("encode", engine.encode, path, auto=auto)
    with workplace() as folder, run.step("store"):
        row = await _store(run, encoded, folder, auto=auto)
        effects: list[Effect] = [functools.partial(_save_embedding, run, row)]
        if image.working_key is None:
            working = await _store_working(run, encoded, folder)
            effects.append(functools.partial(_save_working, run, working))
    return row, effects


async def _store(run: Run, encoded: Encoded, folder: Path, *, auto: bool) -> EmbeddingRow:
    job, found, packed = run.job, encoded.proposal, folder / "embedding"
    packed.write_bytes(encoded.packed)
    key = keys.embedding(job.user_id, job.image_id, job.model, run.files.name)
    stored = await run.files.put(key, packed, "application/octet-stream")
    proposal = None
    if found is not None and encoded.mask is not None:
        mask_key = keys.auto_mask(job.user_id, job.image_id, job.model, run.files.name)
        mask = folder / "mask.png"
        mask.write_bytes(encoded.mask)
        await run.files.put(mask_key, mask, "image/png")
        proposal = ProposalRow(mask_key, found.score, found.box, found.points)
    revision = encoded.embedding.revision
    return EmbeddingRow(job.image_id, job.model, revision, encoded.codec, key, stored.bytes, auto, proposal)


async def _store_working(run: Run, encoded: Encoded, folder: Path) -> str:
    """The working image for the editor: JPEG, for the eye; the encoder saw the pixels themselves."""
    job, out = run.job, folder / "working.jpg"
    await run.thread("working", write_picture, Picture(encoded.working), out, Format.JPG, dpi=None)
    key = keys.working(job.user_id, job.image_id, run.files.name, "jpg")
    await run.files.put(key, out, Format.JPG.content_type)
    return key


async def _save_embedding(run: Run, row: EmbeddingRow, conn: Connection) -> None:
    standing = await repository.save_embedding(conn, row)
    if standing.key != row.key:
        run.files.needless(row.key)
    if row.proposal is not None and standing.proposal != row.proposal:
        run.files.needless(row.proposal.mask_key)


async def _save_working(run: Run, key: str, conn: Connection) -> None:
    if await repository.save_working(conn, run.job.image_id, key) != key:
        run.files.needless(key)


def _encode_result(row: EmbeddingRow) -> dict[str, Any]:
    """`result` of encode (DESIGN §9), with keys where the API puts URLs."""
    embedding = {"bytes": row.bytes, "codec": row.codec, "model": row.model, "revision": row.revision}
    return {"embedding": embedding, "auto": row.proposal.to_json() if row.proposal else None}


async def _mask(kit: Kit, run: Run, image: Image, params: ApplyParams) -> SoftMask:
    """The client's mask, or the marks replayed over the proposal or from empty."""
    size = (image.width, image.height)
    if params.mask_key is not None:
        png = await kit.small(params.mask_key)
        return await run.thread("mask", from_png, png, size)
    start = await _proposal(kit, run, image) if params.start == "auto" else None
    row = await kit.embedding(run.job)
    if row is None:
        raise EmbeddingNotFound(f"the image was not encoded with {run.job.model}")
    embedding = unpack(await kit.small(row.key))
    engine = kit.engines(run.job.model)
    return await run.thread("marks", engine.segment, embedding, params.marks, start)


async def _proposal(kit: Kit, run: Run, image: Image) -> SoftMask | None:
    """None: no subject was found. Raises EmbeddingNotFound, ProposalNotFound when none was looked for."""
    row = await kit.embedding(run.job)
    if row is None:
        raise EmbeddingNotFound(f"the image was not encoded with {run.job.model}")
    if not row.proposed:
        raise ProposalNotFound("no subject was looked for: encode with auto, or start from empty")
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
                path, mask, marks, options, out, background=background_path, preview=preview,
            )  # fmt: skip
        key = await _store_result(run, result, out)
    return Outcome(result.as_json(), result_key=key, result_ttl_s=PREVIEW_TTL_S if preview else None)


async def _store_result(run: Run, result: CutoutResult, out: Path) -> str:
    job = run.job
    key = keys.result(job.user_id, job.image_id, run.files.name, result.format)
    with run.step("store"):
        await run.files.put(key, out, result.file.content_type)
    return key
