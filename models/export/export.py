"""`cutout models export`: from a SAM 2 checkpoint, the decoder that browser and server run, checked."""

from dataclasses import dataclass

import numpy as np
import torch

from models.errors import ModelUnknown
from models.export.graphs import decoder_onnx, encoder_onnx, half_weights
from models.export.parity import Parity, check, decoder_parity, equal
from models.manifest import Manifest
from models.registry import Registry
from models.sam2.build import load
from models.sam2.decoder import MaskDecoder
from models.sam2.encoder import ImageEncoder
from models.sessions.base import Float, RgbImage, Tensors
from models.sessions.ort import OrtEncoder, OrtSession
from models.sessions.torch import Placement, TorchEncoder


@dataclass(frozen=True, slots=True)
class Exported:
    manifest: Manifest
    parity: list[Parity]
    half: list[Parity]
    """Of the variant with weights in half; it is in the manifest only where it is equal too."""


class TorchDecoder:
    """A `Session` over a MaskDecoder: what exported graphs are compared with."""

    def __init__(self, module: MaskDecoder, manifest: Manifest) -> None:
        self._module = module
        self._spec = manifest.decoder

    def run(self, inputs: Tensors) -> dict[str, Float]:
        with torch.inference_mode():
            outputs = self._module(*(torch.tensor(inputs[name]) for name in self._spec.inputs))
        return {name: output.numpy() for name, output in zip(self._spec.outputs, outputs, strict=True)}


def export(registry: Registry, name: str, *, encoder: bool = False) -> Exported:
    """Writes the graphs and the manifest that names them into the registry; the checkpoint must be there.

    Raises ModelMissing, ModelCorrupt, ModelUnknown (a model that is ONNX already), ParityFailed.
    """
    manifest = registry.manifest(name)
    config = manifest.encoder.config
    if manifest.encoder.runtime != "torch" or config is None:
        raise ModelUnknown(f"{name} is not a torch model: there is nothing to export")
    sam = load(registry.read(name, "checkpoint"), config, name)
    images = ImageEncoder(sam)
    (embedding,) = TorchEncoder(manifest, images, Placement(torch.device("cpu"))).encode([_test_card()])

    content = decoder_onnx(MaskDecoder(sam), manifest.decoder)
    source = TorchDecoder(MaskDecoder(sam), manifest)
    parity = decoder_parity(embedding, source.run, OrtSession(content, name).run)
    check(parity)
    made = [registry.store("decoder", f"{name}.decoder.onnx", content)]
    small = half_weights(content)
    half = decoder_parity(embedding, source.run, OrtSession(small, name).run)
    if equal(half):
        made.append(registry.store("decoder_fp16", f"{name}.decoder.fp16.onnx", small))
    if encoder:
        graph = encoder_onnx(images, manifest)
        parity += _encoder_parity(embedding, OrtEncoder(manifest, OrtSession(graph, name)))
        check(parity)
        made.append(registry.store("encoder", f"{name}.encoder.onnx", graph))

    roles = {file.role for file in made}
    kept = [file for file in manifest.files if file.role not in roles]
    manifest = manifest.model_copy(update={"files": (*kept, *made)})
    registry.register(manifest)
    return Exported(manifest, parity, half)


def _encoder_parity(embedding: Tensors, exported: OrtEncoder) -> list[Parity]:
    (again,) = exported.encode([_test_card()])
    return [
        Parity(f"encoder {name}", float(np.abs(again[name] - tensor).max() / tensor.std()), 0)
        for name, tensor in embedding.items()
    ]


def _test_card() -> RgbImage:
    """uint8 [480, 640, 3]: discs on a gradient under seeded noise; something for every filter to answer."""
    y, x = np.mgrid[:480, :640]
    card = np.stack([x / 640, y / 480, (x + y) / 1120], axis=-1) * 160
    for cx, cy, radius, colour in ((200, 180, 90, (230, 60, 40)), (450, 300, 120, (40, 90, 220))):
        card[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = colour
    noise = np.random.default_rng(0).normal(0, 8, card.shape)
    return np.clip(card + noise, 0, 255).astype(np.uint8)
