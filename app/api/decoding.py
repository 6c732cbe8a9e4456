"""Masks in the HTTP process: `/api/segment/decode`, for clients that cannot decode by themselves."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from app.engines.errors import SubjectNotFound
from app.engines.sam2 import Sam2Engine
from app.images.types import EmbeddingRow
from app.segmentation.marks import Mark
from app.segmentation.maskio import from_png
from app.segmentation.spaces import MODEL_SIDE
from app.settings import Settings
from app.storage.base import ObjectStore
from models.registry import Registry

Start: TypeAlias = Literal["auto", "empty"] | Path
"""What marks are drawn over: the automatic subject, nothing, or a mask PNG."""
_LONGEST = 2 * MODEL_SIDE
"""px a side of a mask that is drawn over: twice what goes out, and what the decoder sees is smaller still."""
_AT_ONCE = 1
"""A decode takes every core for 0.1 s: two at once would each take twice as long."""


class Decoding:
    """One engine per model, opened when first asked for."""

    def __init__(self, models: Registry, store: ObjectStore, settings: Settings) -> None:
        self._models = models
        self._store = store
        self._settings = settings
        self._engines: dict[str, Sam2Engine] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def mask(
        self, row: EmbeddingRow, marks: Sequence[Mark], start: Start, *, refine: bool = False
    ) -> bytes:
        """PNG of the mask after `marks` over `start`, which `refine` makes finer first.

        Raises MarkOutsideImage, SubjectNotFound, MaskUnreadable, MaskAspect, ModelError.
        """
        under = start if isinstance(start, Path) else await self._proposal(row) if start == "auto" else None
        packed = await self._bytes(row.key, row.bytes)
        async with self._slots:
            return await asyncio.to_thread(self._decode, row.model, packed, under, marks, refine=refine)

    async def _proposal(self, row: EmbeddingRow) -> bytes | None:
        """None: nothing was found. Raises SubjectNotFound where nobody looked."""
        if not row.proposed:
            raise SubjectNotFound("no subject was looked for: encode with auto, or start from empty")
        return await self._bytes(row.proposal.mask_key) if row.proposal else None

    def _decode(
        self, model: str, packed: bytes, under: Path | bytes | None, marks: Sequence[Mark], *, refine: bool
    ) -> bytes:
        engine = self._engine(model)
        embedding = engine.unpack(packed)
        if isinstance(under, Path):  # not before its turn: many that wait would be much in memory
            under = under.read_bytes()
        start = None if under is None else from_png(under, embedding.image_size, _LONGEST)
        return engine.mask_png(engine.segment(embedding, marks, start, refine=refine), embedding.image_size)

    def _engine(self, model: str) -> Sam2Engine:
        if model not in self._engines:
            settings = self._settings
            self._engines[model] = Sam2Engine(self._models.open(model, settings.threads, settings.providers))
        return self._engines[model]

    async def _bytes(self, key: str, end: int | None = None) -> bytes:
        """An embedding as it is sent, 0.2 MB, or a mask of 50 KB."""
        return b"".join([chunk async for chunk in self._store.read(key, end=end)])
