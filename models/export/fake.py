"""A model with random weights in the official format: for tests, and where the real ones cannot be had."""

import hashlib
from pathlib import Path

from models.errors import ModelUnknown
from models.manifest import Manifest, ModelFile
from models.registry import Registry
from models.sam2.build import fake_checkpoint


def fake(registry: Registry, like: str, seed: int, out: Path) -> Manifest:
    """Writes a checkpoint to `out` and makes `fake-…` known, to be pulled from there and exported.

    Raises ModelUnknown when `like` is unknown or no torch model.
    """
    manifest = registry.manifest(like)
    config = manifest.encoder.config
    if config is None:
        raise ModelUnknown(f"{like} is not a torch model: there is no checkpoint to fake")
    content = fake_checkpoint(config, seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(content)
    file = ModelFile(
        role="checkpoint",
        path=out.name,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        source=f"file:{out.absolute()}",
    )
    changes = {
        "name": f"fake-{like.rpartition('hiera-')[2]}",
        "revision": f"seed-{seed}",
        "description": f"random weights in the shape of {like}: its masks mean nothing",
        "files": (file,),
    }
    manifest = manifest.model_copy(update=changes)
    registry.register(manifest)
    return manifest
