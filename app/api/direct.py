"""`/api/uploads…`: a photo goes to the object store by itself; its image is made when a call names it."""

import asyncio
import tempfile
from contextlib import aclosing
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.api.auth import current_user
from app.api.body import incoming
from app.api.documents import UploadDocument
from app.api.files import NO_STORE
from app.api.intake import file_limit
from app.api.params import TokenQuery, UploadRequest, content_length, parse, path_id, query, read_body
from app.api.schemas import time_json
from app.api.state import State
from app.imaging.errors import EmptyFile

FILE = "/api/uploads/{upload_id:uuid}/file"


async def begin(request: Request[State]) -> Response:
    """Where to send a file, and how; nothing is stored yet."""
    user = current_user(request)
    async with read_body(request) as body:
        wanted = parse(UploadRequest, body.values)
    new = await request.state["direct"].begin(user, wanted.filename)
    document: UploadDocument = {
        "upload_id": str(new.id),
        "url": new.url,
        "method": new.method,
        "headers": dict(new.headers),
        "expires_at": time_json(new.expires_at),
    }
    return JSONResponse(document, 201, NO_STORE)


async def receive(request: Request[State]) -> Response:
    """The file itself, where the object store cannot take it: the URL stands for its owner."""
    state = request.state
    row = await state["direct"].awaited(path_id(request, "upload_id"), query(TokenQuery, request).token)
    async with state["uploads"].taken():
        with tempfile.TemporaryDirectory(dir=state["upload_dir"], ignore_cleanup_errors=True) as folder:
            file = Path(folder) / "file"
            await _write(request, file)
            await state["direct"].receive(row, file)
    return Response(status_code=204)


async def _write(request: Request[State], file: Path) -> None:
    """To disk as it arrives. Raises TooLargeBytes, EmptyFile, what `incoming` raises."""
    limit = file_limit()
    if (content_length(request.headers) or 0) > limit.max_bytes:
        raise limit.too_large()
    size = 0
    with file.open("wb") as out:
        async with aclosing(incoming(request)) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size > limit.max_bytes:
                    raise limit.too_large()
                await asyncio.to_thread(out.write, chunk)
    if size == 0:
        raise EmptyFile("the body is empty")
