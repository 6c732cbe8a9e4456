"""The embed worker's work: image → embedding, proposal and working image, as files and rows."""

import asyncio
import functools
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import TypeVar, cast

from app.commands.models import ModelFailed, model_errors
from app.db.pool import Connection
from app.engines.base import Encoded, Packed, Prepared
from app.images import repository
from app.images.types import EmbeddingRow, Image, ProposalRow
from app.imaging.encode import encode as write_picture
from app.imaging.types import Format, Picture
from app.jobs.claims import Effect, Outcome
from app.jobs.types import EncodeParams
from app.queue.messages import MASK_QUEUE
from app.storage import keys
from models.errors import DeviceLost
from models.sessions.base import Embedding
from workers.batcher import Batched, Batcher, BatchOptions
from workers.kit import Kit, workplace
from workers.run import Run, WorkerBroken

A = TypeVar("A")
B = TypeVar("B")


class Encoding:
    """Handlers of the embed worker. Jobs that come together meet in the encoder; all else is each its own."""

    def __init__(self, kit: Kit, batches: BatchOptions) -> None:
        self._kit = kit
        self._batches = batches
        self._encoders: dict[str, Batcher[Prepared, Embedding]] = {}

    async def encode(self, run: Run) -> Outcome:
        """An image that is encoded already is not encoded again."""
        row, effects = await self._embedding(run, auto=EncodeParams.model_validate(run.job.params).auto)
        return Outcome(row.as_result(), effects=effects)

    async def begin_remove(self, run: Run) -> Outcome:
        """An embedding with its proposal; the mask worker does the rest."""
        _, effects = await self._embedding(run, auto=True)
        return Outcome(queue=MASK_QUEUE, effects=effects)

    async def _embedding(self, run: Run, *, auto: bool) -> tuple[EmbeddingRow, Sequence[Effect]]:
        """The embedding's row with its files stored, and what is to be written when the job succeeds."""
        job = run.job
        image = await self._kit.image(job)
        revision = self._kit.engines(job.model).revision
        standing = await self._kit.reuse(image, job.model, revision, auto=auto)
        if standing is not None:
            return standing, ()
        engine = self._kit.engines(job.model)
        prepared, packed = await self._packed(run, image)
        with workplace() as folder:
            # side by side: a proposal keeps the cores busy, the store makes wait
            encoded, effects = await _both(
                run.thread("propose", engine.finish, prepared, packed, auto=auto),
                _store(run, image, prepared, packed, folder),
            )
            row = await _store_proposal(run, encoded, folder, auto=auto)
        return row, [functools.partial(_save_embedding, run, row), *effects]

    async def _packed(self, run: Run, image: Image) -> tuple[Prepared, Packed]:
        engine = self._kit.engines(run.job.model)
        async with self._kit.files(image) as (path,):
            assert path is not None
            prepared = await run.thread("decode", engine.prepare, path)
        embedding = await self._embedded(run, prepared)
        return prepared, await run.thread("codec", engine.pack, embedding)

    async def _embedded(self, run: Run, prepared: Prepared) -> Embedding:
        run.check()
        try:
            with model_errors():
                done = await self._encoder(run.job.model).submit(prepared)
        except ModelFailed as error:
            if error.code == DeviceLost.code:
                raise WorkerBroken(error.message) from error
            raise
        _note(run, done)
        return done.value

    def _encoder(self, model: str) -> Batcher[Prepared, Embedding]:
        if model not in self._encoders:
            embed = self._kit.engines(model).embed
            self._encoders[model] = Batcher(embed, self._batches, fatal=(DeviceLost,))
        return self._encoders[model]


def _note(run: Run, done: Batched[Embedding]) -> None:
    job = run.job
    if job.started_at is not None:
        run.timings["queue_wait"] = (job.started_at - job.created_at).total_seconds()
    run.timings["batch_wait"] = done.waited_s
    run.timings["batch_size"] = done.size
    run.timings["encode"] = done.worked_s


async def _both(one: Awaitable[A], other: Awaitable[B]) -> tuple[A, B]:
    """Neither is left behind: the files of a run that fails are removed when it has ended."""
    first, second = await asyncio.gather(one, other, return_exceptions=True)
    for ended in (first, second):
        if isinstance(ended, BaseException):
            raise ended
    return cast(A, first), cast(B, second)


async def _store(run: Run, image: Image, prepared: Prepared, packed: Packed, folder: Path) -> list[Effect]:
    """The embedding and the working image, where there is none yet."""
    with run.step("store"):
        file = folder / "embedding"
        await asyncio.to_thread(file.write_bytes, packed.file)
        await run.files.put(_embedding_key(run), file, "application/octet-stream")
    if image.working_key is not None:
        return []
    return [functools.partial(_save_working, run, await _store_working(run, prepared, folder))]


def _embedding_key(run: Run) -> str:
    job = run.job
    return keys.embedding(job.user_id, job.image_id, job.model, run.files.name)


async def _store_working(run: Run, prepared: Prepared, folder: Path) -> str:
    """The working image for the editor: JPEG, for the eye; the encoder saw the pixels themselves."""
    job, out = run.job, folder / "working.jpg"
    await run.thread("working", write_picture, Picture(prepared.working), out, Format.JPG, dpi=None)
    key = keys.working(job.user_id, job.image_id, run.files.name, "jpg")
    with run.step("store"):
        await run.files.put(key, out, Format.JPG.content_type)
    return key


async def _store_proposal(run: Run, encoded: Encoded, folder: Path, *, auto: bool) -> EmbeddingRow:
    job, found, packed = run.job, encoded.proposal, encoded.packed
    proposal = None
    if found is not None and encoded.mask is not None:
        key, mask = keys.auto_mask(job.user_id, job.image_id, job.model, run.files.name), folder / "mask.png"
        with run.step("store"):
            mask.write_bytes(encoded.mask)
            await run.files.put(key, mask, "image/png")
        proposal = ProposalRow(key, found.score, found.box, found.points)
    return EmbeddingRow(
        image_id=job.image_id,
        model=job.model,
        revision=encoded.embedding.revision,
        codec=packed.codec,
        key=_embedding_key(run),
        bytes=len(packed.sent),
        proposed=auto,
        proposal=proposal,
    )


async def _save_embedding(run: Run, row: EmbeddingRow, conn: Connection) -> None:
    standing = await repository.save_embedding(conn, row)
    if standing.key != row.key:
        run.files.needless(row.key)
    if row.proposal is not None and standing.proposal != row.proposal:
        run.files.needless(row.proposal.mask_key)


async def _save_working(run: Run, key: str, conn: Connection) -> None:
    if await repository.save_working(conn, run.job.image_id, key) != key:
        run.files.needless(key)
