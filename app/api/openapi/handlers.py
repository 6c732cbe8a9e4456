"""`/openapi.json`."""

from functools import cache
from importlib.metadata import version

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.api.openapi.document import Call, Schema, document
from app.api.openapi.operations import OPERATIONS
from app.api.params import NoParams, query
from app.api.state import State

_ABOUT = "Removes backgrounds from product photos. A guide with examples: docs/api.md."


async def openapi(request: Request[State]) -> Response:
    """This document."""
    query(NoParams, request)
    return JSONResponse(_document(), headers={"Cache-Control": "no-cache"})


@cache
def _document() -> Schema:
    from app.api.routes import CALLS  # noqa: PLC0415 - the table names this module's handlers

    calls = [
        Call(method, path, handler, need, OPERATIONS[method, path])
        for (method, path), (handler, need) in CALLS.items()
    ]
    return document(calls, title="Cutout", version=version("cutout"), description=_ABOUT)
