"""Checkpoint bytes ↔ the `sam2` package's model. The only place that imports that package."""

import io
import pickle
from typing import Any

import torch
from sam2.build_sam import build_sam2
from torch import nn

from models.errors import ModelCorrupt


def load(checkpoint: bytes, config: str, name: str) -> nn.Module:
    """SAM2Base in evaluation mode on the CPU, float32.

    Raises ModelCorrupt: no checkpoint, one with code in it (`weights_only` runs none), or of another model.
    """
    try:
        content = torch.load(io.BytesIO(checkpoint), map_location="cpu", weights_only=True, mmap=False)
        weights = content["model"]
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelCorrupt(f"{name}: not a SAM 2 checkpoint: {reason}") from error
    model = _build(config)
    try:
        model.load_state_dict(weights)
    except (RuntimeError, TypeError) as error:
        raise ModelCorrupt(f"{name}: the checkpoint is not one of {config}") from error
    return model


def fake_checkpoint(config: str, seed: int) -> bytes:
    """Random weights in the official format: the same bytes for the same seed and torch.

    For parity, shapes and speed where the real weights cannot be fetched; its masks mean nothing.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _build(config)
        for parameter in model.parameters():
            # positions start at zero, which would hide an encoder that forgets them
            if not parameter.any():
                nn.init.normal_(parameter, std=0.02)
    file = io.BytesIO()
    torch.save({"model": model.state_dict()}, file)
    return file.getvalue()


def _build(config: str) -> nn.Module:
    model: Any = build_sam2(config, ckpt_path=None, device="cpu")
    assert isinstance(model, nn.Module)
    return model.eval().requires_grad_(False)
