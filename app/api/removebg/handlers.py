"""`/v1.0/…`: for programs written for remove.bg. One call holds until its cutout is there."""

import base64
from contextlib import suppress
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.api.auth import current_user
from app.api.errors import NoResult
from app.api.files import FileView, serve, stored
from app.api.intake import image_of
from app.api.params import Body, NoParams, StoreRequest, query
from app.api.removebg.body import read
from app.api.removebg.errors import Failed, MissingSource, MultipleSources, Overdue
from app.api.removebg.params import RemovebgRequest, options_of, parse
from app.api.serving import served_model
from app.api.state import State
from app.credits.types import Plan
from app.engines.names import EngineName
from app.images.types import Image
from app.imaging.types import Format
from app.jobs.errors import JobEnded
from app.jobs.types import Job, JobKind, JobStatus, NewJob, RemoveParams

WAIT_S = 60.0
"""What a caller of a synchronous service waits at most; a proxy gives up after as long."""
_SOURCES = ("image_file", "image_file_b64")


async def remove(request: Request[State]) -> Response:
    """The cutout's bytes, or with `Accept: application/json` its base64."""
    user, state = current_user(request), request.state
    async with read(request) as body:
        wanted = parse(body.values)
        _one_source(body, wanted)
        _one_background(body, wanted)
        await state["credits"].check(user, state["prices"].sam2)  # before bytes are fetched or kept
        model = await served_model(state, "auto")
        image = await _stored(state, user, body, wanted.image_url, _SOURCES)
        background = None
        if wanted.bg_image_url or "bg_image_file" in body.files:
            background = (await _stored(state, user, body, wanted.bg_image_url, ("bg_image_file",))).id
        options = options_of(wanted, (image.width, image.height), background)
        params = RemoveParams(options=options)
        new = NewJob(user, JobKind.REMOVE, model, image.id, params, request_id=state["request_id"])
        made = await state["jobs"].create(new)
    return await _answer(request, await _ended(state, made), wanted.type)


async def account(request: Request[State]) -> Response:
    user = current_user(request)
    query(NoParams, request)
    balance = await request.state["credits"].balance(user)
    prepaid = balance.plan is Plan.PREPAID
    left = balance.available / 1000 if prepaid else 0.0
    credits_ = {"total": left, "subscription": 0.0, "payg": left, "enterprise": 0.0}
    attributes = {"credits": credits_, "api": {"free_calls": 0 if prepaid else None, "sizes": "all"}}
    headers = {"Cache-Control": "no-store", **_limits(request.state)}
    return JSONResponse({"data": {"attributes": attributes}}, headers=headers)


async def _stored(state: State, user: UUID, body: Body, url: str | None, names: tuple[str, ...]) -> Image:
    upload = next((body.files[name] for name in names if name in body.files), None)
    files = {"image": upload} if upload else {}
    return await image_of(state, user, Body({}, files), StoreRequest(image_url=url))


def _one_source(body: Body, wanted: RemovebgRequest) -> None:
    """Raises MissingSource, MultipleSources."""
    count = sum(name in body.files for name in _SOURCES) + (wanted.image_url is not None)
    if count == 0:
        raise MissingSource("no image given: send image_file, image_file_b64 or image_url")
    if count > 1:
        raise MultipleSources("several images given: send one of image_file, image_file_b64 and image_url")


def _one_background(body: Body, wanted: RemovebgRequest) -> None:
    """Raises MultipleSources."""
    given = (wanted.bg_color, wanted.bg_image_url, body.files.get("bg_image_file"))
    if sum(one is not None for one in given) > 1:
        raise MultipleSources(
            "several backgrounds given: send one of bg_color, bg_image_url and bg_image_file"
        )


async def _ended(state: State, made: Job) -> Job:
    """Raises Overdue, Failed."""
    seen = (await state["hub"].wait(made.user_id, made.id, WAIT_S)).job
    if not seen.status.ended:
        with suppress(JobEnded):  # at the last moment: then it is answered all the same
            await state["jobs"].cancel(made.user_id, made.id)
            raise Overdue(
                f"the cutout was not ready after {WAIT_S:.0f} s; nothing was charged", retry_after=30
            )
    job = await state["jobs"].get(made.user_id, made.id)
    if job.status is not JobStatus.SUCCEEDED:
        error = job.error or {"code": "canceled", "message": "the job was canceled"}
        raise Failed(str(error["message"]), reason=error["code"])
    return job


async def _answer(request: Request[State], job: Job, kind: str) -> Response:
    state, result = request.state, job.result
    if result is None or job.result_key is None:
        raise NoResult("the cutout is gone")
    headers = await _headers(state, job, result, kind)
    view = FileView(
        result["bytes"],
        result["sha256"],
        Format(result["format"]).content_type,
        stored(state["store"], job.result_key),
    )
    await state["usage"].served(job.id, view.size)
    if "application/json" not in request.headers.get("accept", ""):
        return serve(view, request.headers, **headers)
    content = b"".join([chunk async for chunk in view.read(0, view.size)])
    names = ("top", "left", "width", "height")
    box = {f"foreground_{name}": int(headers[f"X-Foreground-{name.title()}"]) for name in names}
    return JSONResponse({"data": {"result_b64": base64.b64encode(content).decode(), **box}}, headers=headers)


async def _headers(state: State, job: Job, result: dict[str, Any], kind: str) -> dict[str, str]:
    """The foreground's box is in pixels of the image that was sent."""
    x0, y0, x1, y1 = result["content_box"]
    return {
        "X-Type": "other" if kind == "auto" else kind,
        "X-Width": str(result["width"]),
        "X-Height": str(result["height"]),
        "X-Credits-Charged": f"{job.credits / 1000:g}",
        "X-Foreground-Top": str(y0),
        "X-Foreground-Left": str(x0),
        "X-Foreground-Width": str(x1 - x0),
        "X-Foreground-Height": str(y1 - y0),
        **await _uncertainty(state, job),
        **_limits(state),
    }


async def _uncertainty(state: State, job: Job) -> dict[str, str]:
    """None for ClippingMagic, which does not say."""
    if job.engine != EngineName.SAM2:
        return {}
    row = await state["images"].embedding(job.user_id, job.image_id, job.model)
    score = row.proposal.score if row.proposal else 0.0
    return {"X-Uncertainty-Score": f"{1 - score:.3f}"}


def _limits(state: State) -> dict[str, str]:
    if "left" not in state:
        return {}
    left = state["left"]
    names = {"Limit": left.quota, "Remaining": left.remaining, "Reset": left.full_in_s}
    return {f"X-RateLimit-{name}": str(value) for name, value in names.items()}
