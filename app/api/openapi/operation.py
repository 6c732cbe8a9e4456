"""What one call takes and gives, in the types that check and render it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from app.api.params import NoParams
from app.errors import AppError


@dataclass(frozen=True, slots=True)
class File:
    """Bytes, served by range and with an ETag, or a stream."""

    media_type: str
    ranges: bool = False


@dataclass(frozen=True, slots=True)
class Events:
    """Server-sent ones; the data of each is JSON."""

    data: Any


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error that is no AppError."""

    status: int
    code: str


Error = type[AppError] | Refusal


@dataclass(frozen=True, slots=True)
class Operation:
    query: type[BaseModel] = NoParams
    body: type[BaseModel] | None = None
    parts: tuple[str, ...] = ()
    """Files of a multipart body, whose fields are those of `body`."""
    binary: str | None = None
    """The media type of a body that is bytes."""
    urlencoded: bool = False
    """The same fields as text, without files."""
    answers: Mapping[Any, Any] = field(default_factory=dict)
    """By status: a type of app.api.documents, a File, Events, None for an empty body, or a tuple
    of several that `Accept` chooses from."""
    errors: tuple[Error, ...] = ()
    """Beside those of every call of its kind (document.py)."""
    idempotent: bool = False
    """Takes an Idempotency-Key."""
    waits: bool = False
    """Takes `Prefer: wait=N`."""
    examples: Mapping[str, Any] = field(default_factory=dict)
    """Bodies by name."""

    @property
    def takes_body(self) -> bool:
        return self.body is not None or bool(self.parts) or self.binary is not None
