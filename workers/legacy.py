"""The legacy worker: what ClippingMagic does. It waits more than it works, so it does many jobs at once."""

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from app.credits.types import LEGACY_MICROS
from app.engines.base import CutoutResult
from app.engines.clippingmagic import FINISH, ClippingMagicEngine, watched
from app.engines.clippingmagic_http import ClippingMagicApi
from app.flags.service import Flags
from app.jobs.claims import Outcome
from app.jobs.service import JobService
from app.jobs.types import JobKind, LegacyFetchParams, RemoveParams
from app.legacy.service import AT_ONCE, LegacyService, account_of
from app.matting.options import CutoutOptions
from app.queue.messages import LEGACY_QUEUE
from app.reviews.service import Shadows
from app.settings import BadSetting, Settings
from workers.handlers import store_result
from workers.kit import Kit, open_engines, workplace
from workers.options import Context, Handlers, WorkerOptions, WorkerSettings
from workers.run import Run

Work = Callable[[Path, Path | None, Path], Awaitable[CutoutResult]]
"""From the original, the picture under it and the path of the result."""


@dataclass(frozen=True, slots=True)
class Legacy:
    kit: Kit
    engine: ClippingMagicEngine
    images: LegacyService
    shadows: Shadows
    micros: int
    """What one billed image costs."""


def worker_settings(settings: Settings, options: WorkerOptions) -> WorkerSettings:
    """Raises BadSetting without credentials."""
    account = account_of(settings)
    if account is None:
        raise BadSetting("CLIPPINGMAGIC_API_ID is not set: there is no legacy engine to work with")
    engine = ClippingMagicEngine(ClippingMagicApi(account))
    slots = settings.worker_slots or AT_ONCE

    def handlers(context: Context) -> Handlers:
        kit = Kit(context.pool, context.store, open_engines(settings))
        images = LegacyService(context.pool, engine)
        jobs = JobService(context.pool, context.doorbell, context.events)
        shadows = Shadows(Flags(context.pool, options.engines), jobs)
        micros = 0 if account.test else LEGACY_MICROS
        return legacy_handlers(Legacy(kit, engine, images, shadows, micros))

    return WorkerSettings("legacy", LEGACY_QUEUE, handlers, options=replace(options, slots=slots))


def legacy_handlers(legacy: Legacy) -> Handlers:
    return {
        JobKind.REMOVE: functools.partial(remove, legacy),
        JobKind.LEGACY_FETCH: functools.partial(fetch, legacy),
    }


async def remove(legacy: Legacy, run: Run) -> Outcome:
    """An image there and back, without a human."""
    options = RemoveParams.model_validate(run.job.params).options

    async def work(path: Path, under: Path | None, out: Path) -> CutoutResult:
        try:
            return await run.watched(legacy.engine.remove, path, options, out, background=under)
        finally:
            if FINISH in run.timings:
                run.micros += legacy.micros

    return await _cutout(legacy, run, options, work)


async def fetch(legacy: Legacy, run: Run) -> Outcome:
    """What a person made there, which ClippingMagic bills once for an image."""
    params = LegacyFetchParams.model_validate(run.job.params)
    edited = await legacy.images.get(run.job.user_id, params.legacy_id)
    wait = watched(lambda share, _step: run.progress(share))

    async def work(path: Path, under: Path | None, out: Path) -> CutoutResult:
        made = out.with_name("made")
        await run.thread("fetch", legacy.engine.fetch, edited.id, made, wait)
        run.micros += legacy.micros if await legacy.images.fetched(edited) else 0
        finish = functools.partial(legacy.engine.finish, background=under)
        return await run.thread(FINISH, finish, path, made, params.options, out)

    return await _cutout(legacy, run, params.options, work)


async def _cutout(legacy: Legacy, run: Run, options: CutoutOptions, work: Work) -> Outcome:
    kit, under = legacy.kit, options.background_image
    image = await kit.image(run.job)
    background = None if under is None else await kit.image(run.job, under)
    with workplace() as folder:
        out = folder / "cutout"
        async with kit.files(image, background) as (path, background_path):
            assert path is not None
            result = await work(path, background_path, out)
        key = await store_result(run, result, out)
    sampled = await legacy.shadows.wanted(run.job, options)
    effects = [functools.partial(legacy.shadows.begin, run.job)] if sampled else []
    return Outcome(result.as_json(), result_key=key, effects=effects)
