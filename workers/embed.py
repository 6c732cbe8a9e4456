"""The embed worker: image → embedding and proposal, for one model."""

import asyncio
import contextlib
import functools
from dataclasses import replace

import structlog

from app.errors import Unavailable
from app.queue.messages import embed_queue
from app.settings import Settings
from workers.batcher import BatchOptions
from workers.handlers import embed_handlers
from workers.kit import Kit, open_engines
from workers.options import Context, Handlers, WorkerOptions, WorkerSettings

BATCHES_AT_ONCE = 2
"""One in the encoder; the images of the next are being decoded, the embeddings of the last one stored."""
_NOTED_EVERY_S = 5.0

_log = structlog.get_logger()


def worker_settings(settings: Settings, options: WorkerOptions, model: str) -> WorkerSettings:
    """As many jobs at once as the encoder needs to be always busy. Raises ModelFailed."""
    engines = open_engines(settings, warm=model)
    notes, queue = engines(model).notes, embed_queue(model)
    for note in notes:
        _log.warning(note, model=model)
    size = settings.batch_size or engines(model).max_batch
    batches = BatchOptions(size, settings.batch_wait_ms / 1000)

    def handlers(context: Context) -> Handlers:
        return embed_handlers(Kit(context.pool, context.store, engines), batches)

    slots = settings.worker_slots or BATCHES_AT_ONCE * size
    options = replace(options, slots=slots, batch_slots=max(1, slots - size))
    background = (functools.partial(_note, queue, notes),) if notes else ()
    return WorkerSettings("embed", queue, handlers, background, options)


async def _note(queue: str, notes: tuple[str, ...], context: Context) -> None:
    """Until cancelled: say for `/readyz` what runs other than was asked for."""
    while True:
        with contextlib.suppress(Unavailable):
            await context.doorbell.note(queue, notes)
        await asyncio.sleep(_NOTED_EVERY_S)
