"""Learns a codec basis: an embedding's principal components in the metric of its decoder (docs/codec.md).

An error d of the embedding moves the decoder's answers by J·d, so its cost is dᵀMd with M the mean of
JᵀJ: over photos and prompts, over positions, with the mask's logits weighted by the slope of their
sigmoid (an error counts where it can move the edge) and the predicted IoUs beside them (an error that
reorders the four masks costs a whole mask). JᵀJ is estimated by random projections (Hutchinson 1990):
one backward pass a prompt and kind.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from models.export.gradients import TorchGraph
from models.manifest import Manifest
from models.model import decoder_inputs
from models.preprocess import fitted
from models.sessions.base import Decoder, Embedding, Prompts

Matrix = NDArray[np.float64]

SCORE_SHARE = (
    0.5  # of the metric is the predicted IoUs'; at 0.17 more single clicks flip (benchmarks/codec.py)
)
EVENNESS = 0.05  # of the metric is plain: gradients see small errors only
MIN_AREA = 50.0  # MaskSpace pixels: smaller masks would outweigh all others
MODEL_SIDE = 1024  # the frame of every encoder (DESIGN §3)

Progress = Callable[[int, int], None]
"""(photos done, photos in all)."""


@dataclass(frozen=True, slots=True)
class FittedArea:
    """Statistics of the coefficients where the image is, or where the padding is."""

    mean: Matrix
    """[C]"""
    spread: Matrix
    """[C] mean size of what the predictor leaves."""


@dataclass(frozen=True, slots=True)
class FittedTensor:
    """One tensor's basis; coefficients are sorted by falling variance."""

    name: str
    inverse: Matrix
    """[C coefficients, C channels], rounded to half precision."""
    predictor: Matrix
    """[C, 4]: left, up, up-left, up-right."""
    image: FittedArea
    padding: FittedArea


@dataclass
class _Moments:
    channels: int
    count: int = 0
    total: Matrix = field(init=False)
    square: Matrix = field(init=False)

    def __post_init__(self) -> None:
        self.total = np.zeros(self.channels)
        self.square = np.zeros((self.channels, self.channels))

    def add(self, columns: NDArray[np.floating]) -> None:
        """[C, n]"""
        columns = columns.astype(np.float64)
        self.count += columns.shape[1]
        self.total += columns.sum(axis=1)
        self.square += columns @ columns.T

    @property
    def mean(self) -> Matrix:
        return self.total / max(self.count, 1)

    @property
    def covariance(self) -> Matrix:
        return self.square / max(self.count, 1) - np.outer(self.mean, self.mean)


def fit(
    manifest: Manifest,
    decoder: Decoder,
    graph: TorchGraph,
    photos: Sequence[Embedding],
    sizes: Sequence[tuple[int, int]],
    *,
    progress: Progress | None = None,
    seed: int = 0,
) -> list[FittedTensor]:
    """The bases of every tensor of the embeddings. `sizes`: (width, height) of the photos' working images."""
    contents = [fitted(*size, manifest.geometry) for size in sizes]
    random, signs = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    masks, scores = _Metric(manifest), _Metric(manifest)
    for index, (photo, content) in enumerate(zip(photos, contents, strict=True)):
        for prompt in _prompts(decoder, photo, content, random):
            probed = _probe(graph, photo, prompt, content, signs)
            for metric, gradients in zip((masks, scores), probed, strict=True):
                metric.add(gradients, content)
        if progress is not None:
            progress(index + 1, len(photos))
    found = []
    for spec in manifest.tensors:
        mixed = (1 - SCORE_SHARE) * masks.of(spec.name) + SCORE_SHARE * scores.of(spec.name)
        even = (1 - EVENNESS) * mixed + EVENNESS * np.eye(spec.shape[1])
        found.append(_basis(spec.name, even, photos, contents))
    return found


class _Metric:
    """The mean of g·gᵀ over positions, a matrix over channels for each tensor."""

    def __init__(self, manifest: Manifest) -> None:
        self._shapes = {spec.name: spec.shape for spec in manifest.tensors}
        self._moments = {name: _Moments(shape[1]) for name, shape in self._shapes.items()}

    def add(self, gradients: dict[str, NDArray[np.float32]], content: tuple[int, int]) -> None:
        for name, gradient in gradients.items():
            self._moments[name].add(_columns(gradient, content)[0])

    def of(self, name: str) -> Matrix:
        """Scaled so that an error of 1 costs 1 in the mean over the values of all tensors."""
        cost = sum(
            float(np.trace(self._raw(other))) * shape[2] * shape[3] for other, shape in self._shapes.items()
        )
        values = sum(int(np.prod(shape)) for shape in self._shapes.values())
        return self._raw(name) * (values / cost)

    def _raw(self, name: str) -> Matrix:
        moments = self._moments[name]
        return moments.square / moments.count


