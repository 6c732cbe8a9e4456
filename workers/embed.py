"""The embed worker: image → embedding and proposal, for one model."""

from dataclasses import replace

from app.queue.messages import embed_queue
from app.settings import Settings
from workers.batcher import BatchOptions
from workers.handlers import embed_handlers
from workers.kit import Kit, open_engines
from workers.options import Context, Handlers, WorkerOptions, WorkerSettings

BATCHES_AT_ONCE = 2
"""One in the encoder; the images of the next are being decoded, the embeddings of the last one stored."""


def worker_settings(settings: Settings, options: WorkerOptions, model: str) -> WorkerSettings:
    """As many jobs at once as the encoder needs to be always busy. Raises ModelFailed."""
    engines = open_engines(settings, warm=model)
    size = settings.batch_size or engines(model).max_batch
    batches = BatchOptions(size, settings.batch_wait_ms / 1000)

    def handlers(context: Context) -> Handlers:
        return embed_handlers(Kit(context.pool, context.store, engines), batches)

    slots = settings.worker_slots or BATCHES_AT_ONCE * size
    return WorkerSettings("embed", embed_queue(model), handlers, options=replace(options, slots=slots))
