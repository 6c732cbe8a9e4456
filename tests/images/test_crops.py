"""Crops: images of their own that live and go with the image that they are a part of."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from PIL import Image as Pillow

from app.db.pool import Pool
from app.images import crops, repository
from app.images.crops import check_box, check_boxes
from app.images.errors import CropInvalid, CropOfCrop, ImageNotFound, TooManyCrops
from app.images.service import ImageService
from app.images.types import MAX_CROPS, Image
from app.imaging.probe import probe
from app.imaging.types import Box
from app.jobs.service import JobService
from app.jobs.types import EncodeParams, JobKind, JobStatus, NewJob
from app.storage import keys
from app.storage.errors import StorageUnavailable
from app.storage.local import LocalStore
from workers.sweep import tidy

SIZE = (90, 120)
"""(width, height) of the photo once it is upright."""
BOX: Box = (20, 30, 70, 110)


@pytest.fixture
async def image(images: ImageService, owner: UUID, tmp_path: Path) -> Image:
    """Lossless, and stored lying on its side."""
    noise = np.random.default_rng(0).integers(0, 256, (SIZE[0], SIZE[1], 3), np.uint8)
    exif = Pillow.Exif()
    exif[0x0112] = 6  # the camera was held upright
    path = tmp_path / "photo.png"
    Pillow.fromarray(noise).save(path, exif=exif)
    return await images.add(owner, path, probe(path), "photo.png")


async def cropped(images: ImageService, image: Image, box: Box = BOX) -> Image:
    crop, made = await images.add_crop(image, box)
    assert made
    return crop


async def pixels(store: LocalStore, image: Image) -> np.ndarray:
    async with store.local(image.storage_key) as path:
        return np.asarray(Pillow.open(path))


async def test_a_crop_is_the_part_of_the_upright_photo(
    images: ImageService, store: LocalStore, image: Image, owner: UUID
) -> None:
    crop = await cropped(images, image)
    assert (crop.crop_of, crop.box, crop.size, crop.format) == (image.id, BOX, (50, 80), "png")
    assert crop.expires_at == image.expires_at
    assert await images.get(owner, crop.id) == crop
    x0, y0, x1, y1 = BOX
    upright = np.rot90(await pixels(store, image), -1)
    assert np.array_equal(await pixels(store, crop), upright[y0:y1, x0:x1])


async def test_one_of_a_box_also_of_two_at_once(
    images: ImageService, store: LocalStore, image: Image, owner: UUID
) -> None:
    assert await images.crop(image, BOX) is None
    answers = await asyncio.gather(*(images.add_crop(image, BOX) for _ in range(2)))
    (first, _), (second, _) = answers
    assert first == second
    assert sorted(made for _, made in answers) == [False, True]
    assert await images.crop(image, BOX) == first
    files = [key for key in await store.list(keys.user_prefix(owner)) if "original" in key]
    assert sorted(files) == sorted([image.storage_key, first.storage_key])


async def test_it_is_listed_nowhere(images: ImageService, image: Image, owner: UUID) -> None:
    await cropped(images, image)
    assert (await images.list(owner)).items == (image,)


async def test_a_crop_goes_with_its_image(
    images: ImageService, jobs: JobService, pool: Pool, store: LocalStore, image: Image, owner: UUID
) -> None:
    crop = await cropped(images, image)
    job = await jobs.create(NewJob(owner, JobKind.ENCODE, "lite", crop.id, EncodeParams(auto=False)))
    await images.delete(owner, image.id)
    with pytest.raises(ImageNotFound):
        await images.get(owner, crop.id)
    assert (await jobs.get(owner, job.id)).status is JobStatus.CANCELED
    assert await store.list("users/") == [crop.storage_key]
    await tidy(pool, store)
    assert await store.list("users/") == []


async def test_a_deleted_crop_leaves_its_image_and_can_be_made_again(
    images: ImageService, image: Image, owner: UUID
) -> None:
    crop = await cropped(images, image)
    await images.delete(owner, crop.id)
    assert await images.get(owner, image.id) == image
    assert (await cropped(images, image)).id != crop.id


async def test_a_crop_expires_with_its_image(
    images: ImageService, pool: Pool, store: LocalStore, image: Image, owner: UUID
) -> None:
    async with pool.connection() as conn:
        await conn.execute("update images set expires_at = now() + interval '1 day'")
        crop = await cropped(images, await images.get(owner, image.id))
        await conn.execute("update images set expires_at = expires_at - interval '1 day'")
        with pytest.raises(ImageNotFound):
            await images.get(owner, crop.id)
        await tidy(pool, store)
        assert await store.list("users/") == []
        assert await repository.to_purge(conn, 10) == []


async def test_what_is_gone_meanwhile_is_not_cropped(
    images: ImageService, store: LocalStore, image: Image, owner: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted between the cut and its row: nothing may be left that nobody deletes."""
    stand = crops._stand

    async def late(pool: Pool, image: Image, box: Box, row: dict[str, object]) -> Image:
        await images.delete(owner, image.id)
        return await stand(pool, image, box, row)

    monkeypatch.setattr(crops, "_stand", late)
    with pytest.raises(ImageNotFound):
        await images.add_crop(image, BOX)
    assert await store.list("users/") == []


