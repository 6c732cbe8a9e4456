"""The same bytes are encoded once: what was made for one image of a user is copied to the next."""

from dataclasses import dataclass, replace

import uuid_utils

from app.db.pool import Pool, connection, transaction
from app.images import repository
from app.images.types import EmbeddingRow, Image
from app.imaging.types import Format
from app.storage import keys
from app.storage.base import ObjectStore
from app.storage.errors import ObjectMissing


@dataclass(frozen=True, slots=True)
class _Derived:
    """What one image gives to another, or has got: files of its own, to be deleted with it."""

    row: EmbeddingRow
    working_key: str | None

    @property
    def keys(self) -> set[str]:
        mask = self.row.proposal.mask_key if self.row.proposal else None
        return {key for key in (self.row.key, mask, self.working_key) if key is not None}


async def reuse(
    pool: Pool, store: ObjectStore, image: Image, model: str, revision: str, *, auto: bool
) -> EmbeddingRow | None:
    """The image's embedding by this revision of the model, where the user had the same bytes encoded before.

    auto: only an embedding whose subject was looked for. What was made for another image is copied, 2.5 MB,
    so that each image can be deleted with all that is its own.
    Raises DatabaseUnavailable, StorageUnavailable: copies that are left then go with the image, as all files
    under its prefix.
    """
    async with connection(pool) as conn:
        found = await repository.same_bytes(conn, image, model, revision, auto=auto)
    if found is None:
        return None
    row, working_key = found
    if row.image_id == image.id:
        return row
    copy = _planned(image, row, working_key, auto=auto)
    try:
        await _copied(store, _Derived(row, working_key), copy)
    except ObjectMissing:  # that image was deleted just now
        await store.delete(sorted(copy.keys))
        return None
    standing = await _saved(pool, image, copy)
    await store.delete(sorted(copy.keys - (standing.keys if standing else set())))
    return standing.row if standing else None


def _planned(image: Image, row: EmbeddingRow, working_key: str | None, *, auto: bool) -> _Derived:
    """Rows and keys that the image is to have."""
    run, owner = uuid_utils.uuid7().hex, (image.user_id, image.id)
    proposal = row.proposal if auto else None
    if proposal is not None:
        proposal = replace(proposal, mask_key=keys.auto_mask(*owner, row.model, run))
    wanted = working_key is not None and image.working_key is None
    return _Derived(
        replace(
            row,
            image_id=image.id,
            key=keys.embedding(*owner, row.model, run),
            proposed=auto,
            proposal=proposal,
        ),
        keys.working(*owner, run, "jpg") if wanted else None,
    )


async def _copied(store: ObjectStore, source: _Derived, copy: _Derived) -> None:
    """Raises ObjectMissing."""
    await _copy(store, source.row.key, copy.row.key, "application/octet-stream")
    if source.row.proposal is not None and copy.row.proposal is not None:
        await _copy(store, source.row.proposal.mask_key, copy.row.proposal.mask_key, "image/png")
    if source.working_key is not None and copy.working_key is not None:
        await _copy(store, source.working_key, copy.working_key, Format.JPG.content_type)


async def _copy(store: ObjectStore, source: str, key: str, content_type: str) -> None:
    async with store.local(source) as path:
        await store.put(key, path, content_type)


async def _saved(pool: Pool, image: Image, copy: _Derived) -> _Derived | None:
    """What stands: a worker's, where that was first. None: the image is deleted."""
    async with transaction(pool) as conn:
        if not await repository.keep_image(conn, image.id):
            return None
        row = await repository.save_embedding(conn, copy.row)
        working = copy.working_key and await repository.save_working(conn, image.id, copy.working_key)
    return _Derived(row, working)
