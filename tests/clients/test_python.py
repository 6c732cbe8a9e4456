"""The Python client against the real product."""

import csv
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cutout_client import AsyncCutout, Batch, Cutout, CutoutError, JobFailed, Unreachable, aio
from cutout_client.types import Counts

from tests.data.photos import CAT
from tests.stack import Stack

README = Path(__file__).parents[2] / "clients" / "python" / "README.md"
CATS = CAT.path.read_bytes()
OPENED: dict[str, Any] = {
    "id": "00000000-0000-7000-8000-000000000001",
    "name": "",
    "status": "open",
    "model": "lite",
    "counts": dict.fromkeys(Counts.__slots__, 0),
    "finished_at": None,
    "urls": {},
}


class Flaky(httpx.AsyncBaseTransport):
    """Loses every other answer, after the server has done what was asked."""

    def __init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self.requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        self.requests += 1
        if self.requests % 2:
            await answer.aclose()
            raise httpx.ReadError("the connection broke")
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.fixture
def cutout(stack: Stack) -> Iterator[Cutout]:
    with Cutout(stack.url) as client:
        yield client


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    made = [tmp_path / name for name in ("a.jpg", "b.jpg", "broken.jpg")]
    for path in made:
        path.write_bytes(CATS if path.stem != "broken" else CATS[:9000])
    return made


def test_one_photo(cutout: Cutout, tmp_path: Path) -> None:
    job = cutout.remove(CAT.path, options={"format": "webp"})
    assert (job.status, job.credits > 0, job.result and job.result["format"]) == ("succeeded", True, "webp")
    cutout.download(job, tmp_path / "cat.webp")
    assert (tmp_path / "cat.webp").read_bytes()[8:12] == b"WEBP"


def test_a_batch(cutout: Cutout, photos: list[Path], tmp_path: Path) -> None:
    seen: list[Batch] = []
    batch = cutout.batch(photos, name="cats", progress=seen.append)
    assert (batch.status, batch.counts.succeeded, batch.counts.failed) == ("completed", 2, 1)
    assert seen[-1] == batch
    items = cutout.items(batch)
    assert [(item.name, item.error and item.error.code) for item in items] == [
        ("a.jpg", None),
        ("b.jpg", None),
        ("broken.jpg", "truncated"),
    ]
    cutout.results(batch, tmp_path / "cats.zip")
    with zipfile.ZipFile(tmp_path / "cats.zip") as archive:
        assert archive.namelist() == ["a.png", "b.png"]
    cutout.report(batch, tmp_path / "cats.csv")
    with (tmp_path / "cats.csv").open(encoding="utf-8") as file:
        assert [line["state"] for line in csv.DictReader(file)] == ["succeeded", "succeeded", "failed"]
    with pytest.raises(JobFailed):
        cutout.download(items[2], tmp_path / "none")


async def test_a_large_photo_goes_to_the_store_by_itself(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aio, "DIRECT_BYTES", len(CATS))
    flaky = Flaky()
    async with AsyncCutout(stack.url, transport=flaky) as cutout:
        job = await cutout.remove(CAT.path)
        await cutout.download(job, tmp_path / "cat.png")
    assert flaky.requests >= 8  # begun, sent, asked for, fetched: each of them twice
    assert (tmp_path / "cat.png").read_bytes()[1:4] == b"PNG"


async def test_the_key_does_not_go_to_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aio, "DIRECT_BYTES", len(CATS))
    stored: dict[str, bytes] = {}

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "store.example":
            assert "x-api-key" not in request.headers
            if stored:
                return httpx.Response(400, json={"statusCode": "409", "error": "Duplicate"})
            stored["photo"] = await request.aread()
            return httpx.Response(503)
        assert request.headers["x-api-key"] == "cut_1"
        if request.url.path == "/api/uploads":
            upload = {"upload_id": "u", "url": "https://store.example/x", "headers": {}}
            return httpx.Response(201, json=upload)
        assert json.loads(request.content)["upload_id"] == "u"
        return httpx.Response(402, json={"detail": "no credits", "code": "no_credits"})

    async with AsyncCutout("https://x", key="cut_1", transport=httpx.MockTransport(answer)) as cutout:
        with pytest.raises(CutoutError, match="no credits"):
            await cutout.remove(CAT.path)
    assert stored["photo"] == CATS


