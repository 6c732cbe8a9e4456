"""`/api/images…`: what the user uploaded and what derives from it."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.api.auth import current_user, limited
from app.api.files import FileView, serve, stored
from app.api.intake import IMAGE_PART, image_of
from app.api.params import (
    CropRequest,
    EmbeddingQuery,
    ListQuery,
    ModelQuery,
    NoParams,
    StoreRequest,
    parse,
    path_id,
    query,
    read_body,
    read_json,
)
from app.api.schemas import image_json, page_json
from app.api.state import State
from app.segmentation.codec import FP16

_FOREVER = "private, max-age=31536000, immutable"
"""An object is written once under its key; `private`, because it belongs to one user."""


async def list_images(request: Request[State]) -> Response:
    user = current_user(request)
    wanted = query(ListQuery, request)
    page = await request.state["images"].list(user, wanted.cursor, wanted.limit)
    return JSONResponse(page_json(page, [image_json(image) for image in page.items]))


async def add_image(request: Request[State]) -> Response:
    """Stored and nothing more: a picture to put cutouts on."""
    user = current_user(request)
    async with read_body(request, IMAGE_PART) as body:
        wanted = parse(StoreRequest, body.values)
        image = await image_of(request.state, user, body, wanted)
    document = image_json(image)
    return JSONResponse(document, 201, {"Location": document["urls"]["self"]})


async def crop_image(request: Request[State]) -> Response:
    """A part of an image as an image of its own; with 200, where it is one already."""
    user, state = current_user(request), request.state
    image = await state["images"].get(user, path_id(request, "image_id"))
    box = parse(CropRequest, await read_json(request)).box
    crop, made = await state["images"].crop(image, box), False
    if crop is None:
        # all of the image is fetched and decoded, however small the box
        await limited(state, lambda limits: limits.image(state["caller"], image.width * image.height))
        async with state["uploads"].taken():
            crop, made = await state["images"].add_crop(image, box)
    document = image_json(crop)
    return JSONResponse(document, 201 if made else 200, {"Location": document["urls"]["self"]})


async def get_image(request: Request[State]) -> Response:
    user = current_user(request)
    query(NoParams, request)
    image = await request.state["images"].get(user, path_id(request, "image_id"))
    return JSONResponse(image_json(image))


async def delete_image(request: Request[State]) -> Response:
    """With everything derived from it."""
    user = current_user(request)
    query(NoParams, request)
    await request.state["images"].delete(user, path_id(request, "image_id"))
    return Response(status_code=204)


async def working_image(request: Request[State]) -> Response:
    """JPEG, oriented, sRGB, long side ≤ 2048."""
    user = current_user(request)
    query(NoParams, request)
    key = await request.state["images"].working(user, path_id(request, "image_id"))
    return await _object(request, key, "image/jpeg")


async def embedding(request: Request[State]) -> Response:
    """The encoder's output for `?model=` in its codec, one small binary; `?precision=fp16`: whole."""
    user = current_user(request)
    wanted = query(EmbeddingQuery, request)
    model = _named(request, wanted.model)
    row = await request.state["images"].embedding(user, path_id(request, "image_id"), model)
    small = wanted.precision == "codec" or row.codec == FP16
    size = await request.state["store"].size(row.key)
    span = (0, row.bytes) if small else (row.bytes, size)
    extra = {"X-Embedding-Codec": row.codec if small else FP16, "X-Embedding-Revision": row.revision}
    return _part(request, row.key, span, "application/octet-stream", **extra)


async def auto_mask(request: Request[State]) -> Response:
    """The automatic subject as mask PNG; `X-Uncertainty-Score` is 1 less the IoU to expect."""
    user = current_user(request)
    found = await request.state["images"].proposal(user, path_id(request, "image_id"), _model(request))
    uncertainty = {"X-Uncertainty-Score": f"{1 - found.score:.3f}"}
    return await _object(request, found.mask_key, "image/png", **uncertainty)


def _model(request: Request[State]) -> str:
    return _named(request, query(ModelQuery, request).model)


def _named(request: Request[State], name: str) -> str:
    return request.state["models"].resolve(request.state["settings"].model if name == "auto" else name)


async def _object(request: Request[State], key: str, content_type: str, **extra: str) -> Response:
    size = await request.state["store"].size(key)
    return _part(request, key, (0, size), content_type, **extra)


def _part(
    request: Request[State], key: str, span: tuple[int, int], content_type: str, **extra: str
) -> Response:
    """Bytes [start, end) of an object as a file of their own."""
    (begin, stop), read = span, stored(request.state["store"], key)
    # the key names one run that wrote the object once, so it changes whenever the bytes do
    name = key.rpartition("/")[2]
    view = FileView(
        size=stop - begin,
        etag=f"{name}-{begin}" if begin else name,
        content_type=content_type,
        read=lambda start, end: read(begin + start, begin + end),
        cache_control=_FOREVER,
    )
    return serve(view, request.headers, **extra)
