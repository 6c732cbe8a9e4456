"""Is the process alive; can it do its work."""

import asyncio
from collections.abc import Awaitable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.api.files import NO_STORE
from app.api.state import State
from app.db.pool import connection
from app.errors import AppError
from app.queue.errors import QueueUnavailable
from app.queue.messages import embed_queue
from models.errors import ModelError

_TIMEOUT_S = 2.0


async def healthz(_request: Request[State]) -> Response:
    return JSONResponse({"status": "ok"})


async def readyz(request: Request[State]) -> Response:
    """200 when a job could be taken, done and answered; 503 and the reason otherwise."""
    state = request.state
    model, model_state = _model(state)
    database, queue = await asyncio.gather(_answers(_select_one(state)), _answers(state["doorbell"].ping()))
    checks = {"database": database, "queue": queue, "model": model_state}
    ready = set(checks.values()) == {"ok"}
    document: dict[str, object] = {
        "status": "ready" if ready else "not_ready",
        "model": model,
        "checks": checks,
    }
    if queue == "ok" and model is not None:
        document["notes"] = await _notes(state, model)
    return JSONResponse(document, 200 if ready else 503, NO_STORE)


def _model(state: State) -> tuple[str | None, str]:
    try:
        return state["models"].resolve(state["settings"].model), "ok"
    except ModelError as error:
        return None, error.code


NO_ENCODER = "no embed worker is alive; jobs wait until one has started"


async def _notes(state: State, model: str) -> list[str]:
    """What the encoder of the model runs other than was asked for, on a CPU for want of a GPU; or that nobody
    is there, which is as it should be where workers are stopped while there is nothing to do."""
    queue = embed_queue(model)
    try:
        workers = await state["doorbell"].alive()
        nobody = workers is not None and queue not in workers
        return [NO_ENCODER] if nobody else list(await state["doorbell"].notes(queue))
    except QueueUnavailable:
        return []


async def _select_one(state: State) -> None:
    async with connection(state["pool"]) as conn:
        await conn.execute("select 1")


async def _answers(call: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await call
    except TimeoutError:
        return "timeout"
    except AppError as error:
        return error.code
    return "ok"
