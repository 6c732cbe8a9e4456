"""The same bytes are encoded once; each image keeps files of its own."""

from pathlib import Path
from uuid import UUID

import pytest

from app.db.pool import Pool
from app.images import repository
from app.images.service import ImageService
from app.images.types import EmbeddingRow, Image, ProposalRow
from app.imaging.probe import probe
from app.jobs.service import JobService
from app.jobs.types import EncodeParams, JobKind, JobStatus, NewJob
from app.queue.arq_adapter import ArqDoorbell
from app.storage import keys
from app.storage.local import LocalStore
from tests.data.photos import CAT, COFFEE
from tests.rows import a_user

REVISION = "r1"


async def upload(images: ImageService, owner: UUID, path: Path = CAT.path) -> Image:
    return await images.add(owner, path, probe(path))


async def encoded(
    pool: Pool, store: LocalStore, image: Image, tmp_path: Path, *, auto: bool = True
) -> EmbeddingRow:
    """As a worker leaves it, with other bytes for each of the three files."""
    owner = (image.user_id, image.id)
    key, mask = keys.embedding(*owner, "lite", "run"), keys.auto_mask(*owner, "lite", "run")
    working = keys.working(*owner, "run", "jpg")
    for each in (key, mask, working) if auto else (key, working):
        (tmp_path / "file").write_text(each.rpartition("/")[2])
        await store.put(each, tmp_path / "file", "")
    proposal = ProposalRow(mask, 0.9, (0, 0, 10, 10), ((5, 5),)) if auto else None
    row = EmbeddingRow(image.id, "lite", REVISION, "fp16", key, 7, auto, proposal)
    async with pool.connection() as conn:
        await repository.save_working(conn, image.id, working)
        return await repository.save_embedding(conn, row)


async def content(store: LocalStore, key: str) -> bytes:
    return b"".join([chunk async for chunk in store.read(key)])


async def files(store: LocalStore, image: Image) -> set[str]:
    return set(await store.list(keys.image_prefix(image.user_id, image.id))) - {image.storage_key}


async def test_the_next_image_gets_copies_of_its_own(
    pool: Pool, store: LocalStore, images: ImageService, owner: UUID, tmp_path: Path
) -> None:
    first = await upload(images, owner)
    made = await encoded(pool, store, first, tmp_path)
    second = await upload(images, owner)
    row = await images.reuse(second, "lite", REVISION, auto=True)
    assert row is not None
    assert row == await images.embedding(owner, second.id, "lite")
    assert (row.revision, row.codec, row.bytes) == (made.revision, made.codec, made.bytes)
    assert row.proposal is not None
    assert made.proposal is not None
    working = await images.working(owner, second.id)
    assert await files(store, second) == {row.key, row.proposal.mask_key, working}
    pairs = [(row.key, made.key), (row.proposal.mask_key, made.proposal.mask_key)]
    for mine, its in [*pairs, (working, await images.working(owner, first.id))]:
        assert await content(store, mine) == await content(store, its)
    assert await images.reuse(second, "lite", REVISION, auto=True) == row  # its own now: nothing is copied
    assert len(await files(store, second)) == 3


@pytest.mark.parametrize("deleted", [0, 1])
async def test_deleting_one_leaves_the_other_whole(
    deleted: int, pool: Pool, store: LocalStore, images: ImageService, owner: UUID, tmp_path: Path
) -> None:
    both = [await upload(images, owner) for _ in range(2)]
    await encoded(pool, store, both[0], tmp_path)
    assert await images.reuse(both[1], "lite", REVISION, auto=True) is not None
    gone, left = both[deleted], both[1 - deleted]
    await images.delete(owner, gone.id)
    assert await files(store, gone) == set()
    for key in (
        (await images.embedding(owner, left.id, "lite")).key,
        (await images.proposal(owner, left.id, "lite")).mask_key,
        await images.working(owner, left.id),
    ):
        assert await content(store, key)
    third = await upload(images, owner)
    assert await images.reuse(third, "lite", REVISION, auto=True) is not None


async def test_only_the_same_user_bytes_model_and_revision(
    pool: Pool, store: LocalStore, images: ImageService, owner: UUID, tmp_path: Path, dsn: str
) -> None:
    await encoded(pool, store, await upload(images, owner), tmp_path)
    stranger = a_user(dsn)
    same, other = await upload(images, owner), await upload(images, owner, COFFEE.path)
    assert await images.reuse(await upload(images, stranger), "lite", REVISION, auto=True) is None
    assert await images.reuse(other, "lite", REVISION, auto=True) is None
    assert await images.reuse(same, "lite", "r2", auto=True) is None
    assert await images.reuse(same, "sam2.1-hiera-small", REVISION, auto=True) is None
    assert await files(store, same) == set()


async def test_who_wants_no_proposal_gets_none_and_who_wants_one_needs_one(
    pool: Pool, store: LocalStore, images: ImageService, owner: UUID, tmp_path: Path
) -> None:
    bare = await upload(images, owner, COFFEE.path)
    await encoded(pool, store, bare, tmp_path, auto=False)
    asking = await upload(images, owner, COFFEE.path)
    assert await images.reuse(asking, "lite", REVISION, auto=True) is None

    await encoded(pool, store, await upload(images, owner), tmp_path)
    row = await images.reuse(await upload(images, owner), "lite", REVISION, auto=False)
    assert row is not None
    assert (row.proposed, row.proposal) == (False, None)


async def test_files_or_images_that_vanish_meanwhile_leave_nothing_behind(
    pool: Pool, store: LocalStore, images: ImageService, owner: UUID, tmp_path: Path
) -> None:
    first, second = await upload(images, owner), await upload(images, owner)
    made = await encoded(pool, store, first, tmp_path)
    await images.delete(owner, second.id)
    assert await images.reuse(second, "lite", REVISION, auto=True) is None
    assert await files(store, second) == set()
    third = await upload(images, owner)
    assert made.proposal is not None
    await store.delete([made.proposal.mask_key])  # the last but one that is copied
    assert await images.reuse(third, "lite", REVISION, auto=True) is None
    assert await files(store, third) == set()


async def test_a_job_whose_result_is_known_has_succeeded_and_rings_nobody(
    jobs: JobService, images: ImageService, doorbell: ArqDoorbell, owner: UUID
) -> None:
    image = await upload(images, owner)
    result = {"embedding": {"bytes": 7}, "auto": None}
    new = NewJob(owner, JobKind.ENCODE, "lite", image.id, EncodeParams(), result=result)
    job = await jobs.create(new)
    assert (job.status, job.result, job.progress, job.fence) == (JobStatus.SUCCEEDED, result, 1, 0)
    assert job.created_at == job.started_at == job.finished_at
    assert await doorbell.forgotten(job.queue, [f"{job.id.hex}:0"]) == {f"{job.id.hex}:0"}
    assert job == await jobs.get(owner, job.id)
