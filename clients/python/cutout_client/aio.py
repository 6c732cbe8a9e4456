"""The client, in coroutines."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from cutout_client.errors import CutoutError, JobFailed
from cutout_client.transport import Transport, bytes_of
from cutout_client.types import ENDED, Batch, Item, Job

Options = Mapping[str, Any]
"""As docs/api.md lists them."""
Progress = Callable[[Batch], None]

_WAIT_S = 30
_LOOK_S = 1.0
"""Between two looks at a batch."""
DIRECT_BYTES = 6_000_000
"""From here on a photo costs the API server more than one more request does."""
CHUNK_FILES, CHUNK_BYTES = 50, 50_000_000
"""Of one request: what is sent again when a connection breaks."""


class AsyncCutout:
    """`async with AsyncCutout(url, key=…) as cutout`. Every method raises CutoutError."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        patience_s: float = 120.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`patience_s`: so long a request is tried again when nobody answers, or the server is busy."""
        self._http = Transport(url, key, patience_s, transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.close()

    async def remove(self, photo: Path, *, options: Options | None = None, model: str = "auto") -> Job:
        """The job once its cutout is there; large photos go to the store directly. Raises JobFailed."""
        path = "/api/segment/remove"
        if bytes_of(photo) >= DIRECT_BYTES:
            wanted = {"upload_id": await self._upload(photo), "options": dict(options or {}), "model": model}
            made = await self._http.post(path, wanted, wait_s=_WAIT_S)
        else:
            form = {"options": json.dumps(options or {}), "model": model}
            made = await self._http.post(path, form=form, parts=[("image", photo)], wait_s=_WAIT_S)
        return await self.ended(Job.from_json(made))

    async def _upload(self, photo: Path) -> str:
        """The id by which a call names the photo."""
        begun = await self._http.post("/api/uploads", {"filename": photo.name})
        await self._http.put(begun["url"], photo, begun["headers"])
        upload_id: str = begun["upload_id"]
        return upload_id

    async def ended(self, job: Job) -> Job:
        """The job once it has succeeded. Raises JobFailed."""
        while job.status not in ENDED:
            job = Job.from_json(await self._http.get(job.urls["self"], wait=_WAIT_S))
        if job.status != "succeeded":
            failure = job.error
            raise JobFailed(
                failure.message if failure else "the job was canceled",
                code=failure.code if failure else "canceled",
            )
        return job

    async def download(self, made: Job | Item, target: Path) -> None:
        """The cutout of a job or of a batch's item, at `target`, whole or not at all."""
        url = made.urls["result"]
        if url is None:
            raise JobFailed("the item has no cutout", code="no_result")
        await self._http.save(url, target)

    async def batch(
        self,
        photos: Sequence[Path],
        *,
        name: str = "",
        options: Options | None = None,
        model: str = "auto",
        progress: Progress | None = None,
        resume: str | None = None,
    ) -> Batch:
        """The batch once every photo's job has ended.

        `resume`: the id of one that was begun before, with the same photos in the same order.
        """
        if resume is None:
            begun = await self.open_batch(name=name, options=options, model=model)
        else:
            begun = await self.get_batch(resume)
        await self.fill_batch(begun, photos, progress)
        return await self.batch_ended(begun, progress)

    async def open_batch(
        self, *, name: str = "", options: Options | None = None, model: str = "auto"
    ) -> Batch:
        """One without items, that takes them."""
        wanted = {"name": name, "options": dict(options or {}), "model": model, "close": False}
        return Batch.from_json(await self._http.post("/api/batches", wanted))

    async def fill_batch(
        self, batch: Batch, photos: Sequence[Path], progress: Progress | None = None
    ) -> Batch:
        """Send what is not there yet, by their order, and close it."""
        if batch.status != "open":
            return batch
        there = batch.counts.total
        if there > len(photos):
            raise CutoutError(f"the batch has {there} items already: these are others", code="other_photos")
        for chunk in _chunks(photos[there:]):
            parts = [("image", photo) for photo in chunk]
            key = f"{batch.id}-{there}"
            sent = await self._http.post(batch.urls["items"], form={}, parts=parts, key=key)
            batch, there = Batch.from_json(sent), there + len(chunk)
            if progress is not None:
                progress(batch)
        return Batch.from_json(await self._http.post(batch.urls["close"]))

    async def get_batch(self, batch_id: str) -> Batch:
        return Batch.from_json(await self._http.get(f"/api/batches/{batch_id}"))

    async def batch_ended(self, batch: Batch, progress: Progress | None = None) -> Batch:
        while True:
            batch = await self.get_batch(batch.id)
            if progress is not None:
                progress(batch)
            if batch.finished_at is not None:
                return batch
            await asyncio.sleep(_LOOK_S)

    async def items(self, batch: Batch, **filters: str) -> AsyncIterator[Item]:
        """`state=…`, `order="confidence"`, `reviewed="false"`."""
        cursor: str | None = None
        while True:
            page = await self._http.get(batch.urls["items"], limit=200, cursor=cursor, **filters)
            for item in page["items"]:
                yield Item.from_json(item)
            cursor = page["next_cursor"]
            if cursor is None:
                return

    async def change_batch(self, batch: Batch, change: str) -> Batch:
        """`pause`, `resume`, `cancel` or `retry`."""
        return Batch.from_json(await self._http.post(batch.urls[change]))

    async def results(self, batch: Batch, target: Path) -> None:
        """The ZIP of all cutouts."""
        await self._http.save(batch.urls["result"], target)

    async def report(self, batch: Batch, target: Path) -> None:
        """A CSV of all items."""
        await self._http.save(batch.urls["report"], target)


def _chunks(photos: Sequence[Path]) -> Iterator[list[Path]]:
    chunk: list[Path] = []
    size = 0
    for photo in photos:
        more = bytes_of(photo)
        if chunk and (len(chunk) == CHUNK_FILES or size + more > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(photo)
        size += more
    if chunk:
        yield chunk
