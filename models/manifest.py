"""What is known of one model revision: JSON, read by Python and by the browser (DESIGN §6)."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import ManifestInvalid

VERSION = 1

Role = Literal[
    "encoder", "decoder", "decoder_fp16", "published_decoder", "checkpoint", "codec_basis", "prior"
]
Shape = tuple[int | str, ...]
"""Axis lengths; a name is an axis free at run time: B prompts, N points, M masks (1 or B)."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelFile(_Frozen):
    role: Role
    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    """A file name for people; on disk a file is named by its hash."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(gt=0)]
    source: str
    """`https://…`, `npm:package@version!path`, `pypi:package==version!path`, `file:…`, `derive:…` (by us),
    `shipped:…` (comes with this program)."""


class Geometry(_Frozen):
    """WorkingSpace → ModelSpace (DESIGN §3)."""

    side: int
    fit: Literal["pad", "stretch"]
    """pad: both axes by side/max(w,h), zeros right and below. stretch: x by side/w, y by side/h."""
    resample: Literal["uint8", "float"]
    """Antialiased bilinear on 8-bit values (Pillow, as SAM 1 was trained), or on floats (torch, as SAM 2)."""


class Normalisation(_Frozen):
    """(value / divide - mean) / std, per channel R, G, B."""

    divide: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class TensorSpec(_Frozen):
    """One tensor of the embedding."""

    name: str
    shape: tuple[int, ...]


class EncoderSpec(_Frozen):
    runtime: Literal["onnx", "torch"]
    input: str = "image"
    outputs: tuple[str, ...]
    """The graph's outputs, in the order of `tensors`."""
    config: str | None = None
    """torch: the configuration inside the `sam2` package."""


class Stability(_Frozen):
    """SAM 2's dynamic multimask: below `threshold` the single-mask output yields to the best of the three."""

    delta: float
    threshold: float


class DecoderSpec(_Frozen):
    """The decoder interface of all models: point_coords in ModelSpace, exactly one (0,0,-1) pad, last."""

    inputs: dict[str, Shape]
    outputs: dict[str, Shape]
    stability: Stability | None = None


class Manifest(_Frozen):
    version: Literal[1] = 1
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    revision: str
    licence: str
    description: str
    files: tuple[ModelFile, ...]
    geometry: Geometry
    normalisation: Normalisation
    tensors: tuple[TensorSpec, ...]
    codec: Literal["fp16", "kl1"]
    """The form an embedding is sent in, unless a request asks for fp16. kl1 needs a `codec_basis`."""
    encoder: EncoderSpec
    decoder: DecoderSpec

    @model_validator(mode="after")
    def _one_file_a_role(self) -> Self:
        roles = [file.role for file in self.files]
        if len(roles) != len(set(roles)):
            raise ValueError("a role names one file")
        return self

    @model_validator(mode="after")
    def _small_form_with_its_basis(self) -> Self:
        if (self.codec == "kl1") != (self.file("codec_basis") is not None):
            raise ValueError("the codec kl1 goes with a codec_basis, fp16 without")
        return self

    def file(self, role: Role) -> ModelFile | None:
        return next((file for file in self.files if file.role == role), None)


class _Versioned(BaseModel):
    version: int


def parse(text: str | bytes, origin: str) -> Manifest:
    """Raises ManifestInvalid, naming `origin`; a newer version is told apart from a damaged file."""
    try:
        version = _Versioned.model_validate_json(text).version
        if version > VERSION:
            raise ManifestInvalid(
                f"{origin}: manifest version {version}, this program reads up to {VERSION}; update Cutout"
            )
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "manifest"
        raise ManifestInvalid(f"{origin}: {where}: {first['msg']}") from error


def load(path: Path) -> Manifest:
    return parse(path.read_bytes(), path.name)
