"""`/api/segment/…`: a photo or a mask comes in, a job (or, for `decode`, a mask) goes out."""

import asyncio
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from uuid_utils.compat import uuid7

from app.api.auth import current_user
from app.api.errors import BadParameter
from app.api.params import (
    ApplyRequest,
    Body,
    DecodeRequest,
    EncodeRequest,
    RemoveRequest,
    parse,
    preferred_wait,
    read_body,
)
from app.api.schemas import job_url, view_json
from app.api.state import State
from app.api.uploads import FileLimit, Upload
from app.images.types import Image
from app.imaging.errors import TooLargeBytes
from app.imaging.sandbox import probe
from app.imaging.types import MAX_BYTES
from app.jobs.types import ApplyParams, EncodeParams, JobKind, JobParams, NewJob, RemoveParams
from app.segmentation.maskio import check_mask
from app.segmentation.prompts import check_inside
from app.storage import keys
from models.errors import ModelMissing


def _too_large() -> TooLargeBytes:
    return TooLargeBytes(f"the file is larger than {MAX_BYTES:,} bytes", limit=MAX_BYTES)


_IMAGE = {"image": FileLimit(MAX_BYTES, _too_large)}
_MASK = {"mask": FileLimit(MAX_BYTES, _too_large)}


async def encode(request: Request[State]) -> Response:
    user = current_user(request)
    async with read_body(request, _IMAGE) as body:
        wanted = parse(EncodeRequest, body.values)
        model = _model(request.state, wanted.model)
        image = await _image(request.state, user, wanted.image_id, body)
    return await _created(request, image, JobKind.ENCODE, model, EncodeParams(auto=wanted.auto))


async def remove(request: Request[State]) -> Response:
    user = current_user(request)
    async with read_body(request, _IMAGE) as body:
        wanted = parse(RemoveRequest, body.values)
        model = _model(request.state, wanted.model)
        image = await _image(request.state, user, wanted.image_id, body)
    return await _created(request, image, JobKind.REMOVE, model, RemoveParams(options=wanted.options))


async def apply_mask(request: Request[State]) -> Response:
    user = current_user(request)
    async with read_body(request, _MASK) as body:
        wanted = parse(ApplyRequest, body.values)
        image = await request.state["images"].get(user, wanted.image_id)
        check_inside(wanted.marks, (image.width, image.height))
        model = _model(request.state, wanted.model)
        mask_key = None
        if mask := body.files.get("mask"):
            mask_key = await _store_mask(request.state, image, mask)
        else:
            # replaying marks needs the embedding; better known now than in the worker
            await request.state["images"].embedding(user, image.id, model)
    params = ApplyParams(
        marks=wanted.marks,
        mask_key=mask_key,
        start=wanted.start,
        options=wanted.options,
        preview=wanted.preview,
    )
    return await _created(request, image, JobKind.APPLY_MASK, model, params)


async def decode(request: Request[State]) -> Response:
    """The mask now, as PNG."""
    user = current_user(request)
    async with read_body(request) as body:
        wanted = parse(DecodeRequest, body.values)
    state = request.state
    image = await state["images"].get(user, wanted.image_id)
    check_inside(wanted.marks, (image.width, image.height))
    embedding = await state["images"].embedding(user, image.id, _model(state, wanted.model))
    png = await state["decoding"].mask(embedding, wanted.marks, wanted.start)
    return Response(png, media_type="image/png", headers={"Cache-Control": "no-store"})


def _model(state: State, name: str) -> str:
    """The name that goes into the job's row. Raises ModelUnknown, ModelMissing."""
    models = state["models"]
    chosen = models.resolve(state["settings"].model if name == "auto" else name)
    if not models.installed(chosen):
        raise ModelMissing(f"the model {chosen} is not installed on this server")
    return chosen


async def _image(state: State, user: UUID, image_id: UUID | None, body: Body) -> Image:
    """The image of this request: a file that is stored now, or one that is here already."""
    upload = body.files.get("image")
    if (upload is None) == (image_id is None):
        raise BadParameter("send either a file as `image` or an `image_id`")
    if image_id is not None:
        return await state["images"].get(user, image_id)
    assert upload is not None
    info = await asyncio.to_thread(probe, upload.path)
    return await state["images"].add(user, upload.path, info, upload.filename)


async def _store_mask(state: State, image: Image, mask: Upload) -> str:
    await asyncio.to_thread(check_mask, mask.path, (image.width, image.height))
    key = keys.mask(image.user_id, image.id, uuid7())
    await state["store"].put(key, mask.path, "image/png")
    return key


async def _created(
    request: Request[State], image: Image, kind: JobKind, model: str, params: JobParams
) -> Response:
    """202 with the job; with `Prefer: wait=N`, 200 once it has ended within that time."""
    state = request.state
    new = NewJob(image.user_id, kind, model, image.id, params, request_id=state["request_id"])
    job = await state["jobs"].create(new)
    headers = {"Location": job_url(job.id), "Cache-Control": "no-store"}
    wait = preferred_wait(request.headers)
    if wait is not None:
        headers["Preference-Applied"] = f"wait={wait}"
    view = await state["hub"].wait(job.user_id, job.id, wait or 0)
    return JSONResponse(view_json(view), 200 if view.job.status.ended else 202, headers)
