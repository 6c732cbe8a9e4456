"""Every key in the store is made here. All that derives from an image lies under the image's prefix.

Files of a job carry its fence: a run that lost its lease never writes over the run that holds it now.
"""

from uuid import UUID

USERS = "users/"
"""Everything that belongs to somebody."""


def user_prefix(user_id: UUID) -> str:
    return f"{USERS}{user_id}/"


def owner(key: str) -> UUID:
    """Whose object it is."""
    return UUID(key.split("/")[1])


def image_prefix(user_id: UUID, image_id: UUID) -> str:
    return f"{user_prefix(user_id)}images/{image_id}/"


def image(user_id: UUID, image_id: UUID, ext: str) -> str:
    return f"{image_prefix(user_id, image_id)}original.{ext}"


def upload(user_id: UUID, upload_id: UUID) -> str:
    """What a client sent directly, until an image is made of it."""
    return f"{user_prefix(user_id)}uploads/{upload_id}"


def batch_prefix(user_id: UUID, batch_id: UUID) -> str:
    return f"{user_prefix(user_id)}batches/{batch_id}/"


def batch_source(user_id: UUID, batch_id: UUID, source_id: UUID, ext: str) -> str:
    """A file or a ZIP that came with a batch, until its images are made."""
    return f"{batch_prefix(user_id, batch_id)}{source_id}.{ext}"


def working(user_id: UUID, image_id: UUID, run: str, ext: str) -> str:
    return f"{image_prefix(user_id, image_id)}working/{run}.{ext}"


def embedding(user_id: UUID, image_id: UUID, model: str, run: str) -> str:
    return f"{image_prefix(user_id, image_id)}embeddings/{model}/{run}.emb"


def auto_mask(user_id: UUID, image_id: UUID, model: str, run: str) -> str:
    return f"{image_prefix(user_id, image_id)}embeddings/{model}/{run}.png"


def mask(user_id: UUID, image_id: UUID, mask_id: UUID) -> str:
    """A mask that a client sent with `apply-mask`."""
    return f"{image_prefix(user_id, image_id)}masks/{mask_id}.png"


def result(user_id: UUID, image_id: UUID, run: str, ext: str) -> str:
    return f"{image_prefix(user_id, image_id)}results/{run}.{ext}"


def run(job_id: UUID, fence: int) -> str:
    """One run of a job; its files' names begin with it."""
    return f"{job_id}-{fence}"
