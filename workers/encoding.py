"""The embed worker's work: image → embedding, proposal and working image, as files and rows."""

import functools
from collections.abc import Sequence
from pathlib import Path

from app.commands.models import ModelFailed, model_errors
from app.db.pool import Connection
from app.engines.base import Encoded, Prepared
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
        encoded = await self._encoded(run, image, auto=auto)
        with workplace() as folder:
            row = await _store(run, encoded, folder, auto=auto)
            effects: list[Effect] = [functools.partial(_save_embedding, run, row)]
            if image.working_key is None:
                working = await _store_working(run, encoded, folder)
                effects.append(functools.partial(_save_working, run, working))
        return row, effects

    async def _encoded(self, run: Run, image: Image, *, auto: bool) -> Encoded:
        engine = self._kit.engines(run.job.model)
        async with self._kit.files(image) as (path,):
            assert path is not None
            prepared = await run.thread("decode", engine.prepare, path)
        embedding = await self._embedded(run, prepared)
        packed = await run.thread("codec", engine.pack, embedding)
        return await run.thread("propose", engine.finish, prepared, packed, auto=auto)

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


async def _store(run: Run, encoded: Encoded, folder: Path, *, auto: bool) -> EmbeddingRow:
    job, found, packed = run.job, encoded.proposal, folder / "embedding"
    with run.step("store"):
        packed.write_bytes(encoded.packed.file)
        key = keys.embedding(job.user_id, job.image_id, job.model, run.files.name)
        await run.files.put(key, packed, "application/octet-stream")
        proposal = None
        if found is not None and encoded.mask is not None:
            mask_key = keys.auto_mask(job.user_id, job.image_id, job.model, run.files.name)
            mask = folder / "mask.png"
            mask.write_bytes(encoded.mask)
            await run.files.put(mask_key, mask, "image/png")
            proposal = ProposalRow(mask_key, found.score, found.box, found.points)
    revision, sent = encoded.embedding.revision, encoded.packed.sent
    return EmbeddingRow(
        job.image_id, job.model, revision, encoded.packed.codec, key, len(sent), auto, proposal
    )


async def _store_working(run: Run, encoded: Encoded, folder: Path) -> str:
    """The working image for the editor: JPEG, for the eye; the encoder saw the pixels themselves."""
    job, out = run.job, folder / "working.jpg"
    await run.thread("working", write_picture, Picture(encoded.working), out, Format.JPG, dpi=None)
    key = keys.working(job.user_id, job.image_id, run.files.name, "jpg")
    with run.step("store"):
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
