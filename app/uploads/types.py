"""A direct upload: bytes that are in the object store before a call says what to do with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class UploadRow:
    """Bytes that are to come, or have come and are no image yet."""

    id: UUID
    user_id: UUID
    filename: str | None
    image_id: UUID | None
    """Made of it; its bytes are there no longer."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewUpload:
    """Where the client sends its bytes, once, and with which headers."""

    id: UUID
    url: str
    method: str
    headers: Mapping[str, str]
    expires_at: datetime
