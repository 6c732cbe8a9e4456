"""The mask worker begins the items of batches beside its jobs, and ends batches whose items have ended."""

from app.batches.starter import Starter
from app.flags.service import Flags
from app.images.service import ImageService
from app.jobs.admission import Limits
from app.jobs.prices import Prices
from app.jobs.service import JobService
from app.net.client import GuardedClient
from workers.options import Background, Context


def beginning(client: GuardedClient, limits: Limits, prices: Prices) -> Background:
    """Until cancelled; what was being begun is then put back."""

    async def begin(context: Context) -> None:
        flags = Flags(context.pool, context.options.engines)
        jobs = JobService(context.pool, context.doorbell, context.events, limits, prices, flags=flags)
        images = ImageService(context.pool, context.store, jobs)
        await Starter(context.pool, context.store, client, images, jobs).run()

    return begin
