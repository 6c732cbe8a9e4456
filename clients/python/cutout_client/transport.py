"""One request, tried until it is answered: what may pass is waited for, what creates is created once."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

import httpx

from cutout_client.errors import CutoutError, Unreachable

TIMEOUT_S = 90.0
"""Of silence: long polls are answered within 60."""
_KEY = "X-Api-Key"
_CHUNK = 1 << 20
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0
_MAY_PASS = frozenset((429, 502, 503, 504))
_IN_FLIGHT = "idempotency_key_in_flight"
"""Our own request, whose answer was lost, is not done yet."""

Parts = Sequence[tuple[str, Path]]
"""(form field, file), opened anew for every try."""


class Transport:
    def __init__(
        self, url: str, key: str | None, patience_s: float, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        headers = {_KEY: key} if key else {}
        self._patience_s = patience_s
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT_S, transport=transport)

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, **params: Any) -> Any:
        given = {name: value for name, value in params.items() if value is not None}
        return (await self._answer("GET", path, {}, params=given)).json()

    async def post(
        self,
        path: str,
        json: Mapping[str, Any] | None = None,
        *,
        form: Mapping[str, Any] | None = None,
        parts: Parts = (),
        key: str | None = None,
        wait_s: float = 0,
    ) -> Any:
        """`key`: of an earlier program's request, to be answered as that one was. Raises CutoutError."""
        headers = {"Idempotency-Key": key or str(uuid4())}
        if wait_s:
            headers["Prefer"] = f"wait={wait_s:.0f}"
        return (await self._answer("POST", path, headers, json=json, data=form, parts=parts)).json()

    async def put(self, url: str, file: Path, headers: Mapping[str, str]) -> None:
        """The bytes to a URL that is a permission in itself: our key stays here. Raises CutoutError."""
        length = {"Content-Length": str(bytes_of(file))}
        async for pause in self._tries():
            with pause:
                request = self._http.build_request(
                    "PUT", url, content=_chunks(file), headers={**headers, **length}
                )
                request.headers.pop(_KEY, None)
                answer = await self._http.send(request)
                if answer.is_success or _there_already(answer):
                    return
                raise _refusal(answer)

    async def save(self, path: str, target: Path) -> None:
        """The answer's bytes at `target`, whole or not at all. Raises CutoutError."""
        partial = target.with_name(f".{target.name}.{uuid4().hex[:8]}")
        try:
            async for pause in self._tries():
                with pause, partial.open("wb") as file:
                    async with self._http.stream("GET", path) as answer:
                        if answer.status_code != httpx.codes.OK:
                            await answer.aread()
                            raise _refusal(answer)
                        async for chunk in answer.aiter_bytes():
                            file.write(chunk)
                    partial.replace(target)
                    return
        finally:
            partial.unlink(missing_ok=True)

    async def _answer(
        self, method: str, path: str, headers: Mapping[str, str], *, parts: Parts = (), **body: Any
    ) -> httpx.Response:
        async for pause in self._tries():
            with pause, ExitStack() as opened:
                files = [(name, (file.name, opened.enter_context(file.open("rb")))) for name, file in parts]
                answer = await self._http.request(method, path, headers=headers, files=files or None, **body)
                if answer.is_success:
                    return answer
                raise _refusal(answer)
        raise AssertionError("the last try returns or raises")

    async def _tries(self) -> AsyncIterator["_Try"]:
        until, pause = time.monotonic() + self._patience_s, _FIRST_PAUSE_S
        while True:
            this = _Try(left_s=until - time.monotonic() - pause)
            yield this
            # not all at once again, when a server comes back
            await asyncio.sleep(max(this.wait_s, pause * random.uniform(0.5, 1)))  # noqa: S311
            pause = min(2 * pause, _LONGEST_PAUSE_S)


class _Try(contextlib.AbstractContextManager["_Try"]):
    """Swallows what may pass, unless it is the last one, or the server wants more patience than is left."""

    def __init__(self, *, left_s: float) -> None:
        self._left_s = left_s
        self.wait_s = 0.0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, httpx.TransportError):
            if self._left_s < 0:
                raise Unreachable(f"the server does not answer: {error}") from error
            return True
        if isinstance(error, _Refusal) and error.may_pass and error.retry_after_s <= self._left_s:
            self.wait_s = error.retry_after_s
            return True
        return False


class _Refusal(CutoutError):
    retry_after_s = 0.0

    @property
    def may_pass(self) -> bool:
        return self.status in _MAY_PASS or self.code == _IN_FLIGHT


def bytes_of(file: Path) -> int:
    return file.stat().st_size


async def _chunks(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while chunk := await asyncio.to_thread(opened.read, _CHUNK):
            yield chunk


def _there_already(answer: httpx.Response) -> bool:
    """By a try of ours whose answer was lost: nobody else has the URL. Supabase says 409 within a 400."""
    if answer.status_code == httpx.codes.BAD_REQUEST:
        with contextlib.suppress(ValueError, AttributeError):
            return bool(answer.json().get("statusCode") == "409")
    return answer.status_code == httpx.codes.CONFLICT


def _refusal(answer: httpx.Response) -> CutoutError:
    """Of problem+json (RFC 9457); of a proxy in between where it is none."""
    try:
        problem = answer.json()
        message, code = str(problem["detail"]), str(problem["code"])
    except (ValueError, KeyError, TypeError):
        problem, message, code = {}, f"the server answered {answer.status_code}", "unexpected_answer"
    error = _Refusal(message, code=code, status=answer.status_code, request_id=problem.get("request_id"))
    wait = answer.headers.get("retry-after", "")
    error.retry_after_s = float(wait) if wait.isdecimal() else 0.0
    return error
