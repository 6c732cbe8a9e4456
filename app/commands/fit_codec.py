"""`cutout models fit-codec`: learn the codec basis of a model from a folder of photos."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from app.commands.models import model_errors, open_registry
from app.errors import AppError, BadInput
from app.imaging.probe import probe
from app.imaging.working import working_image
from app.segmentation.basis import UNIT, Basis, TensorBasis
from app.segmentation.codec import KL1
from app.segmentation.spaces import working_size
from models.manifest import Manifest
from models.model import Model
from models.registry import require_torch
from models.sessions.base import Embedding

STEP, PADDING_STEP = 0.01, 0.04
"""Of `lite`'s curve (docs/codec.md): IoU 0.9955, 5th percentile 0.986. Padding moves the masks less."""
FEW = 20


class TooFewPhotos(BadInput):
    code = "too_few_photos"


def fit_codec(
    name: Annotated[str, typer.Argument(help="A model with its decoder.")],
    photos: Annotated[Path, typer.Argument(help="A folder of photos, searched throughout.", exists=True)],
    *,
    out: Annotated[Path | None, typer.Option(help="Write the basis here too.")] = None,
    limit: Annotated[int, typer.Option(help="Use at most so many.")] = 100,
    step: Annotated[float, typer.Option(help="Quantisation step.")] = STEP,
    padding_step: Annotated[float, typer.Option(help="Where the image does not reach.")] = PADDING_STEP,
) -> None:
    """Learn how to pack a model's embeddings small, and keep that with the model."""
    registry = open_registry()
    with model_errors():
        require_torch()
        from models.export.fit_codec import fit  # noqa: PLC0415 - torch: an extra, and 2 s to import
        from models.export.gradients import TorchGraph  # noqa: PLC0415

        manifest, model = registry.manifest(name), registry.open(name)
        graph = TorchGraph(registry.read(name, "decoder"))
    found = sorted(path for path in photos.rglob("*") if path.is_file())[:limit]
    embeddings = [one for path in track(found, "embedding") if (one := _embedding(model, path)) is not None]
    if len(embeddings) < FEW:
        raise TooFewPhotos(f"{photos} has {len(embeddings)} readable photos; a basis needs {FEW} or more")
    sizes = [working_size(one.image_size) for one in embeddings]
    tensors = fit(manifest, model, graph, embeddings, sizes, progress=_shown)
    basis = named(manifest, [TensorBasis.fitted(one) for one in tensors], step, padding_step)
    content = basis.to_bytes()
    if out is not None:
        out.write_bytes(content)
    stored = registry.store("codec_basis", f"{name}.basis", content)
    others = tuple(file for file in manifest.files if file.role != "codec_basis")
    changes = {"files": (*others, stored), "codec": KL1, "revision": basis.revision}
    registry.register(manifest.model_copy(update=changes))
    typer.echo(f"{name} has the basis {basis.id}, {len(content):,} bytes")


def named(manifest: Manifest, tensors: list[TensorBasis], step: float, padding_step: float) -> Basis:
    """The basis under an id of its content, and a revision of its own: old embeddings keep to the old one."""
    steps = round(step * UNIT), round(padding_step * UNIT)
    weights = manifest.revision.partition("+")[0]
    basis = Basis("", manifest.name, weights, *steps, tuple(tensors))
    digest = hashlib.sha256(basis.to_bytes()).hexdigest()[:12]
    return replace(basis, id=f"{manifest.name}-{digest}", revision=f"{weights}+{digest}")


def _shown(done: int, total: int) -> None:
    typer.echo(f"gradients of {done}/{total}")


def _embedding(model: Model, path: Path) -> Embedding | None:
    """None for a file that is not a photo."""
    try:
        info = probe(path)
        return model.encode([working_image(path, info)], [(info.width, info.height)])[0]
    except AppError:
        return None
