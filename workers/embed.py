"""The embed worker: image → embedding and proposal, for one model."""

from app.queue.messages import embed_queue
from app.settings import Settings
from workers.handlers import embed_handlers
from workers.kit import Kit, open_engines
from workers.options import Context, Handlers, WorkerOptions, WorkerSettings


def worker_settings(settings: Settings, options: WorkerOptions, model: str) -> WorkerSettings:
    """One job at a time: an encode takes every core, or the GPU. Raises ModelFailed."""
    engines = open_engines(settings, warm=model)

    def handlers(context: Context) -> Handlers:
        return embed_handlers(Kit(context.pool, context.store, engines))

    return WorkerSettings("embed", embed_queue(model), handlers, options=options)
