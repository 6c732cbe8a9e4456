"""`/api/segment/…`: a photo or a mask comes in, a job (or, for `decode`, a mask) goes out."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from uuid_utils.compat import uuid7

from app.api.auth import current_user
from app.api.decoding import Start
from app.api.defaults import parse_filled
from app.api.errors import BadParameter
from app.api.files import NO_STORE
from app.api.idempotency import held_key
from app.api.intake import IMAGE_PART, file_limit, image_of
from app.api.params import (
    ApplyRequest,
    Body,
    DecodeRequest,
    EncodeRequest,
    JobRequest,
    RemoveRequest,
    preferred_wait,
    read_body,
)
from app.api.schemas import job_url, view_json
from app.api.serving import installed_model, served_model
from app.api.state import State
from app.api.uploads import FileLimit, Upload
from app.db.errors import DatabaseUnavailable
from app.errors import AppError, Unavailable
from app.images.crops import check_boxes
from app.images.types import EmbeddingRow, Image
from app.imaging.types import Box
from app.jobs.idempotency import HeldKey
from app.jobs.types import ApplyParams, EncodeParams, Job, JobKind, NewJob, RemoveParams
from app.segmentation.maskio import check_mask
from app.segmentation.prompts import check_inside
from app.storage import keys
from app.webhooks.types import JobWebhook

_MASK = {"mask": file_limit()}


async def encode(request: Request[State]) -> Response:
    return await create_job(request, IMAGE_PART, _encode_job)


async def remove(request: Request[State]) -> Response:
    return await create_job(request, IMAGE_PART, _remove_job)


async def apply_mask(request: Request[State]) -> Response:
    return await create_job(request, _MASK, _apply_job)


async def decode(request: Request[State]) -> Response:
    """The mask now, as PNG. With a `mask`, marks are drawn over that instead of `start`."""
    user = current_user(request)
    state = request.state
    async with read_body(request, _MASK) as body:
        wanted = await parse_filled(state, user, DecodeRequest, body.values)
        start = _start(wanted, body.files.get("mask"))
        image = await state["images"].get(user, wanted.image_id)
        check_inside(wanted.marks, image.size)
        embedding = await state["images"].embedding(user, image.id, installed_model(state, wanted.model))
        png = await state["decoding"].mask(embedding, wanted.marks, start, refine=wanted.refine)
    return Response(png, media_type="image/png", headers=NO_STORE)


def _start(wanted: DecodeRequest, mask: Upload | None) -> Start:
    """Raises BadParameter."""
    if mask is not None:
        return mask.path
    if wanted.refine and wanted.start == "empty":
        raise BadParameter("refine: empty has nothing to make finer; send a `mask`, or start from `auto`")
    return wanted.start


_Make = Callable[[State, UUID, Body], Awaitable[NewJob]]


async def create_job(request: Request[State], limits: Mapping[str, FileLimit], make: _Make) -> Response:
    """202 with the job; with `Prefer: wait=N`, 200 once it has ended within that time."""
    user, state = current_user(request), request.state
    async with read_body(request, limits) as body, held_key(request, user, body) as key:
        if key is not None and key.made is not None:
            job = await state["jobs"].get(user, key.made)
        else:
            new = replace(await make(state, user, body), request_id=state["request_id"])
            job = await _created(state, new, key)
    headers = {"Location": job_url(job.id), **NO_STORE}
    wait = preferred_wait(request.headers)
    if wait is not None:
        headers["Preference-Applied"] = f"wait={wait}"
    view = await state["hub"].wait(job.user_id, job.id, wait or 0)
    return JSONResponse(view_json(view), 200 if wait and view.job.status.ended else 202, headers)


async def _created(state: State, new: NewJob, key: HeldKey | None) -> Job:
    """What its client sent for a job that is refused does not stay."""
    try:
        return await state["jobs"].create(new, key)
    except DatabaseUnavailable:  # the job may stand
        raise
    except AppError:
        if isinstance(new.params, ApplyParams) and new.params.mask_key is not None:
            with suppress(Unavailable):
                await state["store"].delete([new.params.mask_key])
        raise


async def _encode_job(state: State, user: UUID, body: Body) -> NewJob:
    wanted = await parse_filled(state, user, EncodeRequest, body.values)
    webhook, model = webhook_of(state, wanted), await served_model(state, wanted.model)
    image = await image_of(state, user, body, wanted)
    known = await _reused(state, image, model, auto=wanted.auto)
    result = known.as_result() if known else None
    params = EncodeParams(auto=wanted.auto)
    return NewJob(user, JobKind.ENCODE, model, image.id, params, webhook=webhook, result=result)


async def _remove_job(state: State, user: UUID, body: Body) -> NewJob:
    wanted = await parse_filled(state, user, RemoveRequest, body.values)
    webhook, model = webhook_of(state, wanted), await served_model(state, wanted.model)
    if wanted.image_id is None:  # a new image is not paid yet: refused before it is fetched or kept
        await state["credits"].check(user, state["prices"].sam2)
    image = await image_of(state, user, body, wanted)
    params = RemoveParams(options=wanted.options)
    return NewJob(user, JobKind.REMOVE, model, image.id, params, webhook=webhook)


async def _apply_job(state: State, user: UUID, body: Body) -> NewJob:
    wanted = await parse_filled(state, user, ApplyRequest, body.values)
    webhook, model = webhook_of(state, wanted), installed_model(state, wanted.model)
    image = await state["images"].get(user, wanted.image_id)
    check_inside(wanted.marks, image.size)
    mask, mask_key = body.files.get("mask"), None
    crops = _crops(wanted.crops, image, mask)
    if mask is not None:
        if not wanted.preview:
            await state["credits"].check(user, state["prices"].sam2, image.id)
        mask_key = await _store_mask(state, image, mask)
    else:
        # replaying marks needs the embedding; better known now than in the worker
        await state["images"].embedding(user, image.id, model)
    params = ApplyParams(
        marks=wanted.marks,
        mask_key=mask_key,
        crops=crops,
        start=wanted.start,
        options=wanted.options,
        preview=wanted.preview,
    )
    return NewJob(user, JobKind.APPLY_MASK, model, image.id, params, webhook=webhook)


def _crops(boxes: Sequence[Box], image: Image, mask: Upload | None) -> tuple[Box, ...]:
    """Raises BadParameter, CropInvalid."""
    if boxes and mask is None:
        raise BadParameter("crops: they say where a mask is finer; send that `mask`, or leave them out")
    return check_boxes(boxes, image.size)


async def _reused(state: State, image: Image, model: str, *, auto: bool) -> EmbeddingRow | None:
    """The embedding, where the user had the same bytes encoded before."""
    revision = state["models"].manifest(model).revision
    return await state["images"].reuse(image, model, revision, auto=auto)


def webhook_of(state: State, wanted: JobRequest) -> JobWebhook | None:
    """Raises UrlRefused."""
    if wanted.webhook_url is None:
        return None
    return state["webhooks"].for_job(wanted.webhook_url, wanted.webhook_events)


async def _store_mask(state: State, image: Image, mask: Upload) -> str:
    await asyncio.to_thread(check_mask, mask.path, image.size)
    key = keys.mask(image.user_id, image.id, uuid7())
    await state["store"].put(key, mask.path, "image/png")
    return key
