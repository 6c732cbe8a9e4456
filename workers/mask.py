"""The mask worker: mask → full-resolution cutout; beside it sweeper, sender of webhooks, batches."""

import threading

from app.jobs.admission import Limits
from app.jobs.prices import Prices
from app.matting.warm import warm
from app.net.client import GuardedClient
from app.queue.messages import MASK_QUEUE
from app.settings import Settings
from workers.batches import beginning
from workers.handlers import mask_handlers
from workers.kit import Kit, open_engines
from workers.options import Context, Handlers, WorkerOptions, WorkerSettings
from workers.sweep import sweep
from workers.webhooks import sending


def worker_settings(settings: Settings, options: WorkerOptions) -> WorkerSettings:
    """Decoders are opened when marks are replayed for the first time: most jobs bring their mask."""
    engines = open_engines(settings)

    def handlers(context: Context) -> Handlers:
        return mask_handlers(Kit(context.pool, context.store, engines))

    client = GuardedClient(allow_loopback=settings.embedded)
    limits = Limits(settings.queue_limit, settings.user_queue_limit)
    background = (_warmed, sweep, sending(client), beginning(client, limits, Prices.set_by(settings)))
    return WorkerSettings("mask", MASK_QUEUE, handlers, background=background, options=options)


async def _warmed(_context: Context) -> None:
    """Beside the first jobs, not before them: where numba's cache is empty this takes a minute, and a job
    compiles only what it needs. A daemon, which does not hold up the worker's end."""
    threading.Thread(target=warm, name="warm", daemon=True).start()
