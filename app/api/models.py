"""`/models/…`: what a browser needs to decode by itself."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.api.files import IMMUTABLE, FileView, read_path, serve
from app.api.params import ModelQuery, NoParams, query
from app.api.state import State
from app.errors import NotFound

_CORP = {"Cross-Origin-Resource-Policy": "cross-origin"}
"""Weights are public; a page under COEP may load them from another origin only with this header."""
_PUBLIC = ("decoder", "decoder_fp16", "codec_basis")
"""Roles that the browser loads. Encoders and checkpoints stay here."""


class FileNotServed(NotFound):
    code = "model_file_not_found"


async def manifest(request: Request[State]) -> Response:
    """The manifest of `?model=`, its files with URLs where the browser may load them."""
    name = query(ModelQuery, request).model
    models = request.state["models"]
    found = models.manifest(models.resolve(request.state["settings"].model if name == "auto" else name))
    document = found.model_dump(mode="json")
    document["files"] = [
        {**file.model_dump(mode="json", exclude={"source"}), "url": f"/models/files/{file.sha256}"}
        for file in found.files
        if file.role in _PUBLIC
    ]
    return JSONResponse(document, headers={"Cache-Control": "no-cache", **_CORP})


async def model_file(request: Request[State]) -> Response:
    query(NoParams, request)
    sha256 = request.path_params["sha256"]
    models = request.state["models"]
    served = {
        f.sha256: f for name in models.names() for f in models.manifest(name).files if f.role in _PUBLIC
    }
    path = models.file(sha256)
    if sha256 not in served or not path.is_file():
        raise FileNotServed("no such model file")
    view = FileView(
        size=served[sha256].bytes,
        etag=sha256,
        content_type="application/octet-stream",
        read=lambda start, end: read_path(path, start, end),
        cache_control=IMMUTABLE,
    )
    return serve(view, request.headers, **_CORP)
