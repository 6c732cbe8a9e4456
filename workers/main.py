"""`cutout worker embed|mask|legacy`: from settings to a running worker."""

import asyncio
from typing import Literal, TypeAlias

from app.commands.models import model_errors
from app.flags.service import EnginePolicy
from app.settings import Settings
from app.storage.open import opened_store
from models.registry import Registry
from workers import embed, legacy, mask
from workers.heap import give_back_planes
from workers.options import WorkerOptions, WorkerSettings
from workers.serve import serve

WorkerKind: TypeAlias = Literal["embed", "mask", "legacy"]


def run_worker(kind: WorkerKind, settings: Settings) -> None:
    """Returns when the worker was asked to end. Raises BadSetting, ModelFailed."""
    give_back_planes()
    services = settings.services()
    worker = _settings(kind, settings)

    async def run() -> None:
        async with opened_store(settings) as store:
            await serve(worker, services.database_url, services.redis_url, store)

    asyncio.run(run())


def _settings(kind: WorkerKind, settings: Settings) -> WorkerSettings:
    options = WorkerOptions(
        slots=settings.worker_slots or 1,
        grace_s=settings.worker_grace_s,
        job_timeout_s=settings.job_timeout_s,
        memory_limit_mb=settings.worker_memory_mb,
        user_cap=settings.user_slots,
        waited_s=settings.worker_waits_s,
        idle_s=settings.worker_idle_s,
        usd_hour=float(settings.worker_usd_hour),
        engines=EnginePolicy.set_by(settings),
    )
    if kind == "mask":
        return mask.worker_settings(settings, options)
    if kind == "legacy":
        return legacy.worker_settings(settings, options)
    with model_errors():
        model = Registry(settings.models_dir).resolve(settings.model)
    return embed.worker_settings(settings, options, model)
