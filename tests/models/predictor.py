"""Meta's own `SAM2ImagePredictor`, which every path is compared with."""

import sys
import warnings
from importlib import import_module
from typing import Any

import torch

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


def predictor(sam: object) -> Any:
    """SAM2ImagePredictor over a SAM2Base."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it scripts its transforms
        _import_torchvision()
        return import_module("sam2.sam2_image_predictor").SAM2ImagePredictor(sam)


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
