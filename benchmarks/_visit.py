"""One visit of the editor, as requests: a photo goes up, is encoded, cut out, comes back and is deleted."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import connect

from benchmarks._pictures import photo

STAGES = ("upload", "encode", "open", "apply", "download")
"""POST of the photo to its answer · job to its end · working image, embedding and proposal · mask to the
cutout's end · the file."""


@dataclass
class Visits:
    """What visits took, by stage."""

    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    up: int = 0
    """Bytes of photos."""
    down: int = 0
    """Bytes of what is loaded: working images, embeddings, masks, cutouts."""
    errors: list[str] = field(default_factory=list)
    done: int = 0

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[stage].append(time.perf_counter() - begun)

    def add(self, other: "Visits") -> None:
        for stage, seconds in other.seconds.items():
            self.seconds[stage] += seconds
        self.up, self.down, self.done = self.up + other.up, self.down + other.down, self.done + other.done
        self.errors += other.errors

    def quantile(self, stage: str, share: float) -> float:
        ordered = sorted(self.seconds[stage])
        return ordered[int(share * (len(ordered) - 1))]


async def visit(client: httpx.AsyncClient, number: int, visits: Visits) -> None:
    """Every second one hears of its jobs over WebSocket, the others by long polls. Failures are noted."""
    try:
        await _visit(client, number, visits)
    except (httpx.HTTPError, OSError, JobFailed) as error:
        visits.errors.append(f"visit {number}: {type(error).__name__} {error}")
    visits.done += 1


class JobFailed(Exception):
    pass


async def _visit(client: httpx.AsyncClient, number: int, visits: Visits) -> None:
    listens = number % 2 == 0
    content = await asyncio.to_thread(photo, number)
    with visits.timed("upload"):
        made = await _posted(client, "encode", files={"image": (f"{number}.jpg", content)})
    visits.up += len(content)
    with visits.timed("encode"):
        job = await _ended(client, made, listens)
    image = f"/api/images/{made['image']['id']}"
    with visits.timed("open"):
        mask = await _opened(client, image, job, visits)
    mine = {"data": {"image_id": made["image"]["id"]}, "files": {"mask": ("mask.png", mask)}}
    with visits.timed("apply"):
        cutout = await _ended(client, await _posted(client, "apply-mask", **mine), listens)
    with visits.timed("download"):
        visits.down += len((await client.get(cutout["urls"]["result"])).raise_for_status().content)
    (await client.delete(image)).raise_for_status()


async def _opened(client: httpx.AsyncClient, image: str, job: Mapping[str, Any], visits: Visits) -> bytes:
    """What an editor loads; the proposal's mask."""
    embedding, mask = job["result"]["embedding"]["url"], job["result"]["auto"]["mask_url"]
    loaded = [
        (await client.get(url, follow_redirects=True)).raise_for_status().content
        for url in (f"{image}/working", embedding, mask)
    ]
    visits.down += sum(map(len, loaded))
    return loaded[-1]


async def _posted(client: httpx.AsyncClient, call: str, **body: Any) -> dict[str, Any]:
    made: dict[str, Any] = (await client.post(f"/api/segment/{call}", **body)).raise_for_status().json()
    return made


async def _ended(client: httpx.AsyncClient, job: dict[str, Any], listens: bool) -> dict[str, Any]:
    """Raises JobFailed."""
    if listens:
        job = await _heard(client, job)
    while job["status"] in {"queued", "processing"}:
        job = (await client.get(job["urls"]["self"], params={"wait": 25})).raise_for_status().json()
    if job["status"] != "succeeded":
        raise JobFailed(f"{job['kind']} {job['status']}: {job['error']}")
    return job


async def _heard(client: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    url = str(client.base_url.copy_with(scheme="ws", path=job["urls"]["ws"]))
    headers = {"Authorization": client.headers["Authorization"]}
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        async for message in socket:
            job = json.loads(message)["data"]
    return job
