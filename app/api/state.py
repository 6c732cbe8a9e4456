"""What handlers find in `request.state`: made by the lifespan of app.main, the same for every request."""

from pathlib import Path
from typing import NotRequired, TypedDict

from app.accounts.erasure import Erasure
from app.accounts.keyring import Keyring
from app.accounts.limits import RateLimits
from app.accounts.service import AccountService
from app.accounts.sign_in import SignIn
from app.accounts.types import Caller, Left
from app.api.body import Slots
from app.api.decoding import Decoding
from app.batches.service import BatchService
from app.credits.service import Credits
from app.db.pool import Pool
from app.flags.service import Flags
from app.images.service import ImageService
from app.jobs.admin import JobAdmin
from app.jobs.hub import Hub
from app.jobs.idempotency import IdempotencyKeys
from app.jobs.prices import Prices
from app.jobs.service import JobService
from app.legacy.service import LegacyService
from app.net.client import GuardedClient
from app.queue.arq_adapter import ArqDoorbell
from app.reviews.service import Reviews
from app.settings import Settings
from app.storage.base import ObjectStore
from app.uploads.service import UploadService
from app.usage.service import Usage
from app.webhooks.service import WebhookService
from models.registry import Registry


class Lifespan(TypedDict):
    settings: Settings
    pool: Pool
    sign_in: SignIn
    limits: RateLimits | None
    """None: `cutout dev` has one user, who owns the machine."""
    accounts: AccountService
    keyring: Keyring
    credits: Credits
    erasure: Erasure
    prices: Prices
    usage: Usage
    reviews: Reviews
    flags: Flags
    legacy: LegacyService | None
    """None: there is no ClippingMagic."""
    doorbell: ArqDoorbell
    store: ObjectStore
    models: Registry
    images: ImageService
    jobs: JobService
    job_admin: JobAdmin
    batches: BatchService
    idempotency: IdempotencyKeys
    hub: Hub
    webhooks: WebhookService
    client: GuardedClient
    decoding: Decoding
    upload_dir: Path
    uploads: Slots
    direct: UploadService


class State(Lifespan):
    request_id: str
    """Set by RequestContext for this request alone."""
    route: NotRequired[str]
    """The path as in the route table; missing where none matched."""
    caller: NotRequired[Caller]
    """Set by the route table's Guard."""
    left: NotRequired[Left]
    """Of the limit that this request came nearest to."""
