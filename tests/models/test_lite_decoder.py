import hashlib

import numpy as np
import onnx
import pytest
from PIL import Image

from models.errors import ModelCorrupt
from models.export.lite_decoder import derive
from models.model import Model
from models.registry import Registry
from models.sessions.base import Embedding, Float, Prompts
from models.sessions.ort import OrtSession


@pytest.fixture(scope="module")
def published(registry: Registry) -> OrtSession:
    return OrtSession(registry.read("lite", "published_decoder"), "sam.onnx", threads=2)


@pytest.fixture(scope="module")
def embedding(lite_model: Model) -> Embedding:
    """Of a picture with one bright disc, 640 x 480."""
    y, x = np.mgrid[:480, :640]
    disc = ((x - 300) ** 2 + (y - 220) ** 2 < 120**2).astype(np.uint8)
    picture = np.stack([40 + 180 * disc, 60 + 90 * disc, 90 - 60 * disc], axis=-1)
    (embedding,) = lite_model.encode([picture], [(640, 480)])
    return embedding


def inputs_of_published(embedding: Embedding, prompts: Prompts, size: tuple[int, int]) -> dict[str, Float]:
    """DESIGN §6: the pad appended, size (h, w)."""
    mask = prompts.mask_input
    return {
        "image_embeddings": embedding.tensors["image_embed"],
        "point_coords": np.concatenate([prompts.coords, np.zeros((1, 1, 2), np.float32)], axis=1),
        "point_labels": np.concatenate([prompts.labels, np.full((1, 1), -1, np.float32)], axis=1),
        "mask_input": np.zeros((1, 1, 256, 256), np.float32) if mask is None else mask,
        "has_mask_input": np.array([mask is not None], np.float32),
        "orig_im_size": np.array(size[::-1], np.float32),
    }


def prompt(points: list[tuple[float, float, int]], mask: Float | None = None) -> Prompts:
    coords = np.array([[point[:2] for point in points]], np.float32)
    labels = np.array([[point[2] for point in points]], np.float32)
    return Prompts(coords, labels, mask)


# ModelSpace: the disc's centre is (300, 220) x 1024/640
CLICK = prompt([(480, 352, 1)])
BOX = prompt([(280, 160, 2), (680, 550, 3)])
SEVERAL = prompt([(480, 352, 1), (430, 300, 1), (900, 700, 0)])


def resized_as_published(logits: Float, size: tuple[int, int]) -> Float:
    """256² → 1024², the padding cut off → the image; half-pixel bilinear without antialiasing both times."""
    frame = _bilinear(logits, 1024, 1024)
    scale = 1024 / max(size)
    width, height = (int(side * scale + 0.5) for side in size)
    return _bilinear(frame[:height, :width], *size)


