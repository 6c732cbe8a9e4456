"""The composition root of the HTTP process: which adapter stands behind which interface."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from app.accounts.erasure import Erasure
from app.accounts.issuer import Issuer, supabase
from app.accounts.keyring import Keyring
from app.accounts.limits import MEGAPIXELS, REQUESTS, Policy, RateLimits
from app.accounts.service import AccountService
from app.accounts.sign_in import SignIn
from app.aio import end
from app.api.body import Slots
from app.api.decoding import Decoding
from app.api.issuer import ISSUER_HANDLERS, ISSUER_ROUTES, IssuerLifespan
from app.api.middleware import EmbeddedGuard, RequestContext
from app.api.problems import HANDLERS
from app.api.routes import ROUTES
from app.api.state import Lifespan
from app.batches.service import BatchService
from app.credits.service import Credits
from app.db.pool import Pool, open_pool
from app.engines.clippingmagic import ClippingMagicEngine
from app.engines.clippingmagic_http import ClippingMagicApi
from app.flags.health import HealthLimits
from app.flags.service import EnginePolicy, Flags
from app.flags.watch import HealthWatch
from app.images.service import ImageService
from app.jobs.admin import JobAdmin
from app.jobs.admission import Limits
from app.jobs.events import Events
from app.jobs.gauges import watch
from app.jobs.hub import Hub
from app.jobs.idempotency import IdempotencyKeys
from app.jobs.prices import Prices
from app.jobs.service import JobService
from app.legacy.service import LegacyService, account_of
from app.net.client import GuardedClient
from app.passwords.service import Passwords
from app.passwords.signing import Signer, kept_key
from app.queue.arq_adapter import ArqDoorbell, connect
from app.queue.buckets import RedisBuckets
from app.queue.messages import MASK_QUEUE, embed_queue
from app.queue.pubsub import RedisSubscriber
from app.reviews.service import Reviews
from app.settings import Settings
from app.storage.open import opened_store
from app.uploads.service import UploadService
from app.usage.service import Usage
from app.webhooks.service import WebhookService
from models.errors import ModelMissing
from models.registry import Registry


def create_app(settings: Settings) -> Starlette:
    """The ASGI application. Its lifespan raises BadSetting or DatabaseUnavailable."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Lifespan]:
        async with resources(settings) as state:
            yield state

    guards = [Middleware(EmbeddedGuard)] if settings.embedded else []
    return Starlette(
        routes=ROUTES,
        middleware=[Middleware(RequestContext), *guards],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )


def create_issuer(settings: Settings) -> Starlette:
    """`cutout issuer`. Raises BadSetting, KeyUnusable."""
    signer = Signer(f"{settings.issuer()}/auth/v1", kept_key(settings.data_dir / "issuer" / "key.pem"))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[IssuerLifespan]:
        pool = await open_pool(settings.database(), max_size=settings.db_pool_size)
        try:
            yield IssuerLifespan(passwords=Passwords(pool, signer), signer=signer)
        finally:
            await pool.close()

    # any page may ask, as at Supabase: nothing here acts on a cookie
    headers = ["authorization", "apikey", "content-type"]
    pages = Middleware(CORSMiddleware, allow_origins=["*"], allow_headers=headers, allow_methods=["*"])
    return Starlette(
        routes=ISSUER_ROUTES,
        middleware=[Middleware(RequestContext), pages],
        exception_handlers=ISSUER_HANDLERS,
        lifespan=lifespan,
    )


@asynccontextmanager
async def resources(settings: Settings) -> AsyncIterator[Lifespan]:
    services = settings.services()
    upload_dir = settings.data_dir / "uploads"
    upload_dir.mkdir(parents=True, exist_ok=True)
    models = Registry(settings.models_dir)
    pool = await open_pool(services.database_url, max_size=settings.db_pool_size)
    redis = connect(services.redis_url)
    doorbell = ArqDoorbell(redis)
    client = GuardedClient(allow_loopback=settings.embedded)
    limits = Limits(settings.queue_limit, settings.user_queue_limit)
    prices = Prices.set_by(settings)
    flags = Flags(pool, EnginePolicy.set_by(settings), doorbell)
    jobs = JobService(pool, doorbell, Events(doorbell), limits, prices, flags=flags)
    job_admin = JobAdmin(pool, jobs, Events(doorbell), doorbell)
    health = _health(settings, models, (pool, flags, jobs, doorbell))
    try:
        async with (
            _issuer(settings) as issuer,
            opened_store(settings) as store,
            Hub.running(pool, RedisSubscriber(redis), doorbell) as hub,
            flags.listening(RedisSubscriber(redis)),
            legacy_service(settings, pool) as legacy,
            _gauges(settings, job_admin),
            # where there is nowhere to go nobody looks
            health.running() if settings.legacy else nullcontext(),
        ):
            yield Lifespan(
                settings=settings,
                pool=pool,
                sign_in=SignIn(pool, issuer),
                limits=None if settings.embedded else _limits(settings, redis),
                accounts=AccountService(pool),
                keyring=Keyring(pool),
                credits=Credits(pool),
                erasure=Erasure(pool, store, jobs, RedisBuckets(redis)),
                prices=prices,
                usage=Usage(pool),
                reviews=Reviews(pool),
                flags=flags,
                legacy=legacy,
                doorbell=doorbell,
                store=store,
                models=models,
                images=ImageService(pool, store, jobs),
                jobs=jobs,
                job_admin=job_admin,
                batches=BatchService(pool, jobs),
                idempotency=IdempotencyKeys(pool),
                hub=hub,
                webhooks=WebhookService(pool, client),
                client=client,
                decoding=Decoding(models, store, settings),
                upload_dir=upload_dir,
                uploads=Slots(settings.uploads_at_once),
                direct=UploadService(pool, store),
            )
    finally:
        await doorbell.close()
        await pool.close()


@asynccontextmanager
async def legacy_service(settings: Settings, pool: Pool) -> AsyncIterator[LegacyService | None]:
    account = account_of(settings)
    if account is None:
        yield None
        return
    with ClippingMagicApi(account) as api:
        legacy = LegacyService(pool, ClippingMagicEngine(api))
        try:
            yield legacy
        finally:
            legacy.close()


@asynccontextmanager
async def _gauges(settings: Settings, admin: JobAdmin) -> AsyncIterator[None]:
    if settings.metrics_port is None:
        yield
        return
    watching = asyncio.create_task(watch(admin))
    try:
        yield
    finally:
        await end([watching])


def _health(
    settings: Settings, models: Registry, parts: tuple[Pool, Flags, JobService, ArqDoorbell]
) -> HealthWatch:
    try:
        model = models.resolve(settings.model)
    except ModelMissing:
        model = settings.model  # no job is made without one: there is no queue to watch
    limits = HealthLimits(
        settings.fallback_age_s, settings.fallback_failures, calm_s=settings.fallback_calm_s
    )
    return HealthWatch(*parts, queues=[embed_queue(model), MASK_QUEUE], limits=limits)


def _limits(settings: Settings, redis: Redis) -> RateLimits:
    requests = Policy(REQUESTS, settings.limit_requests, settings.limit_key_requests, 60)
    megapixels = Policy(MEGAPIXELS, settings.limit_megapixels, settings.limit_key_megapixels, 3600)
    return RateLimits(RedisBuckets(redis), requests, megapixels)


def _issuer(settings: Settings) -> AbstractAsyncContextManager[Issuer | None]:
    if settings.supabase_url is None:
        return nullcontext()
    return supabase(settings.supabase_url, settings.supabase_jwt_secret)
