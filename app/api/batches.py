"""`/api/batches…`: many images by one call."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from uuid_utils.compat import uuid7

from app.api.auth import current_user
from app.api.batch_files import BATCH_PARTS, kept_items
from app.api.defaults import parse_filled
from app.api.files import NO_STORE, disposition
from app.api.idempotency import held_key
from app.api.params import Body, JobRequest, ListQuery, NoParams, Params, parse, path_id, query, read_body
from app.api.schemas import batch_json, batch_url, item_json, page_json
from app.api.segment import webhook_of
from app.api.serving import served_model
from app.api.state import State
from app.batches.errors import BatchEmpty, BatchNotFinished
from app.batches.names import safe_name
from app.batches.report import report_csv, result_zip
from app.batches.types import MAX_ITEMS, MAX_NAME, Batch, NewBatch, Order
from app.jobs.idempotency import HeldKey
from app.jobs.types import JobStatus
from app.matting.options import CutoutOptions


def _visible(text: str) -> str:
    """Neither a database nor a file system takes the others."""
    if not text.isprintable():
        raise ValueError("visible characters only")
    return text


class ItemsRequest(Params):
    """URLs, or files beside it."""

    urls: tuple[str, ...] = Field((), max_length=MAX_ITEMS)
    close: bool = False
    """Nothing more is added after these."""


class BatchRequest(ItemsRequest, JobRequest):
    name: Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_visible)] = ""
    options: CutoutOptions = CutoutOptions()
    close: bool = True


class ItemsQuery(ListQuery):
    state: JobStatus | None = None
    ended: bool | None = None
    """Those that have succeeded or failed."""
    reviewed: bool | None = None
    order: Order = Order.ADDED


class ResultQuery(Params):
    partial: bool = False
    """What there is by now, where the batch has not ended."""


class Review(Params):
    job_id: UUID | None = None
    """An apply_mask of the item's image whose cutout takes the place of the item's."""


async def create(request: Request[State]) -> Response:
    """201 with the batch. Its items are begun at once, by workers."""
    user, state = current_user(request), request.state
    async with read_body(request, BATCH_PARTS) as body, held_key(request, user, body) as key:
        if key is not None and key.made is not None:
            batch = await state["batches"].get(user, key.made)
        else:
            batch = await _created(state, user, body, key)
    return JSONResponse(batch_json(batch), 201, {"Location": batch_url(batch.id), **NO_STORE})


async def add_items(request: Request[State]) -> Response:
    """200 with the batch."""
    user, state, batch_id = current_user(request), request.state, path_id(request, "batch_id")
    await state["batches"].get(user, batch_id)
    async with read_body(request, BATCH_PARTS) as body, held_key(request, user, body) as key:
        wanted = parse(ItemsRequest, body.values)
        if key is not None and key.made is not None:
            batch = await state["batches"].get(user, batch_id)
        else:
            async with kept_items(state, user, batch_id, body, wanted.urls) as items:
                if not items:
                    raise BatchEmpty("send files as `image`, a `zip`, or `urls`")
                batch = await state["batches"].add(user, batch_id, items, key, close=wanted.close)
    return JSONResponse(batch_json(batch), headers=NO_STORE)


async def list_batches(request: Request[State]) -> Response:
    user = current_user(request)
    wanted = query(ListQuery, request)
    page = await request.state["batches"].list(user, wanted.cursor, wanted.limit)
    return JSONResponse(page_json(page, [batch_json(batch) for batch in page.items]), headers=NO_STORE)


async def get_batch(request: Request[State]) -> Response:
    user = current_user(request)
    query(NoParams, request)
    batch = await request.state["batches"].get(user, path_id(request, "batch_id"))
    return JSONResponse(batch_json(batch), headers=NO_STORE)


async def list_items(request: Request[State]) -> Response:
    user = current_user(request)
    wanted = query(ItemsQuery, request)
    page = await request.state["batches"].items(user, path_id(request, "batch_id"), **dict(wanted))
    return JSONResponse(page_json(page, [item_json(item) for item in page.items]), headers=NO_STORE)


async def review_item(request: Request[State]) -> Response:
    """200 with the item: looked at, and, with `job_id`, mended."""
    user, state = current_user(request), request.state
    async with read_body(request) as body:
        wanted = parse(Review, body.values)
    batch_id, item_id = path_id(request, "batch_id"), path_id(request, "item_id")
    await state["batches"].get(user, batch_id)
    fix = None if wanted.job_id is None else await state["jobs"].get(user, wanted.job_id)
    item = await state["batches"].accept(user, batch_id, item_id, fix)
    return JSONResponse(item_json(item), headers=NO_STORE)


async def close(request: Request[State]) -> Response:
    return await _changed(request, request.state["batches"].close)


async def pause(request: Request[State]) -> Response:
    return await _changed(request, request.state["batches"].pause)


async def resume(request: Request[State]) -> Response:
    return await _changed(request, request.state["batches"].resume)


async def cancel(request: Request[State]) -> Response:
    return await _changed(request, request.state["batches"].cancel)


async def retry(request: Request[State]) -> Response:
    return await _changed(request, request.state["batches"].retry)


async def results(request: Request[State]) -> Response:
    """A ZIP of the cutouts, made while it is sent."""
    user, state = current_user(request), request.state
    wanted = query(ResultQuery, request)
    batch = await state["batches"].get(user, path_id(request, "batch_id"))
    if batch.finished_at is None and not wanted.partial:
        raise BatchNotFinished(f"the batch is {batch.status}; `partial=true` gives what there is by now")
    chunks = result_zip(state["store"], state["batches"].every_item(batch.id), _format(batch))
    return StreamingResponse(chunks, media_type="application/zip", headers=_download(batch, "zip"))


async def report(request: Request[State]) -> Response:
    """CSV: a line an item, in their order."""
    user = current_user(request)
    query(NoParams, request)
    batch = await request.state["batches"].get(user, path_id(request, "batch_id"))
    lines = report_csv(request.state["batches"].every_item(batch.id), _format(batch))
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=_download(batch, "csv"))


async def _created(state: State, user: UUID, body: Body, key: HeldKey | None) -> Batch:
    wanted = await parse_filled(state, user, BatchRequest, body.values)
    new = NewBatch(
        id=uuid7(),
        user_id=user,
        model=await served_model(state, wanted.model),
        name=wanted.name,
        options=wanted.options,
        webhook=webhook_of(state, wanted),
        request_id=state["request_id"],
    )
    async with kept_items(state, user, new.id, body, wanted.urls) as items:
        if wanted.close and not items:
            raise BatchEmpty("send files as `image`, a `zip`, or `urls`; `close=false` to send them later")
        return await state["batches"].create(new, items, key, close=wanted.close)


async def _changed(request: Request[State], change: Callable[[UUID, UUID], Awaitable[Batch]]) -> Response:
    user = current_user(request)
    query(NoParams, request)
    batch = await change(user, path_id(request, "batch_id"))
    return JSONResponse(batch_json(batch), headers=NO_STORE)


def _format(batch: Batch) -> str:
    return CutoutOptions.model_validate(batch.options).format


def _download(batch: Batch, extension: str) -> dict[str, str]:
    name = safe_name(batch.name.replace("/", "-")) if batch.name else f"batch-{batch.id.hex[:8]}"
    return {"Content-Disposition": disposition(f"{name}.{extension}"), **NO_STORE}
