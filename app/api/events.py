"""Streams of jobs, as server-sent events and over WebSocket: first the present state, then each change."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from functools import lru_cache
from typing import Any

import anyio
import structlog
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.api.auth import current_user
from app.api.errors import BadEventId
from app.api.params import EventsQuery, path_id, query
from app.api.problems import app_problem
from app.api.schemas import view_json
from app.api.state import State
from app.errors import AppError, Unavailable
from app.jobs.errors import ListenerTooSlow
from app.jobs.hub import Update
from app.jobs.views import JobView

SEND_S = 20.0
"""Whose socket takes nothing for so long is dropped; uvicorn gives up a silent WebSocket after as much."""
TOO_SLOW = 4408
"""WebSocket close code: come back with the last event's id. HTTP's 408, in our range of RFC 6455 §7.4.2."""
_TRY_AGAIN_LATER = 1013
_RETRY_MS = 1000

_log = structlog.get_logger(__name__)

Updates = AsyncGenerator[Update, None]


class EventStream(StreamingResponse):
    """Server-sent events. A client that takes nothing is dropped."""

    def __init__(self, frames: AsyncGenerator[bytes, None]) -> None:
        # X-Accel-Buffering: a proxy that collects events before it passes them on makes them useless
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(frames, media_type="text/event-stream", headers=headers)
        self._frames = frames

    async def stream_response(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async with aclosing(self._frames):
                async for frame in self._frames:
                    async with asyncio.timeout(SEND_S):
                        await send({"type": "http.response.body", "body": frame, "more_body": True})
        except TimeoutError:
            _log.warning("listener dropped", code=ListenerTooSlow.code)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def job_events(request: Request[State]) -> Response:
    """204 tells an EventSource that has seen the end not to come back."""
    updates = _job_updates(request)
    first = await anext(updates, None)
    return Response(status_code=204) if first is None else EventStream(_frames(first, updates))


async def all_events(request: Request[State]) -> Response:
    user = current_user(request)
    updates = request.state["hub"].all_jobs(user, _last_event_id(request))
    return EventStream(_frames(await anext(updates), updates))


async def job_socket(websocket: WebSocket[State]) -> None:
    try:
        updates = _job_updates(websocket)
        first = await anext(updates, None)
    except AppError as error:
        await websocket.send_denial_response(app_problem(websocket.state["request_id"], error))
        return
    await websocket.accept()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_until_gone, websocket, tasks.cancel_scope)
        code, reason = await _send_all(websocket, first, updates)
        tasks.cancel_scope.cancel()
    if code is not None:
        await asyncio.sleep(0)  # the others hear their news before this one is seen off
        with suppress(WebSocketDisconnect):  # who has what it came for may leave first
            await websocket.close(code, reason)


async def _send_all(
    websocket: WebSocket[State], first: Update | None, updates: Updates
) -> tuple[int | None, str]:
    """The code to close with, and its reason; no code when there is nobody left to tell."""
    try:
        async with aclosing(updates):
            if first is not None:
                await _send(websocket, first)
            async for update in updates:
                await _send(websocket, update)
    except WebSocketDisconnect:
        return None, ""
    except (TimeoutError, ListenerTooSlow):
        _log.warning("listener dropped", code=ListenerTooSlow.code)
        return TOO_SLOW, ListenerTooSlow.code
    except Unavailable as error:
        return _TRY_AGAIN_LATER, error.code
    return 1000, ""


async def _send(websocket: WebSocket[State], update: Update) -> None:
    if update.view is None:
        return  # the server's pings keep a WebSocket alive
    message = f'{{"event":"job","id":"{update.resume}","data":{_rendered(update.view)}}}'
    async with asyncio.timeout(SEND_S):
        await websocket.send_text(message)


async def _until_gone(websocket: WebSocket[State], scope: anyio.CancelScope) -> None:
    """A listener has nothing to say; what it says is thrown away."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
    scope.cancel()


def _job_updates(connection: HTTPConnection[State]) -> Updates:
    user = current_user(connection)
    seen = _last_event_id(connection)
    return connection.state["hub"].job(user, path_id(connection, "job_id"), seen or 0)


async def _frames(first: Update, updates: Updates) -> AsyncGenerator[bytes, None]:
    yield f"retry: {_RETRY_MS}\n\n".encode()
    yield _frame(first)
    try:
        async with aclosing(updates):
            async for update in updates:
                yield _frame(update)
    except AppError as error:
        _log.warning("stream of events ended", code=error.code)
        yield f"event: error\ndata: {_json({'code': error.code, 'detail': error.message})}\n\n".encode()


def _frame(update: Update) -> bytes:
    lines = [] if update.resume is None else [f"id: {update.resume}"]
    if update.view is not None:
        lines += ["event: job", f"data: {_rendered(update.view)}"]
    return ("\n".join(lines or [": alive"]) + "\n\n").encode()


@lru_cache(maxsize=256)
def _rendered(view: JobView) -> str:
    """Once for all listeners of the job."""
    return _json(view_json(view))


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _last_event_id(connection: HTTPConnection[State]) -> int | None:
    """From the header, or from the query: a page cannot set headers of a WebSocket. Raises BadEventId."""
    text = query(EventsQuery, connection).last_event_id or connection.headers.get("last-event-id")
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise BadEventId("the last event's id is not one of ours")
    return int(text)
