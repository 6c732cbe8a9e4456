"""Meta's own `SAM2ImagePredictor`, which every path is compared with, and the prompts it is asked."""

import sys
import warnings
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch
from PIL import Image

from models.sessions.base import Float, Prompts, RgbImage
from tests.data.photos import Photo

# torchvision's compiled operators do not load beside a CPU build of torch. Importing its Python part asks for
# these schemas; the predictor runs none of them.
_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width,"
    " int sampling_ratio, bool aligned) -> Tensor",
    "_roi_align_backward(Tensor grad, Tensor rois, float spatial_scale, SymInt pooled_height,"
    " SymInt pooled_width, SymInt batch_size, SymInt channels, SymInt height, SymInt width,"
    " int sampling_ratio, bool aligned) -> Tensor",
)
_declared: list[Any] = []


@dataclass(frozen=True)
class Prompt:
    """What a person gives, in pixels of the working image."""

    points: tuple[tuple[float, float, int], ...] = ()
    box: tuple[float, float, float, float] | None = None
    previous: bool = False


PROMPTS = {
    "1 click": Prompt(((222.3, 130.7, 1),)),
    "3 clicks": Prompt(((222, 130, 1), (180.5, 260.25, 1), (40, 30, 0))),
    "box": Prompt(box=(100, 60.5, 330, 290)),
    "box and click": Prompt(((222, 130, 1),), box=(100, 60.5, 330, 290)),
    "previous mask": Prompt(((222, 130, 1), (60, 200, 0)), previous=True),
}


@dataclass
class Subject:
    """One photo seen by Meta's predictor and by us."""

    image: RgbImage
    reference: dict[str, Float]
    """By prompt: all four masks' logits [4, 256, 256]."""
    previous: Float
    """[1, 256, 256], clamped to ±32 as the predictor returns it."""


def model_space(prompt: Prompt, image: RgbImage, previous: Float) -> Prompts:
    """DESIGN §6: x/w·1024, y/h·1024; box corners first."""
    corners = [(*prompt.box[:2], 2), (*prompt.box[2:], 3)] if prompt.box else []
    points = np.array([*corners, *prompt.points], np.float32)
    scale = np.array([1024 / image.shape[1], 1024 / image.shape[0]], np.float32)
    mask = previous[None] if prompt.previous else None
    return Prompts((points[:, :2] * scale)[None], points[None, :, 2], mask)


def predictor(sam: Any) -> Any:
    """SAM2ImagePredictor over a SAM2Base."""
    sam.sam_mask_decoder.dynamic_multimask_via_stability = False  # else it hides one of the four masks
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it scripts its transforms
        _import_torchvision()
        return import_module("sam2.sam2_image_predictor").SAM2ImagePredictor(sam)


def seen_by_meta(meta: Any, photo: Photo) -> Subject:
    """`meta`: a predictor."""
    with Image.open(photo.path) as file:
        image = np.array(file.convert("RGB"))
    meta.set_image(image)

    def four(prompt: Prompt, previous: Float | None) -> Float:
        points = np.array(prompt.points).reshape(-1, 3)
        given = {
            "point_coords": points[:, :2] if prompt.points else None,
            "point_labels": points[:, 2] if prompt.points else None,
            "box": np.array(prompt.box) if prompt.box else None,
            "mask_input": previous if prompt.previous else None,
        }
        each = [meta.predict(**given, multimask_output=many, return_logits=True)[2] for many in (False, True)]
        return np.concatenate(each)

    previous = four(PROMPTS["1 click"], None)[1:2]
    return Subject(image, {name: four(prompt, previous) for name, prompt in PROMPTS.items()}, previous)


def _import_torchvision() -> None:
    try:
        import_module("torchvision")
    except RuntimeError:
        library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        _declared.append(library)  # it undeclares them when collected
        for schema in _OPERATORS:
            library.define(schema)
        for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[module]
        import_module("torchvision")
