"""Images: stored once, everything derived goes with them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from PIL import Image as Pillow

from app.db.pool import Pool
from app.engines.errors import SubjectNotFound
from app.images import repository
from app.images.errors import EmbeddingNotFound, ImageNotFound
from app.images.service import ImageService
from app.images.types import EmbeddingRow, Image, ProposalRow
from app.imaging.probe import probe
from app.jobs.claims import Claims, Outcome
from app.jobs.errors import LeaseLost
from app.jobs.events import Events
from app.jobs.service import JobService
from app.jobs.types import EncodeParams, JobKind, JobStatus, NewJob
from app.queue.arq_adapter import ArqDoorbell
from app.storage import keys
from app.storage.base import StoredObject
from app.storage.errors import StorageUnavailable
from app.storage.local import LocalStore
from tests.rows import a_user
from workers.sweep import tidy

PHOTO = Path(__file__).parents[1] / "data/photos/cat.jpg"


@pytest.fixture
async def image(images: ImageService, owner: UUID) -> Image:
    return await images.add(owner, PHOTO, probe(PHOTO), "cat.jpg")


def embedding(image: Image, key: str, mask: str | None = None) -> EmbeddingRow:
    proposal = ProposalRow(mask, 0.9, (0, 0, 10, 10), ((5, 5),)) if mask else None
    return EmbeddingRow(image.id, "lite", "r1", "fp16", key, 10, mask is not None, proposal)


async def save(pool: Pool, row: EmbeddingRow) -> EmbeddingRow:
    async with pool.connection() as conn:
        return await repository.save_embedding(conn, row)


async def test_bytes_and_row(images: ImageService, store: LocalStore, image: Image, owner: UUID) -> None:
    assert await images.get(owner, image.id) == image
    assert (image.filename, image.bytes, image.format) == ("cat.jpg", PHOTO.stat().st_size, "jpeg")
    async with store.local(image.storage_key) as original:
        assert original.read_bytes() == PHOTO.read_bytes()


async def test_strangers_see_nothing(images: ImageService, image: Image, dsn: str) -> None:
    stranger = a_user(dsn)
    for call in (images.get, images.delete, images.working):
        with pytest.raises(ImageNotFound):
            await call(stranger, image.id)
    with pytest.raises(ImageNotFound):
        await images.embedding(stranger, image.id, "lite")
    assert (await images.list(stranger)).items == ()


async def test_no_row_leaves_no_bytes(
    images: ImageService, store: LocalStore, pool: Pool, owner: UUID
) -> None:
    async with pool.connection() as conn:
        await conn.execute("alter table images add constraint no_more check (false) not valid")
    with pytest.raises(Exception, match="no_more"):
        await images.add(owner, PHOTO, probe(PHOTO))
    assert await store.list("users/") == []


async def test_a_file_whose_answer_is_lost_leaves_no_bytes(
    images: ImageService, store: LocalStore, owner: UUID, lose_answers: Callable[[], None]
) -> None:
    lose_answers()
    with pytest.raises(StorageUnavailable):
        await images.add(owner, PHOTO, probe(PHOTO))
    assert await store.list("users/") == []


async def test_the_working_image_is_made_once(
    images: ImageService, store: LocalStore, image: Image, owner: UUID
) -> None:
    made = await asyncio.gather(*(images.working(owner, image.id) for _ in range(3)))
    assert len(set(made)) == 1
    assert [key for key in await store.list("users/") if "working" in key] == [made[0]]
    async with store.local(made[0]) as path:
        with Pillow.open(path) as picture:
            assert picture.size == (image.width, image.height)


async def test_a_working_image_of_what_is_gone_meanwhile_is_not_kept(
    images: ImageService, store: LocalStore, image: Image, owner: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = store.put

    async def late(key: str, source: Path, content_type: str) -> StoredObject:
        await images.delete(owner, image.id)
        return await put(key, source, content_type)

    monkeypatch.setattr(store, "put", late)
    with pytest.raises(ImageNotFound):
        await images.working(owner, image.id)
    assert await store.list("users/") == []


async def test_the_first_embedding_stands_and_a_proposal_is_added(
    images: ImageService, pool: Pool, image: Image, owner: UUID
) -> None:
    with pytest.raises(EmbeddingNotFound):
        await images.embedding(owner, image.id, "lite")
    assert (await save(pool, embedding(image, "first"))).key == "first"
    with pytest.raises(SubjectNotFound):
        await images.proposal(owner, image.id, "lite")
    standing = await save(pool, embedding(image, "second", "mask-2"))
    assert standing.key == "first"
    await save(pool, embedding(image, "third", "mask-3"))
    assert (await images.proposal(owner, image.id, "lite")).mask_key == "mask-2"
    assert (await images.embedding(owner, image.id, "lite")).key == "first"


async def test_delete_takes_everything_derived_and_ends_the_jobs(
    images: ImageService, jobs: JobService, pool: Pool, doorbell: ArqDoorbell,
    store: LocalStore, image: Image, owner: UUID,
) -> None:  # fmt: skip
    new = NewJob(owner, JobKind.ENCODE, "lite", image.id, EncodeParams())
    claims = Claims(pool, doorbell, Events(None))
    waiting, done = await jobs.create(new), await jobs.create(new)
    running = await claims.claim("embed:lite", "one", lease_s=30)
    ended = await claims.claim("embed:lite", "one", lease_s=30)
    assert running is not None
    assert ended is not None
    result = keys.result(owner, image.id, "run", "png")
    for key in (result, keys.mask(owner, image.id, ended.id)):
        await store.put(key, PHOTO, "image/png")
    await claims.succeed(ended, Outcome({"a": 1}, result_key=result), {})
    await save(pool, embedding(image, "first"))
    await images.delete(owner, image.id)
    assert await store.list("users/") == []
    with pytest.raises(ImageNotFound):
        await images.get(owner, image.id)
    with pytest.raises(ImageNotFound):
        await jobs.create(new)
    with pytest.raises(LeaseLost):
        await claims.succeed(running, Outcome({"a": 1}), {})
    assert (await jobs.get(owner, waiting.id)).status is JobStatus.CANCELED
    history = await jobs.get(owner, done.id)
    assert (history.status, history.result_key) == (JobStatus.SUCCEEDED, None)


async def test_an_image_is_deleted_though_its_files_stay_for_the_sweeper(
    images: ImageService, pool: Pool, store: LocalStore, image: Image, owner: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async def away(found: list[str]) -> None:
        raise StorageUnavailable(f"{len(found)} files stay")

    with monkeypatch.context() as patch:
        patch.setattr(store, "delete", away)
        await images.delete(owner, image.id)
    with pytest.raises(ImageNotFound):
        await images.get(owner, image.id)
    await tidy(pool, store)
    assert await store.list("users/") == []


@pytest.mark.parametrize(
    "moment", ["expires_at = now() - interval '1 second'", "deleted_at = now() - interval '1 second'"]
)
async def test_expired_and_half_deleted_images_are_purged(
    images: ImageService, pool: Pool, store: LocalStore, image: Image, owner: UUID, moment: str
) -> None:
    async with pool.connection() as conn:
        await conn.execute(f"update images set {moment}".encode())
    with pytest.raises(ImageNotFound):
        await images.get(owner, image.id)
    assert await store.list("users/") != []
    await tidy(pool, store)
    assert await store.list("users/") == []
    async with pool.connection() as conn:
        assert await repository.to_purge(conn, 10) == []


async def test_a_job_of_an_image_that_expires_ends_before_its_files_go(
    images: ImageService, jobs: JobService, pool: Pool, doorbell: ArqDoorbell,
    store: LocalStore, image: Image, owner: UUID,
) -> None:  # fmt: skip
    """Else its worker wrote files that nobody removes."""
    claims = Claims(pool, doorbell, Events(None))
    await jobs.create(NewJob(owner, JobKind.ENCODE, "lite", image.id, EncodeParams()))
    running = await claims.claim("embed:lite", "one", lease_s=30)
    assert running is not None
    async with pool.connection() as conn:
        await conn.execute("update images set expires_at = now()")
    await tidy(pool, store)
    assert await store.list("users/") == []
    assert (await jobs.get(owner, running.id)).status is JobStatus.CANCELED
    with pytest.raises(LeaseLost):
        await claims.succeed(running, Outcome({"a": 1}), {})


async def test_a_preview_is_not_kept(
    jobs: JobService, pool: Pool, doorbell: ArqDoorbell, store: LocalStore, image: Image, owner: UUID
) -> None:
    claims = Claims(pool, doorbell, Events(None))
    await jobs.create(NewJob(owner, JobKind.ENCODE, "lite", image.id, EncodeParams()))
    job = await claims.claim("embed:lite", "one", lease_s=30)
    assert job is not None
    key = keys.result(owner, image.id, "run", "png")
    await store.put(key, PHOTO, "image/png")
    await claims.succeed(job, Outcome({"a": 1}, result_key=key, result_ttl_s=600), {})
    await tidy(pool, store)
    assert (await jobs.get(owner, job.id)).result_key == key
    async with pool.connection() as conn:
        await conn.execute("update jobs set result_expires_at = now()")
    await tidy(pool, store)
    assert (await jobs.get(owner, job.id)).result_key is None
    assert key not in await store.list("users/")
