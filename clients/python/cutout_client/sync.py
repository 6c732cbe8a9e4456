"""The same without coroutines."""

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from cutout_client.aio import AsyncCutout, Options, Progress
from cutout_client.types import Batch, Item, Job

T = TypeVar("T")


class Cutout:
    """`with Cutout(url, key=…) as cutout`. Methods are those of AsyncCutout; not for use within a loop."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        patience_s: float = 120.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._runner = asyncio.Runner()
        self._client = AsyncCutout(url, key=key, patience_s=patience_s, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        try:
            self._run(self._client.close())
        finally:
            self._runner.close()

    def remove(self, photo: Path, *, options: Options | None = None, model: str = "auto") -> Job:
        return self._run(self._client.remove(photo, options=options, model=model))

    def ended(self, job: Job) -> Job:
        return self._run(self._client.ended(job))

    def download(self, made: Job | Item, target: Path) -> None:
        self._run(self._client.download(made, target))

    def batch(
        self,
        photos: Sequence[Path],
        *,
        name: str = "",
        options: Options | None = None,
        model: str = "auto",
        progress: Progress | None = None,
        resume: str | None = None,
    ) -> Batch:
        return self._run(
            self._client.batch(
                photos, name=name, options=options, model=model, progress=progress, resume=resume
            )
        )

    def open_batch(self, *, name: str = "", options: Options | None = None, model: str = "auto") -> Batch:
        return self._run(self._client.open_batch(name=name, options=options, model=model))

    def fill_batch(self, batch: Batch, photos: Sequence[Path], progress: Progress | None = None) -> Batch:
        return self._run(self._client.fill_batch(batch, photos, progress))

    def get_batch(self, batch_id: str) -> Batch:
        return self._run(self._client.get_batch(batch_id))

    def batch_ended(self, batch: Batch, progress: Progress | None = None) -> Batch:
        return self._run(self._client.batch_ended(batch, progress))

    def items(self, batch: Batch, **filters: str) -> list[Item]:
        async def every() -> list[Item]:
            return [item async for item in self._client.items(batch, **filters)]

        return self._run(every())

    def change_batch(self, batch: Batch, change: str) -> Batch:
        return self._run(self._client.change_batch(batch, change))

    def results(self, batch: Batch, target: Path) -> None:
        self._run(self._client.results(batch, target))

    def report(self, batch: Batch, target: Path) -> None:
        self._run(self._client.report(batch, target))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)
