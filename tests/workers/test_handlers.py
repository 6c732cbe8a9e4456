"""From a photo to files and rows by the real engine: encode, remove, apply-mask."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from PIL import Image as Pillow

from app.db.pool import Pool
from app.engines.sam2 import Sam2Engine
from app.images.service import ImageService
from app.images.types import Image
from app.imaging.probe import probe
from app.imaging.types import Format
from app.jobs.service import JobService
from app.jobs.types import ApplyParams, EncodeParams, Job, JobKind, JobParams, JobStatus, NewJob, RemoveParams
from app.matting.options import CutoutOptions
from app.segmentation.codec import unpack
from app.segmentation.errors import EmbeddingUnreadable
from app.segmentation.marks import Mark, MarkKind
from app.settings import Settings
from app.storage import keys
from app.storage.local import LocalStore
from models.registry import Registry
from tests.rows import a_user, new_id
from tests.workers.conftest import MakeRuntime
from workers.handlers import embed_handlers, mask_handlers
from workers.kit import Engines, Kit, open_engines

PHOTO = Path(__file__).parents[1] / "data/photos/cat.jpg"

Do = Callable[[JobKind, JobParams], Awaitable[Job]]


@pytest.fixture(scope="module")
def engines(registry: Registry) -> Engines:
    return open_engines(Settings(models_dir=registry.root))


@pytest.fixture
def images(pool: Pool, store: LocalStore, jobs: JobService) -> ImageService:
    return ImageService(pool, store, jobs)


@pytest.fixture
def owner(dsn: str) -> UUID:
    return a_user(dsn)


@pytest.fixture
async def image(images: ImageService, owner: UUID) -> Image:
    return await images.add(owner, PHOTO, probe(PHOTO))


@pytest.fixture
def do(
    jobs: JobService, pool: Pool, store: LocalStore, engines: Engines, runtime: MakeRuntime, image: Image
) -> Do:
    """Create a job and let one worker of each kind empty its queue."""
    kit = Kit(pool, store, engines)
    workers = [runtime("embed:lite", embed_handlers(kit)), runtime("mask", mask_handlers(kit))]

    async def do(kind: JobKind, params: JobParams) -> Job:
        job = await jobs.create(NewJob(image.user_id, kind, "lite", image.id, params))
        for worker in workers:
            await worker.look()
            await worker.idle()
        return await jobs.get(image.user_id, job.id)

    return do


def result_of(job: Job) -> dict[str, Any]:
    assert job.status is JobStatus.SUCCEEDED, job.error
    assert job.result is not None
    return job.result


async def derived(store: LocalStore, image: Image) -> list[str]:
    found = await store.list(keys.image_prefix(image.user_id, image.id))
    return [key for key in found if key != image.storage_key]


async def test_encode_stores_embedding_proposal_and_working_image(
    do: Do, images: ImageService, store: LocalStore, engines: Engines, image: Image
) -> None:
    job = await do(JobKind.ENCODE, EncodeParams())
    result = result_of(job)
    row = await images.embedding(image.user_id, image.id, "lite")
    mask = (await images.proposal(image.user_id, image.id, "lite")).mask_key
    working = await images.working(image.user_id, image.id)
    assert sorted(await derived(store, image)) == sorted([row.key, mask, working])
    shown = {"bytes": row.bytes, "codec": "kl1", "model": "lite", "revision": row.revision}
    assert row.bytes < 200_000 < await store.size(row.key)
    assert result["embedding"] == shown
    assert result["auto"]["score"] > 0.5
    async with store.local(row.key) as path:
        stored = path.read_bytes()
    for one in (engines("lite").unpack(stored[: row.bytes]), unpack(stored[row.bytes :])):
        assert (one.image_size, one.revision) == ((image.width, image.height), row.revision)
    assert {"encode", "store", "working"} <= job.timings.keys()


async def test_encoding_again_makes_nothing_new(do: Do, store: LocalStore, image: Image) -> None:
    bare = result_of(await do(JobKind.ENCODE, EncodeParams(auto=False)))
    assert bare["auto"] is None
    proposed = result_of(await do(JobKind.ENCODE, EncodeParams()))
    assert proposed["auto"] is not None
    files = await derived(store, image)
    assert result_of(await do(JobKind.ENCODE, EncodeParams())) == proposed
    assert await derived(store, image) == files
    assert len(files) == 3, files


async def test_an_embedding_of_before_the_small_form_still_makes_masks(
    do: Do, images: ImageService, store: LocalStore, pool: Pool, image: Image, tmp_path: Path
) -> None:
    await do(JobKind.ENCODE, EncodeParams())
    row = await images.embedding(image.user_id, image.id, "lite")
    point = Mark(kind=MarkKind.POINT, points=((image.width * 0.5, image.height * 0.5),))
    marks = ApplyParams(marks=(point,), start="empty", options=CutoutOptions(trim=False))
    small = result_of(await do(JobKind.APPLY_MASK, marks))
    async with store.local(row.key) as path:
        (tmp_path / "old").write_bytes(path.read_bytes()[row.bytes :])
    key = keys.embedding(image.user_id, image.id, "lite", "old")
    stored = await store.put(key, tmp_path / "old", "")
    async with pool.connection() as conn:
        change = "update embeddings set codec = 'fp16', storage_key = %s, bytes = %s where image_id = %s"
        await conn.execute(change, (key, stored.bytes, image.id))
    old = result_of(await do(JobKind.APPLY_MASK, marks))
    assert (old["width"], old["height"]) == (small["width"], small["height"])


async def test_a_proposal_that_fails_leaves_nothing_of_what_was_stored_beside_it(
    do: Do, store: LocalStore, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **_named: object) -> None:
        raise EmbeddingUnreadable("damaged")

    monkeypatch.setattr(Sam2Engine, "finish", fails)
    job = await do(JobKind.ENCODE, EncodeParams())
    assert (job.status, job.error and job.error["code"]) == (JobStatus.FAILED, "embedding_unreadable")
    assert await derived(store, image) == []


async def test_remove_goes_through_both_workers(do: Do, store: LocalStore, image: Image) -> None:
    job = await do(JobKind.REMOVE, RemoveParams(options=CutoutOptions(trim=False)))
    result = result_of(job)
    assert (result["width"], result["height"], result["format"]) == (image.width, image.height, "png")
    assert job.result_key is not None
    async with store.local(job.result_key) as path:
        assert path.stat().st_size == result["bytes"]
        with Pillow.open(path) as cutout:
            alpha = np.asarray(cutout)[..., 3]
    assert 0.05 < (alpha > 127).mean() < 0.95
    assert {"encode", "decode", "upsample", "store"} <= job.timings.keys()


async def test_apply_replays_marks_or_takes_the_clients_mask(
    do: Do, store: LocalStore, image: Image, tmp_path: Path
) -> None:
    await do(JobKind.ENCODE, EncodeParams())
    point = Mark(kind=MarkKind.POINT, points=((image.width * 0.5, image.height * 0.5),))
    marked = await do(JobKind.APPLY_MASK, ApplyParams(marks=(point,), start="empty"))
    assert result_of(marked)["trim_box"] != [0, 0, image.width, image.height]
    assert "marks" in marked.timings
    square = np.zeros((image.height, image.width), np.uint8)
    square[20:60, 30:90] = 255
    Pillow.fromarray(square).save(tmp_path / "mask.png")
    key = keys.mask(image.user_id, image.id, new_id())
    await store.put(key, tmp_path / "mask.png", "image/png")
    options = CutoutOptions(format=Format.WEBP, matting="off")
    masked = await do(JobKind.APPLY_MASK, ApplyParams(mask_key=key, options=options))
    x0, y0, x1, y1 = result_of(masked)["trim_box"]
    assert np.abs(np.array([x0, y0, x1, y1]) - [30, 20, 90, 60]).max() <= 3
    assert str(masked.result_key).endswith(".webp")


async def test_a_preview_is_small_and_expires(do: Do, pool: Pool, image: Image) -> None:
    await do(JobKind.ENCODE, EncodeParams())
    options = CutoutOptions(trim=False)
    job = await do(JobKind.APPLY_MASK, ApplyParams(preview=True, options=options))
    assert max(result_of(job)["width"], result_of(job)["height"]) <= 1024
    async with pool.connection() as conn:
        ttl = "select result_expires_at - finished_at as ttl from jobs where id = %s"
        row = await (await conn.execute(ttl, (job.id,))).fetchone()
    assert row is not None
    assert row["ttl"].total_seconds() == 600


@pytest.mark.parametrize(
    ("kind", "params", "code"),
    [
        (JobKind.APPLY_MASK, ApplyParams(), "embedding_not_found"),
        (
            JobKind.REMOVE,
            RemoveParams(options=CutoutOptions(background="00000000-0000-7000-8000-00000000abcd")),
            "image_not_found",
        ),
    ],
)
async def test_what_cannot_be_done_fails_with_its_code_and_leaves_no_result(
    do: Do, store: LocalStore, image: Image, kind: JobKind, params: JobParams, code: str
) -> None:
    job = await do(kind, params)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error["code"] == code
    assert [key for key in await derived(store, image) if "/results/" in key] == []
