"""Every call of the API, by method and path: what it takes, gives and may refuse. A test keeps it whole."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from app.accounts.errors import (
    KeyNotFound,
    LocalUserStays,
    NotSignedIn,
    RoleMissing,
    SignInUnavailable,
    TooManyKeys,
    UserNotFound,
)
from app.api import account, admin, batches, defaults, flags, keys, legacy, params, webhooks
from app.api import documents as d
from app.api.admin_page.handlers import CsvQuery
from app.api.errors import BadEventId, ModelNotServed, NoResult, NotFinished
from app.api.models import FileNotServed
from app.api.openapi.operation import Error, Events, File, Operation, Refusal
from app.api.problems import MODEL_STATUS
from app.api.removebg.errors import MissingSource, Overdue
from app.api.removebg.params import RemovebgRequest
from app.batches import errors as batch_errors
from app.credits.errors import NoCredits
from app.db.page import BadCursor
from app.engines.errors import LegacyBusy, LegacyDenied, LegacyImageRefused, LegacyUnavailable, LegacyUnpaid
from app.flags.errors import BudgetSpent, FlagInvalid
from app.images.errors import CropInvalid, CropOfCrop, EmbeddingNotFound, ImageNotFound, TooManyCrops
from app.imaging import errors as imaging
from app.jobs.errors import (
    JobEnded,
    JobNotFound,
    KeyInFlight,
    KeyReused,
    QueueFull,
    TooManyJobs,
    TooManyListeners,
)
from app.legacy.errors import LegacyImageNotFound, LegacyNotConfigured
from app.net import errors as net
from app.segmentation.errors import MarkOutsideImage, MaskAspect, MaskUnreadable
from app.storage.errors import StorageUnavailable
from app.uploads.errors import TooManyOpenUploads, UploadIncomplete, UploadNotFound, UploadTaken
from app.webhooks.errors import DeliveryNotFound, TooManyWebhooks, WebhookDisabled, WebhookNotFound
from app.webhooks.types import EndpointChange

OK, CREATED, ACCEPTED, EMPTY = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT

DECODING: Final[tuple[Error, ...]] = (
    imaging.UnsupportedType,
    imaging.Truncated,
    imaging.Damaged,
    imaging.DecodeLimit,
    imaging.DecoderCrashed,
)
"""What can be wrong with pixels of which the header looked well."""
IMAGE: Final[tuple[Error, ...]] = (
    imaging.EmptyFile,
    imaging.NotAnImage,
    imaging.TooLargeBytes,
    imaging.TooManyPixels,
    imaging.Animated,
    *DECODING,
    net.UrlRefused,
    net.UrlUnreachable,
    net.UrlTimeout,
    net.UrlTooLarge,
    net.UrlAnswerUnusable,
    StorageUnavailable,
    UploadNotFound,
    UploadIncomplete,
)
"""What can be wrong with a file, an upload, or with a URL."""
LEGACY: Final[tuple[Error, ...]] = (
    LegacyImageRefused,
    LegacyBusy,
    LegacyUnavailable,
    LegacyUnpaid,
    LegacyDenied,
    StorageUnavailable,
)
"""What ClippingMagic may answer."""
KEY: Final = (KeyReused, KeyInFlight)
"""What an Idempotency-Key may be."""
MODEL: Final = tuple(Refusal(status, code) for code, status in MODEL_STATUS.items())
JOB: Final[tuple[Error, ...]] = (
    NoCredits,
    ImageNotFound,
    ModelNotServed,
    *MODEL,
    QueueFull,
    TooManyJobs,
    net.UrlRefused,
    *KEY,
)
"""What can keep a job from being made."""
MASK: Final = (MarkOutsideImage, MaskUnreadable, MaskAspect)
"""What can be wrong with marks and masks."""
BATCH: Final = (batch_errors.BatchNotFound,)
ITEMS: Final = (
    batch_errors.BatchEmpty,
    batch_errors.TooManyItems,
    batch_errors.ZipDamaged,
    batch_errors.ZipEncrypted,
    batch_errors.ZipTooManyEntries,
    batch_errors.ZipBomb,
    batch_errors.ZipMethodUnknown,
    imaging.TooLargeBytes,
    StorageUnavailable,
    *KEY,
)
"""What can be wrong with the images of a batch."""


def _created(body: Any, errors: tuple[Error, ...], *parts: str, **more: Any) -> Operation:
    """A call that makes a job."""
    answers = {ACCEPTED: d.JobDocument, OK: d.JobDocument}
    return Operation(
        body=body, parts=parts, answers=answers, errors=(*JOB, *errors), idempotent=True, waits=True, **more
    )


def _batch(*errors: Error) -> Operation:
    return Operation(answers={OK: d.BatchDocument}, errors=(*BATCH, batch_errors.BatchEnded, *errors))


def _file(media_type: str, query: Any, *errors: Error) -> Operation:
    """Bytes that derive from an image."""
    answers = {OK: File(media_type, ranges=True)}
    return Operation(query=query, answers=answers, errors=(ImageNotFound, StorageUnavailable, *errors))


_GRANTS = {"credits": 10, "note": "to begin with"}
_ENCODE = {"a URL": {"image_url": "https://example.com/cup.jpg"}}
_APPLY = {
    "marks": {
        "image_id": "01a20497-a210-7163-9cb3-ed6f3b84bd4a",
        "marks": [{"kind": "point", "label": "keep", "points": [[420.5, 310]]}],
        "options": {"trim": True, "margin": "5%", "background": "#ffffff"},
    }
}

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/healthz"): Operation(answers={OK: d.HealthDocument}),
    ("GET", "/readyz"): Operation(answers={OK: d.ReadyDocument, 503: d.ReadyDocument}),
    ("GET", "/api/session"): Operation(answers={OK: d.WaysInDocument}),
    ("POST", "/api/session"): Operation(answers={EMPTY: None}, errors=(NotSignedIn, SignInUnavailable)),
    ("DELETE", "/api/session"): Operation(answers={EMPTY: None}),
    ("GET", "/api/keys"): Operation(
        query=params.ListQuery, answers={OK: d.PageDocument[d.KeyDocument]}, errors=(BadCursor,)
    ),
    ("POST", "/api/keys"): Operation(
        body=keys.NewKey, answers={CREATED: d.NewKeyDocument}, errors=(TooManyKeys,)
    ),
    ("DELETE", "/api/keys/{key_id:uuid}"): Operation(answers={EMPTY: None}, errors=(KeyNotFound,)),
    ("GET", "/api/account"): Operation(answers={OK: d.AccountDocument}),
    ("PATCH", "/api/account"): Operation(body=account.AccountChange, answers={OK: d.UserDocument}),
    ("DELETE", "/api/account"): Operation(
        query=account.Confirmed, answers={OK: dict[str, Any]}, errors=(LocalUserStays, StorageUnavailable)
    ),
    ("GET", "/api/account/settings"): Operation(answers={OK: d.DefaultsDocument}),
    ("PUT", "/api/account/settings"): Operation(
        body=defaults.DefaultsChange, answers={OK: d.DefaultsDocument}, errors=MODEL
    ),
    ("GET", "/api/account/export.zip"): Operation(answers={OK: File("application/zip")}),
    ("GET", "/api/account/usage"): Operation(query=account.UsageQuery, answers={OK: d.UsageDocument}),
    ("GET", "/api/account/statement.csv"): Operation(answers={OK: File("text/csv")}),
    ("POST", "/api/admin/users/{user_id:uuid}/credits"): Operation(
        body=admin.Grant,
        answers={CREATED: d.GrantDocument},
        errors=(RoleMissing, UserNotFound, NoCredits, KeyReused, KeyInFlight),
        idempotent=True,
        examples={"ten": _GRANTS},
    ),
    ("DELETE", "/api/admin/users/{user_id:uuid}"): Operation(
        answers={OK: dict[str, Any]},
        errors=(RoleMissing, UserNotFound, LocalUserStays, StorageUnavailable),
    ),
    ("GET", "/api/admin/audit"): Operation(
        query=params.ListQuery, answers={OK: d.PageDocument[d.DeedDocument]}, errors=(RoleMissing, BadCursor)
    ),
    ("GET", "/api/admin/usage.csv"): Operation(
        query=CsvQuery, answers={OK: File("text/csv")}, errors=(RoleMissing,)
    ),
    ("GET", "/api/admin/flags/sam2_editor"): Operation(answers={OK: dict[str, Any]}, errors=(RoleMissing,)),
    ("PATCH", "/api/admin/flags/sam2_editor"): Operation(
        body=flags.RulesChange, answers={OK: dict[str, Any]}, errors=(RoleMissing, FlagInvalid)
    ),
    ("PUT", "/api/admin/flags/sam2_editor/overrides/{user_id:uuid}"): Operation(
        body=flags.Override, answers={EMPTY: None}, errors=(RoleMissing, UserNotFound)
    ),
    ("DELETE", "/api/admin/flags/sam2_editor/overrides/{user_id:uuid}"): Operation(
        answers={EMPTY: None}, errors=(RoleMissing, UserNotFound)
    ),
    ("GET", "/api/editor"): Operation(answers={OK: d.DecisionDocument}),
    ("POST", "/v1.0/removebg"): Operation(
        body=RemovebgRequest,
        parts=("image_file", "bg_image_file", "image_file_b64"),
        urlencoded=True,
        answers={OK: (File("image/*"), d.RemovebgResult)},
        errors=(*IMAGE, NoCredits, ModelNotServed, *MODEL, QueueFull, TooManyJobs, Overdue, MissingSource),
    ),
    ("GET", "/v1.0/account"): Operation(answers={OK: d.RemovebgAccount}),
    ("POST", "/api/clippingmagic/upload"): Operation(
        body=legacy.SendRequest,
        parts=("image",),
        answers={CREATED: d.LegacyDocument},
        errors=(
            *IMAGE,
            LegacyNotConfigured,
            NoCredits,
            BudgetSpent,
            ImageNotFound,
            *LEGACY,
            *KEY,
        ),
        idempotent=True,
    ),
    ("POST", "/api/clippingmagic/fetch/{legacy_id:int}"): _created(
        legacy.FetchRequest, (LegacyNotConfigured, LegacyImageNotFound)
    ),
    ("POST", "/api/segment/encode"): _created(params.EncodeRequest, IMAGE, "image", examples=_ENCODE),
    ("POST", "/api/segment/remove"): _created(params.RemoveRequest, IMAGE, "image"),
    ("POST", "/api/segment/apply-mask"): _created(
        params.ApplyRequest,
        (EmbeddingNotFound, *MASK, CropInvalid, StorageUnavailable),
        "mask",
        examples=_APPLY,
    ),
    ("POST", "/api/segment/decode"): Operation(
        body=params.DecodeRequest,
        parts=("mask",),
        answers={OK: File("image/png")},
        errors=(ImageNotFound, EmbeddingNotFound, *MASK, StorageUnavailable, *MODEL),
    ),
    ("GET", "/api/batches"): Operation(
        query=params.ListQuery, answers={OK: d.PageDocument[d.BatchDocument]}, errors=(BadCursor,)
    ),
    ("POST", "/api/batches"): Operation(
        body=batches.BatchRequest,
        parts=("image", "zip"),
        answers={CREATED: d.BatchDocument},
        errors=(*ITEMS, ModelNotServed, *MODEL, net.UrlRefused),
        idempotent=True,
    ),
    ("GET", "/api/batches/{batch_id:uuid}"): Operation(answers={OK: d.BatchDocument}, errors=BATCH),
    ("GET", "/api/batches/{batch_id:uuid}/items"): Operation(
        query=batches.ItemsQuery, answers={OK: d.PageDocument[d.ItemDocument]}, errors=(*BATCH, BadCursor)
    ),
    ("POST", "/api/batches/{batch_id:uuid}/items"): Operation(
        body=batches.ItemsRequest,
        parts=("image", "zip"),
        answers={OK: d.BatchDocument},
        errors=(*BATCH, *ITEMS, batch_errors.BatchClosed, batch_errors.BatchEnded),
        idempotent=True,
    ),
    ("POST", "/api/batches/{batch_id:uuid}/items/{item_id:uuid}/review"): Operation(
        body=batches.Review,
        answers={OK: d.ItemDocument},
        errors=(*BATCH, batch_errors.ItemNotFound, JobNotFound, batch_errors.FixUnusable),
    ),
    ("POST", "/api/batches/{batch_id:uuid}/close"): _batch(batch_errors.BatchClosed, batch_errors.BatchEmpty),
    ("POST", "/api/batches/{batch_id:uuid}/pause"): _batch(),
    ("POST", "/api/batches/{batch_id:uuid}/resume"): _batch(),
    ("POST", "/api/batches/{batch_id:uuid}/cancel"): _batch(),
    ("POST", "/api/batches/{batch_id:uuid}/retry"): _batch(batch_errors.NothingToRetry),
    ("GET", "/api/batches/{batch_id:uuid}/result.zip"): Operation(
        query=batches.ResultQuery,
        answers={OK: File("application/zip")},
        errors=(*BATCH, batch_errors.BatchNotFinished),
    ),
    ("GET", "/api/batches/{batch_id:uuid}/report.csv"): Operation(
        answers={OK: File("text/csv")}, errors=BATCH
    ),
    ("GET", "/api/jobs"): Operation(
        query=params.JobsQuery, answers={OK: d.PageDocument[d.JobDocument]}, errors=(BadCursor,)
    ),
    ("GET", "/api/jobs/{job_id:uuid}"): Operation(
        query=params.JobQuery, answers={OK: d.JobDocument}, errors=(JobNotFound, TooManyListeners)
    ),
    ("POST", "/api/jobs/{job_id:uuid}/cancel"): Operation(
        answers={OK: d.JobDocument}, errors=(JobNotFound, JobEnded)
    ),
    ("GET", "/api/jobs/{job_id:uuid}/result"): Operation(
        answers={OK: File("image/*", ranges=True)},
        errors=(JobNotFound, NoResult, NotFinished, ImageNotFound, StorageUnavailable),
    ),
    ("GET", "/api/jobs/{job_id:uuid}/events"): Operation(
        query=params.EventsQuery,
        answers={OK: Events(d.JobDocument), EMPTY: None},
        errors=(JobNotFound, BadEventId, TooManyListeners),
    ),
    ("GET", "/api/events"): Operation(
        query=params.EventsQuery,
        answers={OK: Events(d.JobDocument)},
        errors=(BadEventId, TooManyListeners),
    ),
    ("POST", "/api/uploads"): Operation(
        body=params.UploadRequest,
        answers={CREATED: d.UploadDocument},
        errors=(TooManyOpenUploads, StorageUnavailable),
    ),
    ("PUT", "/api/uploads/{upload_id:uuid}/file"): Operation(
        query=params.TokenQuery,
        binary="application/octet-stream",
        answers={EMPTY: None},
        errors=(UploadNotFound, UploadTaken, imaging.TooLargeBytes, imaging.EmptyFile, StorageUnavailable),
    ),
    ("GET", "/api/images"): Operation(
        query=params.ListQuery, answers={OK: d.PageDocument[d.ImageDocument]}, errors=(BadCursor,)
    ),
    ("POST", "/api/images"): Operation(
        body=params.StoreRequest, parts=("image",), answers={CREATED: d.ImageDocument}, errors=IMAGE
    ),
    ("GET", "/api/images/{image_id:uuid}"): Operation(answers={OK: d.ImageDocument}, errors=(ImageNotFound,)),
    ("DELETE", "/api/images/{image_id:uuid}"): Operation(answers={EMPTY: None}, errors=(ImageNotFound,)),
    ("POST", "/api/images/{image_id:uuid}/crops"): Operation(
        body=params.CropRequest,
        answers={CREATED: d.ImageDocument, OK: d.ImageDocument},
        errors=(ImageNotFound, CropInvalid, CropOfCrop, TooManyCrops, *DECODING, StorageUnavailable),
        examples={"a part": {"box": [1200, 300, 1500, 560]}},
    ),
    ("GET", "/api/images/{image_id:uuid}/working"): _file("image/jpeg", params.NoParams),
    ("GET", "/api/images/{image_id:uuid}/embedding"): _file(
        "application/octet-stream", params.EmbeddingQuery, EmbeddingNotFound, *MODEL
    ),
    ("GET", "/api/images/{image_id:uuid}/auto-mask"): _file(
        "image/png", params.ModelQuery, EmbeddingNotFound, *MODEL
    ),
    ("GET", "/api/webhooks"): Operation(answers={OK: d.EndpointsDocument}),
    ("POST", "/api/webhooks"): Operation(
        body=webhooks.NewEndpoint,
        answers={CREATED: d.NewEndpointDocument},
        errors=(net.UrlRefused, TooManyWebhooks),
    ),
    ("POST", "/api/webhooks/rotate-secret"): Operation(answers={OK: d.SecretDocument}),
    ("GET", "/api/webhooks/deliveries"): Operation(
        query=webhooks.DeliveriesQuery,
        answers={OK: d.PageDocument[d.DeliveryDocument]},
        errors=(BadCursor, WebhookNotFound),
    ),
    ("GET", "/api/webhooks/deliveries/{delivery_id:uuid}"): Operation(
        answers={OK: d.DeliveryDetails}, errors=(DeliveryNotFound,)
    ),
    ("POST", "/api/webhooks/deliveries/{delivery_id:uuid}/redeliver"): Operation(
        answers={ACCEPTED: d.DeliveryDocument}, errors=(DeliveryNotFound, WebhookDisabled)
    ),
    ("GET", "/api/webhooks/{endpoint_id:uuid}"): Operation(
        answers={OK: d.EndpointDocument}, errors=(WebhookNotFound,)
    ),
    ("PATCH", "/api/webhooks/{endpoint_id:uuid}"): Operation(
        body=EndpointChange, answers={OK: d.EndpointDocument}, errors=(WebhookNotFound, net.UrlRefused)
    ),
    ("DELETE", "/api/webhooks/{endpoint_id:uuid}"): Operation(
        answers={EMPTY: None}, errors=(WebhookNotFound,)
    ),
    ("POST", "/api/webhooks/{endpoint_id:uuid}/rotate-secret"): Operation(
        answers={OK: d.SecretDocument}, errors=(WebhookNotFound,)
    ),
    ("POST", "/api/webhooks/{endpoint_id:uuid}/test"): Operation(
        answers={ACCEPTED: d.DeliveryDocument}, errors=(WebhookNotFound, WebhookDisabled)
    ),
    ("GET", "/models/manifest.json"): Operation(
        query=params.ModelQuery, answers={OK: dict[str, Any]}, errors=MODEL
    ),
    ("GET", "/models/files/{sha256}"): Operation(
        answers={OK: File("application/octet-stream", ranges=True)}, errors=(FileNotServed,)
    ),
}
