"""The image of a request: a file in its body, a URL, or one that is here already."""

import asyncio
import tempfile
from pathlib import Path
from uuid import UUID

from app.api.auth import limited
from app.api.errors import BadParameter
from app.api.params import Body, SourceRequest, StoreRequest
from app.api.state import State
from app.api.uploads import FileLimit, Upload
from app.images.types import Image
from app.imaging.errors import TooLargeBytes
from app.imaging.sandbox import probe
from app.imaging.types import MAX_BYTES
from app.storage.errors import ObjectMissing
from app.uploads.errors import UploadIncomplete


def _too_large() -> TooLargeBytes:
    return TooLargeBytes(f"the file is larger than {MAX_BYTES:,} bytes", limit=MAX_BYTES)


def file_limit() -> FileLimit:
    return FileLimit(MAX_BYTES, _too_large)


IMAGE_PART = {"image": file_limit()}


async def image_of(state: State, user: UUID, body: Body, source: StoreRequest) -> Image:
    """Stored now, or found. Raises BadParameter, NotFound, what `probe`, the guarded client and
    UploadService.local raise."""
    image_id = source.image_id if isinstance(source, SourceRequest) else None
    match body.files.get("image"), source.image_url, source.upload_id, image_id:
        case Upload() as upload, None, None, None:
            return await _stored(state, user, upload.path, upload.filename)
        case None, str() as url, None, None:
            return await _fetched(state, user, url)
        case None, None, UUID() as upload_id, None:
            return await _used(state, user, upload_id)
        case None, None, None, UUID():
            return await state["images"].get(user, image_id)
    raise BadParameter("send either a file as `image`, an `image_url`, an `upload_id` or an `image_id`")


async def _fetched(state: State, user: UUID, url: str) -> Image:
    """Raises as GuardedClient.fetch_image."""
    with tempfile.TemporaryDirectory(dir=state["upload_dir"], ignore_cleanup_errors=True) as folder:
        file = await state["client"].fetch_image(url, Path(folder) / "image")
        return await _stored(state, user, file.path, file.name)


async def _used(state: State, user: UUID, upload_id: UUID) -> Image:
    """A second copy of its bytes, in the image's place, of what was looked at: nobody can swap that."""
    direct = state["direct"]
    upload = await direct.get(user, upload_id)
    if upload.image_id is not None:
        return await state["images"].get(user, upload.image_id)
    try:
        async with state["uploads"].taken(), direct.local(upload) as path:
            image = await _stored(state, user, path, upload.filename)
    except (UploadIncomplete, ObjectMissing):
        upload = await direct.get(user, upload_id)
        if upload.image_id is None:
            raise
        return await state["images"].get(user, upload.image_id)  # of a call that was faster
    await direct.became(upload, image.id)
    return image


async def _stored(state: State, user: UUID, path: Path, filename: str | None) -> Image:
    info = await asyncio.to_thread(probe, path)
    await limited(state, lambda limits: limits.image(state["caller"], info.width * info.height))
    name = filename and filename.replace("\0", "")  # Postgres takes none in a text
    return await state["images"].add(user, path, info, name)
