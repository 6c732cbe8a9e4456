"""The codec's basis: a linear transform over channels, learnt once on other photos, shipped with a model.

Coefficients are spaced so that an error of one step in any of them moves the decoder's masks and scores
alike: the principal components of the embedding in the metric of the decoder's own gradient
(models/export/fit_codec.py, docs/codec.md). What the image does not cover of the encoder's frame, its
padding, has a mean of its own and takes a coarser step.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.segmentation.container import Reader, seal, unseal
from app.segmentation.entropy import PlaneModel
from app.segmentation.errors import EmbeddingUnreadable

Float32 = NDArray[np.float32]

FORM = "basis1"
PREDICTOR_UNIT = 256
UNIT = 1_000_000
"""Steps are stored as whole millionths, so that every reader computes the same contexts."""


class FittedArea(Protocol):
    @property
    def mean(self) -> NDArray[np.float64]: ...
    @property
    def spread(self) -> NDArray[np.float64]: ...


class Fitted(Protocol):
    """models.export.fit_codec.FittedTensor, which needs torch to be imported."""

    @property
    def name(self) -> str: ...
    @property
    def inverse(self) -> NDArray[np.float64]: ...
    @property
    def predictor(self) -> NDArray[np.float64]: ...
    @property
    def image(self) -> FittedArea: ...
    @property
    def padding(self) -> FittedArea: ...


@dataclass(frozen=True)
class Area:
    """Statistics of one part of the frame, the image's or the padding's."""

    mean: Float32
    """[C] channels."""
    spread: NDArray[np.int32]
    """[K] usual size of a coefficient's leftover after prediction, in millionths."""


@dataclass(frozen=True)
class TensorBasis:
    """C channels ↔ K coefficients of one tensor of the embedding."""

    name: str
    inverse: Float32
    """[K, C]: what a coefficient of 1 adds to the channels. Stored in half precision."""
    predictor: NDArray[np.int32]
    """[K, 4], for app.segmentation.entropy."""
    image: Area
    padding: Area

    @classmethod
    def fitted(cls, fit: Fitted) -> "TensorBasis":
        """Of what models.export.fit_codec found."""

        def area(found: FittedArea) -> Area:
            return Area(found.mean.astype(np.float32), np.rint(found.spread * UNIT).astype(np.int32))

        return cls(
            name=fit.name,
            inverse=fit.inverse.astype(np.float32),
            predictor=np.rint(fit.predictor * PREDICTOR_UNIT).astype(np.int32),
            image=area(fit.image),
            padding=area(fit.padding),
        )

    @property
    def channels(self) -> int:
        return len(self.image.mean)

    @cached_property
    def forward(self) -> Float32:
        """[K, C]: forward @ inverse.T is the identity; of the rounded inverse, so that nothing is lost."""
        return np.linalg.pinv(self.inverse.T.astype(np.float64)).astype(np.float32)

    def model(self, area: Area, step: int) -> PlaneModel:
        """What the entropy coder knows of planes quantised with `step` millionths."""
        return PlaneModel(
            self.predictor, np.maximum(area.spread.astype(np.int64) * 16 // step, 1).astype(np.int32)
        )


@dataclass(frozen=True)
class Basis:
    """Of one model revision."""

    id: str
    """Named by every embedding packed with it."""
    model: str
    revision: str
    step: int
    """Quantisation step of the image's part, in millionths."""
    padding_step: int
    tensors: tuple[TensorBasis, ...]

    def to_bytes(self) -> bytes:
        header = {
            "codec": FORM,
            "id": self.id,
            "model": self.model,
            "revision": self.revision,
            "steps": [self.step, self.padding_step],
            "tensors": [
                {"name": one.name, "rank": one.inverse.shape[0], "channels": one.inverse.shape[1]}
                for one in self.tensors
            ],
        }
        arrays = [array for one in self.tensors for array in _arrays(one)]
        return seal(header, b"".join(array.tobytes() for array in arrays))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Basis":
        """Raises EmbeddingUnreadable."""
        header, payload = unseal(data)
        reader = Reader(payload)
        try:
            if header["codec"] != FORM:
                raise EmbeddingUnreadable("not a codec basis")
            tensors = tuple(_tensor(entry, reader) for entry in header["tensors"])
            step, padding_step = header["steps"]
            return cls(header["id"], header["model"], header["revision"], step, padding_step, tensors)
        except (KeyError, TypeError, ValueError) as error:
            raise EmbeddingUnreadable("the codec basis is damaged") from error


def _arrays(one: TensorBasis) -> list[NDArray[Any]]:
    areas = [(area.mean.astype("<f4"), area.spread.astype("<i4")) for area in (one.image, one.padding)]
    return [
        one.inverse.astype("<f2"),
        one.predictor.astype("<i2"),
        *(array for pair in areas for array in pair),
    ]


def _tensor(entry: dict[str, Any], reader: Reader) -> TensorBasis:
    rank, channels = int(entry["rank"]), int(entry["channels"])

    def area() -> Area:
        return Area(
            reader.array("<f4", channels).astype(np.float32), reader.array("<i4", rank).astype(np.int32)
        )

    return TensorBasis(
        name=entry["name"],
        inverse=reader.array("<f2", rank, channels).astype(np.float32),
        predictor=reader.array("<i2", rank, 4).astype(np.int32),
        image=area(),
        padding=area(),
    )