def _bilinear(values: Float, width: int, height: int) -> Float:
    def taps(count: int, wanted: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        at = np.clip((np.arange(wanted) + 0.5) * count / wanted - 0.5, 0, count - 1)
        low = np.floor(at).astype(int)
        return low, np.minimum(low + 1, count - 1), (at - low).astype(np.float32)

    y0, y1, fy = taps(values.shape[0], height)
    x0, x1, fx = taps(values.shape[1], width)
    rows: Float = values[y0] * (1 - fy)[:, None] + values[y1] * fy[:, None]
    columns: Float = rows[:, x0] * (1 - fx) + rows[:, x1] * fx
    return columns


def test_the_decoder_is_the_same_file_everywhere(registry: Registry) -> None:
    manifest = registry.manifest("lite")
    decoder = manifest.file("decoder")
    assert decoder is not None
    content = derive(registry.read("lite", "published_decoder"), manifest.decoder)
    assert hashlib.sha256(content).hexdigest() == decoder.sha256
    assert len(content) == decoder.bytes


def test_its_graph_has_the_interface_of_the_manifest_and_nothing_spare(registry: Registry) -> None:
    graph = onnx.load_from_string(registry.read("lite", "decoder")).graph
    spec = registry.manifest("lite").decoder
    assert [one.name for one in graph.input] == list(spec.inputs)
    assert [one.name for one in graph.output] == list(spec.outputs)
    assert not {"Resize", "ArgMax", "Tile", "OneHot"} & {node.op_type for node in graph.node}
    used = {name for node in graph.node for name in node.input}
    assert {weight.name for weight in graph.initializer} <= used


@pytest.mark.parametrize("prompts", [CLICK, BOX, SEVERAL], ids=["click", "box", "several"])
def test_it_equals_the_published_one_after_the_same_resize(
    lite_model: Model, published: OrtSession, embedding: Embedding, prompts: Prompts
) -> None:
    size = (640, 480)
    theirs = published.run(inputs_of_published(embedding, prompts, size))
    ours = lite_model.decode(embedding, prompts)
    # their choice: the best of the three for one point (with its pad), the single mask for more
    best = 1 + int(ours.iou[0, 1:].argmax()) if prompts.coords.shape[1] == 1 else 0
    # 1e-3 of logits that span 60: the same sums in another order (models/export/token_order.py) differ by
    # 5e-5, and the published graph rounds the taps of its resize in float32
    np.testing.assert_allclose(ours.logits[0, best], theirs["low_res_masks"][0, 0], atol=1e-3)
    np.testing.assert_allclose(ours.iou[0, best], theirs["iou_predictions"][0, 0], atol=1e-5)
    np.testing.assert_allclose(
        resized_as_published(ours.logits[0, best], size), theirs["masks"][0, 0], atol=1e-3
    )


def test_a_previous_mask_steers_it_as_the_published_one(
    lite_model: Model, published: OrtSession, embedding: Embedding
) -> None:
    before = lite_model.decode(embedding, SEVERAL).logits[:, :1]
    prompts = prompt([(480, 352, 1), (700, 352, 0)], before)
    theirs = published.run(inputs_of_published(embedding, prompts, (640, 480)))
    ours = lite_model.decode(embedding, prompts).logits[0, 0]
    np.testing.assert_allclose(ours, theirs["low_res_masks"][0, 0], atol=1e-3)
    unsteered = lite_model.decode(embedding, prompt([(480, 352, 1), (700, 352, 0)])).logits[0, 0]
    assert np.abs(ours - unsteered).max() > 0.1


@pytest.mark.parametrize("masked", [False, True], ids=["no mask", "a mask each"])
def test_many_prompts_at_once_equal_one_by_one(lite_model: Model, embedding: Embedding, masked: bool) -> None:
    rng = np.random.default_rng(0)
    coords = rng.uniform(0, 1024, (11, 2, 2)).astype(np.float32)
    labels = rng.integers(0, 2, (11, 2)).astype(np.float32)
    masks = rng.normal(0, 4, (11, 1, 256, 256)).astype(np.float32) if masked else None
    together = lite_model.decode(embedding, Prompts(coords, labels, masks))
    assert together.logits.shape == (11, 4, 256, 256)
    for i in range(11):
        own = masks[i : i + 1] if masks is not None else None
        alone = lite_model.decode(embedding, Prompts(coords[i : i + 1], labels[i : i + 1], own))
        # the order of additions differs with the batch; logits have a deviation of about 5
        np.testing.assert_allclose(together.logits[i], alone.logits[0], atol=1e-3)
        np.testing.assert_allclose(together.iou[i], alone.iou[0], atol=1e-4)


def test_one_click_finds_the_disc(lite_model: Model, embedding: Embedding) -> None:
    output = lite_model.decode(embedding, CLICK)
    best = output.logits[0, 1 + int(output.iou[0, 1:].argmax())]
    mask = np.asarray(Image.fromarray(resized_as_published(best, (640, 480)) > 0))
    y, x = np.mgrid[:480, :640]
    disc = (x - 300) ** 2 + (y - 220) ** 2 < 120**2
    assert (mask & disc).sum() / (mask | disc).sum() > 0.95


def test_another_graph_is_refused(registry: Registry) -> None:
    with pytest.raises(ModelCorrupt, match="has no tensor"):
        derive(registry.read("lite", "encoder"), registry.manifest("lite").decoder)
