"""The shapes of answers: what renders them is annotated with them, and OpenAPI is made of them."""

from typing import Annotated, Any, Generic, NotRequired, TypeVar

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

from app.accounts.types import Role, Scope
from app.batches.types import BatchStatus
from app.credits.types import Plan
from app.engines.names import EngineName
from app.jobs.types import JobKind, JobStatus
from app.webhooks.types import DeliveryState, DisabledReason, WebhookEvent

T = TypeVar("T")

Id = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339 in UTC."""
Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
Path = Annotated[str, WithJsonSchema({"type": "string", "format": "uri-reference"})]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the oriented image."""
WholeBox = tuple[int, int, int, int]
"""As Box, in whole pixels."""


class PageDocument(TypedDict, Generic[T]):
    items: list[T]
    next_cursor: str | None
    """For the next page; null: this is the last."""


class ProblemDocument(TypedDict):
    """RFC 9457, as application/problem+json. Some codes have members of their own beside these."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    """Stable; docs/errors.md has them all."""
    request_id: str


class ImageUrls(TypedDict):
    self: Path
    working: Path
    embedding: Path
    auto_mask: Path


class ImageDocument(TypedDict):
    """What was uploaded; `width` and `height` after its orientation was applied."""

    id: Id
    width: int
    height: int
    format: str
    bytes: int
    sha256: Sha256
    filename: str | None
    created_at: Time | None
    expires_at: Time | None
    crop_of: Id | None
    """The image that this is a part of; null: it was uploaded."""
    box: WholeBox | None
    """Which part of that image."""
    urls: ImageUrls


class JobImage(TypedDict):
    id: Id
    width: int | None
    """null once the image is deleted."""
    height: int | None


class JobUrls(TypedDict):
    self: Path
    events: Path
    ws: Path
    cancel: Path
    result: Path


class JobDocument(TypedDict):
    id: Id
    kind: JobKind
    batch_id: Id | None
    status: JobStatus
    engine: Annotated[str, WithJsonSchema({"type": "string", "enum": list(EngineName)})]
    engine_reason: str | None
    model: str
    image: JobImage
    progress: float
    """0 to 1."""
    queue_position: int | None
    """1: next; null where it does not wait, or in a list."""
    starting: bool | None
    """It waits, and no worker is alive that could take it: one has to start. null as above."""
    attempt: int
    """Errors that passed, so far."""
    credits: float
    cost_usd: float
    timings: dict[str, float]
    """Seconds by step."""
    created_at: Time | None
    started_at: Time | None
    finished_at: Time | None
    urls: JobUrls
    result: dict[str, Any] | None
    """Once it has succeeded. Of encode: `embedding{url, bytes, codec, model, revision}` and `auto{mask_url,
    score, box, points}` or null; of apply_mask and remove: `url, width, height, format, bytes, sha256,
    trim_box, content_box, dpi, matting, notes`."""
    error: dict[str, Any] | None
    """`code`, `message` and more of what ended it."""


class BatchUrls(TypedDict):
    self: Path
    items: Path
    close: Path
    pause: Path
    resume: Path
    cancel: Path
    retry: Path
    result: Path
    report: Path
    review: Path
    """A page, for people."""


class BatchDocument(TypedDict):
    id: Id
    name: str
    status: BatchStatus
    model: str
    options: dict[str, Any]
    """As `options` of a request, every one of them."""
    counts: dict[str, int]
    """Items by state, and their total."""
    created_at: Time | None
    closed_at: Time | None
    finished_at: Time | None
    urls: BatchUrls


class ItemUrls(TypedDict):
    review: Path
    job: Path | None
    result: Path | None


class ItemDocument(TypedDict):
    id: Id
    name: str
    state: JobStatus
    error: dict[str, Any] | None
    confidence: float | None
    """Of its cutout, 0 to 1."""
    image: JobImage | None
    job_id: Id | None
    credits: float
    reviewed_at: Time | None
    urls: ItemUrls


class EndpointUrls(TypedDict):
    self: Path
    rotate_secret: Path
    test: Path
    deliveries: Path


class EndpointDocument(TypedDict):
    id: Id
    url: str
    events: list[WebhookEvent]
    """Empty: all of them."""
    description: str
    enabled: bool
    disabled_at: Time | None
    disabled_reason: DisabledReason | None
    failing_since: Time | None
    created_at: Time | None
    urls: EndpointUrls


class NewEndpointDocument(EndpointDocument):
    secret: str
    """Signs what is sent; shown this once."""


class EndpointsDocument(TypedDict):
    items: list[EndpointDocument]


class SecretDocument(TypedDict):
    secret: str


class DeliveryUrls(TypedDict):
    self: Path
    redeliver: Path


class DeliveryDocument(TypedDict):
    id: Id
    endpoint_id: Id | None
    """null: the `webhook_url` of one job."""
    job_id: Id | None
    batch_id: Id | None
    event: str
    url: str
    state: DeliveryState
    attempt_count: int
    next_at: Time | None
    created_at: Time | None
    delivered_at: Time | None
    urls: DeliveryUrls


class AttemptDocument(TypedDict):
    number: int
    status: int | None
    """null: no answer came."""
    ms: int
    error: str | None
    started_at: Time | None


class DeliveryDetails(DeliveryDocument):
    payload: str
    attempts: list[AttemptDocument]


class KeyUrls(TypedDict):
    self: Path


class KeyDocument(TypedDict):
    id: Id
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: Time | None
    expires_at: Time | None
    last_used_at: Time | None
    revoked_at: Time | None
    urls: KeyUrls


class NewKeyDocument(KeyDocument):
    key: str
    """Shown this once."""


class HealthDocument(TypedDict):
    status: str


class ReadyDocument(TypedDict):
    status: str
    model: str | None
    checks: dict[str, str]
    notes: NotRequired[list[str]]
    """What runs other than was asked for."""


class UserDocument(TypedDict):
    id: Id
    email: str | None
    role: Role
    retention_days: int | None
    created_at: Time | None


class CreditsDocument(TypedDict):
    available: float | None
    """null: counted, never refused."""
    granted: float
    held: float
    spent: float


class BalanceDocument(TypedDict):
    plan: Plan
    credits: CreditsDocument


class AccountDocument(UserDocument, BalanceDocument):
    prices: dict[str, float]


class EntryDocument(TypedDict):
    entry_id: Id
    granted: float
    note: str | None
    created_at: Time | None


class GrantDocument(BalanceDocument, EntryDocument):
    """The entry, and what there is now."""


class SumsDocument(TypedDict):
    cutouts: int
    jobs: int
    failed: int
    worker_seconds: float
    bytes_stored: int
    bytes_served: int
    credits: float
    cost_usd: float
    saved_usd: float
    """Against ClippingMagic's price."""