async def test_lost_answers_make_nothing_twice(stack: Stack, photos: list[Path]) -> None:
    flaky = Flaky()
    async with AsyncCutout(stack.url, transport=flaky) as cutout:
        begun = await cutout.open_batch(name="flaky")
        await cutout.fill_batch(begun, photos[:1])
        done = await cutout.batch_ended(begun)
    assert flaky.requests > 6
    async with AsyncCutout(stack.url) as cutout:
        found = [item async for item in cutout.items(done)]
    assert [item.name for item in found] == ["a.jpg"]


def test_a_batch_goes_on_where_it_broke_off(cutout: Cutout, photos: list[Path]) -> None:
    begun = cutout.open_batch()
    with pytest.raises(FileNotFoundError):
        cutout.batch([photos[0], photos[0].with_name("gone.jpg")], resume=begun.id)
    done = cutout.batch(photos[:2], resume=begun.id)
    assert [item.name for item in cutout.items(done)] == ["a.jpg", "b.jpg"]


def test_the_readme_says_the_truth(
    stack: Stack, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "cup.jpg").write_bytes(CATS)
    for photo in photos:
        photo.rename(tmp_path / "photos" / photo.name)
    examples = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    known = "".join(examples).replace('"http://localhost:8000", key="cut_…"', f'"{stack.url}"')
    exec(compile(known, str(README), "exec"), {})
    assert {"cup.png", "spring.zip"} <= {path.name for path in tmp_path.iterdir()}


def test_refusals_have_their_code(cutout: Cutout) -> None:
    with pytest.raises(CutoutError) as refused:
        cutout.remove(CAT.path, options={"feather": -1})
    assert (refused.value.code, refused.value.status) == ("bad_parameter", 422)
    assert refused.value.request_id is not None
    with pytest.raises(CutoutError) as unknown:
        cutout.get_batch("00000000-0000-7000-8000-000000000000")
    assert unknown.value.code == "batch_not_found"


def answering(*answers: httpx.Response) -> httpx.MockTransport:
    """In this order, whatever is asked."""
    left = iter(answers)
    return httpx.MockTransport(lambda _request: next(left))


def refusal(status: int, code: str, retry_after: int = 0) -> httpx.Response:
    headers = {"Retry-After": str(retry_after)}
    return httpx.Response(status, json={"detail": "not now", "code": code}, headers=headers)


def test_a_server_that_wants_more_patience_than_there_is() -> None:
    busy = answering(refusal(503, "queue_full", retry_after=3600))
    with Cutout("http://a.example", transport=busy) as cutout, pytest.raises(CutoutError) as refused:
        cutout.get_batch("x")
    assert refused.value.code == "queue_full"


def test_an_own_request_that_is_under_way_is_waited_for() -> None:
    slow = answering(refusal(409, "idempotency_key_in_flight"), httpx.Response(201, json=OPENED))
    with Cutout("http://a.example", transport=slow) as cutout:
        assert cutout.open_batch().id == OPENED["id"]


def test_a_batch_of_other_photos_is_not_gone_on_with() -> None:
    counts = {**OPENED["counts"], "queued": 2, "total": 2}
    begun = Batch.from_json({**OPENED, "counts": counts})
    with Cutout("http://a.example") as cutout, pytest.raises(CutoutError) as others:
        cutout.fill_batch(begun, [CAT.path])
    assert others.value.code == "other_photos"


def test_nobody_is_there() -> None:
    with Cutout("http://127.0.0.1:9", patience_s=0) as cutout, pytest.raises(Unreachable):
        cutout.get_batch("x")
