"""Requests as typed values; every parameter that is not known is refused by name."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request

from app.api.body import incoming
from app.api.errors import (
    BadParameter,
    BodyTooLarge,
    MalformedBody,
    RepeatedParameter,
    UnknownParameter,
    UnsupportedBody,
)
from app.api.state import State
from app.api.uploads import MAX_FIELD_BYTES, FileLimit, Upload, received
from app.db.page import MAX_LIMIT
from app.images.types import MAX_CROPS
from app.imaging.types import Box
from app.jobs.types import JobKind, JobStatus
from app.matting.options import CutoutOptions
from app.segmentation.marks import Marks
from app.webhooks.types import WebhookEvent

MAX_WAIT_S = 60
JSON_FIELDS = ("marks", "crops", "options", "webhook_events", "urls")
"""Form fields whose text is JSON."""

P = TypeVar("P", bound=BaseModel)


class Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JobRequest(Params):
    model: str = "auto"
    webhook_url: str | None = None
    """Told when the job ends, beside the account's endpoints."""
    webhook_events: tuple[WebhookEvent, ...] = ()
    """Empty: all of them."""


class UploadRequest(Params):
    filename: str | None = Field(None, max_length=255, pattern=r"^[^\x00-\x1f]*$")


class TokenQuery(Params):
    token: str = Field(max_length=100)


class StoreRequest(Params):
    """One of the two, or a file."""

    image_url: str | None = None
    upload_id: UUID | None = None
    """Of `POST /api/uploads`; once an image was made of it, it names that image until it expires."""


class CropRequest(Params):
    box: Box
    """x0, y0, x1, y1: the part, in whole pixels of the oriented image."""


class SourceRequest(StoreRequest):
    """One of the three, or a file."""

    image_id: UUID | None = None


class ImageRequest(SourceRequest, JobRequest):
    pass


class EncodeRequest(ImageRequest):
    auto: bool = True


class RemoveRequest(ImageRequest):
    options: CutoutOptions = CutoutOptions()


class MarksRequest(Params):
    image_id: UUID
    model: str = "auto"
    marks: Marks = ()
    start: Literal["auto", "empty"] = "auto"


class DecodeRequest(MarksRequest):
    refine: bool = False
    """Make what the marks are drawn over finer first: for a crop, which shows the decoder more."""


class ApplyRequest(MarksRequest, JobRequest):
    crops: tuple[Box, ...] = Field(default=(), max_length=MAX_CROPS)
    """Beside a `mask`: where it was decoded from a crop, and is finer; later ones over earlier ones."""
    options: CutoutOptions = CutoutOptions()
    preview: bool = False


class NoParams(Params):
    pass


class ListQuery(Params):
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=MAX_LIMIT)


class JobsQuery(ListQuery):
    status: JobStatus | None = None
    kind: JobKind | None = None
    image_id: UUID | None = None


class JobQuery(Params):
    wait: float = Field(0, ge=0, le=MAX_WAIT_S)


class EventsQuery(Params):
    last_event_id: str | None = None


class ModelQuery(Params):
    model: str = "auto"


class EmbeddingQuery(ModelQuery):
    precision: Literal["codec", "fp16"] = "codec"
    """As the model's codec packs it, or whole in half precision."""


@dataclass(slots=True)
class Body:
    """A JSON object, or a form and its files."""

    values: dict[str, Any]
    files: dict[str, Upload] = field(default_factory=dict)
    lists: dict[str, list[Upload]] = field(default_factory=dict)
    """Of the names that may stand several times."""


@asynccontextmanager
async def read_body(
    request: Request[State], limits: Mapping[str, FileLimit] | None = None
) -> AsyncIterator[Body]:
    """The body, a JSON object or a multipart form. Its files last as long as the block."""
    limits = limits or {}
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "application/json":
        yield Body(await read_json(request))
        return
    if kind != "multipart/form-data":
        raise UnsupportedBody("send application/json or multipart/form-data")
    folder = request.state["upload_dir"]
    length = content_length(request.headers)
    kind = request.headers["content-type"]
    async with (
        request.state["uploads"].taken(),
        received(incoming(request), kind, length, limits, folder) as form,
    ):
        values: dict[str, Any] = dict(form.fields)
        for name in values.keys() & set(JSON_FIELDS):
            values[name] = _loads(values[name], name)
        yield Body(values, form.files, form.lists)


async def read_json(request: Request[Any], max_bytes: int = MAX_FIELD_BYTES) -> dict[str, Any]:
    """Raises MalformedBody, BodyTooLarge, what `incoming` raises."""
    value = _loads(await read_text(request, max_bytes), "the body")
    if not isinstance(value, dict):
        raise MalformedBody("the body must be a JSON object")
    return value


async def read_text(request: Request[Any], max_bytes: int) -> bytes:
    """Raises BodyTooLarge, what `incoming` raises."""
    body, length = bytearray(), content_length(request.headers)
    async with aclosing(incoming(request)) as chunks:
        async for chunk in chunks:
            body += chunk
            if max(len(body), length or 0) > max_bytes:
                raise BodyTooLarge(f"the body is larger than {max_bytes:,} bytes")
    return bytes(body)


def parse(model: type[P], values: Mapping[str, Any]) -> P:
    """Raises UnknownParameter, BadParameter."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _refusal(error) from None


def query(model: type[P], request: HTTPConnection[Any]) -> P:
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if names.count(name) > 1:
            raise RepeatedParameter(f"{name} is given twice")
    return parse(model, request.query_params)


def path_id(request: HTTPConnection[State], name: str) -> UUID:
    """Routes match ids with Starlette's `uuid` convertor, so this cannot fail."""
    value: UUID = request.path_params[name]
    return value


def preferred_wait(headers: Headers) -> int | None:
    """N of `Prefer: wait=N` (RFC 7240), at most MAX_WAIT_S; a preference that we cannot read is no error."""
    for preference in ",".join(headers.getlist("prefer")).split(","):
        if match := re.fullmatch(
            r"wait\s*=\s*\"?(\d{1,6})\"?", preference.split(";")[0].strip(), re.IGNORECASE
        ):
            return min(int(match[1]), MAX_WAIT_S)
    return None


def _refusal(error: ValidationError) -> UnknownParameter | BadParameter:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    for problem in problems:
        if problem["type"] == "extra_forbidden":
            return UnknownParameter(f"{_path(problem['loc'])} is not a parameter of this call")
    lines = [f"{_path(p['loc'])}: {p['msg'].removeprefix('Value error, ')}" for p in problems]
    return BadParameter("; ".join(lines[:5]))


def _path(loc: tuple[int | str, ...]) -> str:
    return ".".join(map(str, loc))


def _loads(text: str | bytes, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedBody(f"{name} is not valid JSON") from None


def content_length(headers: Headers) -> int | None:
    value = headers.get("content-length", "")
    return int(value) if value.isdecimal() else None