async def test_a_cut_whose_answer_is_lost_leaves_no_bytes(
    images: ImageService, store: LocalStore, image: Image, owner: UUID, lose_answers: Callable[[], None]
) -> None:
    lose_answers()
    with pytest.raises(StorageUnavailable):
        await images.add_crop(image, BOX)
    assert await store.list(keys.user_prefix(owner)) == [image.storage_key]


async def test_who_comes_second_has_the_crop_though_its_own_file_stays(
    images: ImageService, store: LocalStore, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await cropped(images, image)

    async def away(found: list[str]) -> None:
        raise StorageUnavailable(f"{len(found)} files stay")

    monkeypatch.setattr(store, "delete", away)
    assert await images.add_crop(image, BOX) == (first, False)


async def test_so_many_and_no_more(images: ImageService, pool: Pool, image: Image) -> None:
    crop = await cropped(images, image)
    async with pool.connection() as conn:
        for n in range(1, MAX_CROPS):
            row = {"id": UUID(int=n), "storage_key": "none", "sha256": "", "bytes": 1, "crop_of": image.id}
            await repository.insert_crop(
                conn, row | {"width": 40, "height": 40, "box": [n % 40, n // 40, n % 40 + 40, n // 40 + 40]}
            )
    assert await images.crop(image, BOX) == crop
    for add in (images.crop, images.add_crop):
        with pytest.raises(TooManyCrops):
            await add(image, (50, 80, 90, 120))


async def test_a_crop_is_not_cropped(images: ImageService, image: Image) -> None:
    crop = await cropped(images, image)
    with pytest.raises(CropOfCrop) as refused:
        await images.crop(crop, (0, 0, 40, 40))
    assert refused.value.extra == {"image_id": str(image.id)}


@pytest.mark.parametrize(
    ("box", "size"),
    [
        ((-1, 0, 40, 40), SIZE),
        ((0, 0, 91, 40), SIZE),
        ((0, 80, 40, 121), SIZE),
        ((40, 40, 20, 80), SIZE),
        ((0, 0, 31, 80), SIZE),
        ((0, 0, 80, 31), SIZE),
        ((0, 0, *SIZE), SIZE),
        ((0, 0, 4001, 3000), (9000, 9000)),
    ],
)
def test_boxes_that_are_no_crop(box: Box, size: tuple[int, int]) -> None:
    with pytest.raises(CropInvalid):
        check_box(box, size)


def test_the_smallest_and_the_largest_crop() -> None:
    check_box((0, 0, 32, 32), SIZE)
    check_box((58, 88, 90, 120), SIZE)
    check_box((0, 0, 4000, 3000), (9000, 9000))


def test_boxes_count_once_and_cost_so_much_together() -> None:
    size, one, two = (20_000, 5_000), (0, 0, 4000, 3000), (9, 9, 99, 99)
    assert check_boxes([one, two, one] * 20, size) == (two, one)
    many = [(x, 0, x + 4000, 3000) for x in range(17)]
    assert len(check_boxes(many[:16], size)) == 16
    with pytest.raises(CropInvalid, match="together"):
        check_boxes(many, size)