class DayDocument(SumsDocument):
    day: Day
    engine: str


class MonthDocument(SumsDocument):
    month: str
    """As `2026-11`."""
    engine: str


class UsageDocument(TypedDict):
    days: list[DayDocument]
    total: SumsDocument
    months: list[MonthDocument]
    """As they were rolled up last."""


class DeedDocument(TypedDict):
    id: Id
    actor: str
    action: str
    subject: Id | None
    details: dict[str, Any]
    created_at: Time | None


class UploadDocument(TypedDict):
    """Send the bytes with `method` and `headers`, without credentials, to `url`; then name `upload_id`."""

    upload_id: Id
    url: Path
    method: str
    headers: dict[str, str]
    expires_at: Time | None


class DecisionDocument(TypedDict):
    engine: EngineName
    reason: str
    flag_version: int


class LegacyDocument(TypedDict):
    image: ImageDocument
    clippingmagic: dict[str, Any]
    """What ClippingMagic's script takes."""
    reason: str
    fetch_url: Path


class RemovebgError(TypedDict):
    title: str
    code: str
    detail: str


class RemovebgErrors(TypedDict):
    """As remove.bg tells errors."""

    errors: list[RemovebgError]


class RemovebgAccount(TypedDict):
    data: dict[str, Any]


class RemovebgResult(TypedDict):
    data: dict[str, Any]
    """`result_b64` and the foreground's box."""


class IssuerDocument(TypedDict):
    url: str
    key: str | None


class WaysInDocument(TypedDict):
    needed: bool
    issuer: IssuerDocument | None
    """null: only API keys are good."""


class DefaultsDocument(TypedDict):
    model: str
    options: dict[str, Any]
    changed_at: Time | None
    models: list[str]
    """Those that may be chosen."""