def _prompts(
    decoder: Decoder, photo: Embedding, content: tuple[int, int], random: np.random.Generator
) -> Iterator[Prompts]:
    """One click anywhere; then two within the mask it gives and one outside; then that mask's box."""
    click = random.uniform(0.1, 0.9, 2) * content
    one = _prompt([(click, 1)])
    yield one
    output = decoder.decode(photo, one)
    mask = output.logits[0, 1 + int(np.argmax(output.iou[0, 1:]))] > 0
    scale = MODEL_SIDE // len(mask)
    mask = mask[: -(-content[1] // scale), : -(-content[0] // scale)]
    inside, outside = np.argwhere(mask), np.argwhere(~mask)
    if len(inside) == 0 or len(outside) == 0:
        return
    picked = [*random.choice(inside, 2), random.choice(outside)]
    yield _prompt([((at[::-1] + 0.5) * scale, label) for at, label in zip(picked, (1, 1, 0), strict=True)])
    corners = np.array([inside.min(axis=0)[::-1], inside.max(axis=0)[::-1] + 1]) * scale
    yield _prompt([(corners[0], 2), (corners[1], 3)])


def _prompt(points: Sequence[tuple[NDArray[np.floating], int]]) -> Prompts:
    coords = np.array([[at for at, _ in points]], np.float32)
    return Prompts(coords, np.array([[label for _, label in points]], np.float32))


def _probe(
    graph: TorchGraph, photo: Embedding, prompt: Prompts, content: tuple[int, int], signs: torch.Generator
) -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.float32]]]:
    """Gradients [1, C, h, w] of a random combination of the answering mask's logits, and of the scores."""
    inputs = {
        name: torch.from_numpy(np.array(value)) for name, value in decoder_inputs(photo, prompt).items()
    }
    tensors = [inputs[name].requires_grad_(True) for name in photo.tensors]
    output = graph(inputs)
    iou = output["iou"][0]
    single = prompt.labels.shape[1] == 1
    answer = 1 + int(iou[1:].argmax()) if single else 0
    logits = output["logits"][0, answer]
    scale = MODEL_SIDE // logits.shape[0]
    logits = logits[: -(-content[1] // scale), : -(-content[0] // scale)]
    slope = torch.sigmoid(logits.detach()) * torch.sigmoid(-logits.detach())
    area = max(float((logits > 0).sum()), MIN_AREA)
    edge = (_signs(logits, signs) * slope * logits).sum() / area**0.5
    of_mask = torch.autograd.grad(edge, tensors, retain_graph=True)
    # SAM 2's scores do not look at its fine tensors: zeros
    of_scores = torch.autograd.grad((_signs(iou, signs) * iou).sum(), tensors, materialize_grads=True)
    return tuple(  # type: ignore[return-value]
        {name: found.numpy() for name, found in zip(photo.tensors, gradients, strict=True)}
        for gradients in (of_mask, of_scores)
    )


def _signs(like: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    return torch.randint(0, 2, like.shape, generator=random).to(like.dtype) * 2 - 1


def _columns(
    tensor: NDArray[np.floating], content: tuple[int, int]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """[1, C, side, side] → [C, n] where the image is and [C, m] where the padding is."""
    image, rest = _areas(tensor[0], content)
    flat = [part.reshape(len(part), -1) for part in rest]
    empty = np.zeros((tensor.shape[1], 0), tensor.dtype)
    return image.reshape(len(image), -1), np.concatenate([empty, *flat], axis=1)


def _areas(
    tensor: NDArray[np.floating], content: tuple[int, int]
) -> tuple[NDArray[np.floating], list[NDArray[np.floating]]]:
    """[C, side, side] → the image's part and what there is of padding, below or beside."""
    side = tensor.shape[1]
    stride = MODEL_SIDE // side
    width, height = -(-content[0] // stride), -(-content[1] // stride)
    rest = [part for part in (tensor[:, height:], tensor[:, :height, width:]) if part.size]
    return tensor[:, :height, :width], rest


def _basis(
    name: str, metric: Matrix, photos: Sequence[Embedding], contents: Sequence[tuple[int, int]]
) -> FittedTensor:
    channels = len(metric)
    image, padding = _Moments(channels), _Moments(channels)
    for photo, content in zip(photos, contents, strict=True):
        inside, outside = _columns(photo.tensors[name], content)
        image.add(inside)
        padding.add(outside)
    values, vectors = np.linalg.eigh(metric)
    root, unroot = vectors * np.sqrt(values), vectors / np.sqrt(values)
    variance, axes = np.linalg.eigh(root.T @ image.covariance @ root)
    inverse = (unroot @ axes[:, np.argsort(-variance)]).T.astype(np.float16).astype(np.float64)
    forward = np.linalg.inv(inverse.T)
    padding_mean = padding.mean if padding.count else image.mean
    planes = _Planes(name, forward, image.mean, padding_mean)
    predictor = planes.predictor(photos, contents)
    spreads = planes.spreads(photos, contents, predictor)
    return FittedTensor(
        name, inverse, predictor, FittedArea(image.mean, spreads[0]), FittedArea(padding_mean, spreads[1])
    )


@dataclass(frozen=True, slots=True)
class _Planes:
    """Coefficients of photos, [C, h, w], in the image's part and the padding's."""

    name: str
    forward: Matrix
    mean: Matrix
    padding_mean: Matrix

    def of(self, photo: Embedding, content: tuple[int, int]) -> tuple[Matrix, list[Matrix]]:
        image, rest = _areas(photo.tensors[self.name][0], content)
        return self._coefficients(image, self.mean), [
            self._coefficients(one, self.padding_mean) for one in rest
        ]

    def predictor(self, photos: Sequence[Embedding], contents: Sequence[tuple[int, int]]) -> Matrix:
        """[C, 4]: least squares over the images' inner positions."""
        count = len(self.forward)
        products = np.zeros((count, 5, 5))
        for photo, content in zip(photos, contents, strict=True):
            products += _products(self.of(photo, content)[0])
        ridge = 1e-6 * products[:, 4, 4, None, None] * np.eye(4)
        found = np.linalg.solve(products[:, :4, :4] + ridge, products[:, :4, 4:])
        return np.asarray(found[:, :, 0], np.float64)

    def spreads(
        self, photos: Sequence[Embedding], contents: Sequence[tuple[int, int]], predictor: Matrix
    ) -> tuple[Matrix, Matrix]:
        """[C] each: mean size of what the predictor leaves in images and paddings."""
        sums, counts = np.zeros((2, len(self.forward))), np.zeros(2)
        for photo, content in zip(photos, contents, strict=True):
            image, rest = self.of(photo, content)
            for area, planes in [(0, image), *((1, one) for one in rest)]:
                errors = _errors(planes, predictor)
                sums[area] += errors.sum(axis=(1, 2))
                counts[area] += errors[0].size
        mean = sums / np.maximum(counts, 1)[:, None]
        return mean[0], mean[1]

    def _coefficients(self, values: NDArray[np.floating], mean: Matrix) -> Matrix:
        flat = values.reshape(len(values), -1) - mean[:, None]
        return np.asarray((self.forward @ flat).reshape(values.shape), np.float64)


def _neighbours(planes: Matrix) -> list[Matrix]:
    """Left, up, up-left, up-right of the inner positions [C, h - 1, w - 2]."""
    return [planes[:, 1:, :-2], planes[:, :-1, 1:-1], planes[:, :-1, :-2], planes[:, :-1, 2:]]


def _products(planes: Matrix) -> Matrix:
    """[C, 5, 5]: second moments of the four neighbours and the value itself."""
    joined = np.stack([*_neighbours(planes), planes[:, 1:, 1:-1]], axis=1).reshape(len(planes), 5, -1)
    return joined @ joined.transpose(0, 2, 1)


def _errors(planes: Matrix, predictor: Matrix) -> Matrix:
    """Sizes of what the predictor leaves at the inner positions."""
    guess = sum(
        weight[:, None, None] * one for weight, one in zip(predictor.T, _neighbours(planes), strict=True)
    )
    return np.asarray(np.abs(planes[:, 1:, 1:-1] - guess))
