"""SAM 2's image encoder for one purpose: a batch of images to the three tensors of their embeddings.

The same arithmetic as `SAM2ImagePredictor.set_image`, arranged for speed (0.78 x its CPU time: tiny, fp32):

- The first stages' windows nest (8² pooled to 4², pooled to 2²), so the tokens are cut into windows once and
  stay so; the package cuts and joins them around every block.
- The neck's 1x1 convolution and the decoder's conv_s0/conv_s1 that follows it are one linear map: 256
  channels at 256² are never made.
- The position embedding is interpolated once, and the neck's own (unused by images) not at all.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 256
"""Of the map of patches: stride 4 of 1024. Sides are numbers here; read from tensors they would be traced."""


class ImageEncoder(nn.Module):
    """[B, 3, 1024, 1024] normalised → image_embed [B, 256, 64, 64], high_res_feats_0 [B, 32, 256, 256],
    high_res_feats_1 [B, 64, 128, 128]: DESIGN §6's tensors in the manifest's order."""

    def __init__(self, sam: Any) -> None:
        """`sam`: a SAM2Base with Hiera's four stages, as sam2.1-hiera-tiny and -small have."""
        super().__init__()
        trunk, neck, decoder = sam.image_encoder.trunk, sam.image_encoder.neck, sam.sam_mask_decoder
        self.blocks = trunk.blocks
        self.stage_ends = tuple(trunk.stage_ends)
        self.patch = trunk.patch_embed.proj
        self.window = int(trunk.window_spec[0])
        positions = trunk._get_pos_embed((SIDE, SIDE))
        self.positions = nn.Buffer(_into_windows(positions, SIDE, self.window).contiguous())
        coarse, middle, *fine = (_linear(one.conv) for one in neck.convs)
        self.coarse, self.middle = coarse, middle
        self.middle.bias.data += sam.no_mem_embed[0, 0]  # set_image adds it to the finished sum
        self.high_res_1 = _composed(fine[0], _linear(decoder.conv_s1))
        self.high_res_0 = _composed(fine[1], _linear(decoder.conv_s0))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        tokens = self.patch(images.contiguous(memory_format=torch.channels_last)).permute(0, 2, 3, 1)
        tokens = _into_windows(tokens, SIDE, self.window) + self.positions.repeat(len(images), 1, 1, 1)
        side, layout = SIDE, self.window
        stages: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            if layout and block.window_size != layout:
                tokens, layout = _joined(tokens, side, layout), 0
            if layout or block.window_size == 0:
                tokens = _block(block, tokens)
            else:
                tokens = _padded_block(block, tokens, side)
            if block.pool is not None:
                side, layout = side // 2, layout // 2
            if index in self.stage_ends:
                heads = (self.high_res_0, self.high_res_1, self.middle, self.coarse)
                stage = heads[len(stages)](tokens)
                stages.append(_joined(stage, side, layout) if layout else stage)
        fine, middle, lateral, coarse = (stage.permute(0, 3, 1, 2) for stage in stages)
        return functional.interpolate(coarse, scale_factor=2.0, mode="nearest") + lateral, fine, middle


def _linear(conv: nn.Conv2d) -> nn.Linear:
    """A 1x1 convolution as a linear map over the last axis."""
    linear = nn.Linear(conv.in_channels, conv.out_channels)
    linear.weight.data = conv.weight.data[:, :, 0, 0].clone()
    assert conv.bias is not None
    linear.bias.data = conv.bias.data.clone()
    return linear.requires_grad_(False)


def _composed(first: nn.Linear, second: nn.Linear) -> nn.Linear:
    """second(first(x)) as one map, multiplied in float64."""
    both = nn.Linear(first.in_features, second.out_features)
    weight = second.weight.double()
    both.weight.data = (weight @ first.weight.double()).float()
    both.bias.data = (weight @ first.bias.double() + second.bias.double()).float()
    return both.requires_grad_(False)


def _into_windows(tokens: Tensor, side: int, window: int) -> Tensor:
    """[B, side, side, C] → [B·(side/w)², w, w, C]; side is a multiple of w."""
    across, channels = side // window, tokens.shape[-1]
    cut = tokens.reshape(-1, across, window, across, window, channels)
    return cut.transpose(2, 3).reshape(-1, window, window, channels)


def _joined(windows: Tensor, side: int, window: int) -> Tensor:
    """The inverse."""
    across, channels = side // window, windows.shape[-1]
    cut = windows.reshape(-1, across, across, window, window, channels)
    return cut.transpose(2, 3).reshape(-1, side, side, channels)


def _pooled(tokens: Tensor) -> Tensor:
    """Maximum over 2x2: nn.MaxPool2d without leaving the channels-last order."""
    batch, height, width, channels = tokens.shape
    cut = tokens.reshape(batch, height // 2, 2, width // 2, 2, channels)
    rows = torch.maximum(cut[:, :, 0], cut[:, :, 1])
    return torch.maximum(rows[:, :, :, 0], rows[:, :, :, 1])


def _attention(attention: Any, tokens: Tensor) -> Tensor:
    """MultiScaleAttention (hieradet.py) over each map of the batch."""
    batch, height, width, _ = tokens.shape
    heads: int = attention.num_heads
    query, key, value = attention.qkv(tokens).reshape(batch, height * width, 3, heads, -1).unbind(2)
    if attention.q_pool is not None:
        query = _pooled(query.reshape(batch, height, width, -1))
        height, width = height // 2, width // 2
        query = query.reshape(batch, height * width, heads, -1)
    query, key, value = (one.transpose(1, 2) for one in (query, key, value))
    mixed = functional.scaled_dot_product_attention(query, key, value)
    out: Tensor = attention.proj(mixed.transpose(1, 2).reshape(batch, height, width, -1))
    return out


def _shortcut(block: Any, tokens: Tensor, normed: Tensor) -> Tensor:
    return tokens if block.dim == block.dim_out else _pooled(block.proj(normed))


def _mixed(block: Any, tokens: Tensor) -> Tensor:
    out: Tensor = tokens + block.mlp(block.norm2(tokens))
    return out


def _block(block: Any, tokens: Tensor) -> Tensor:
    """MultiScaleBlock over maps, or over windows that are already cut."""
    normed = block.norm1(tokens)
    return _mixed(block, _shortcut(block, tokens, normed) + _attention(block.attn, normed))


def _padded_block(block: Any, tokens: Tensor, side: int) -> Tensor:
    """MultiScaleBlock whose windows do not divide the map: zeros fill the last ones, as in training."""
    normed = block.norm1(tokens)
    window: int = block.window_size
    padded = side + -side % window
    filled = functional.pad(normed, (0, 0, 0, padded - side, 0, padded - side))
    mixed = _attention(block.attn, _into_windows(filled, padded, window))
    if block.pool is not None:
        side, padded, window = side // 2, padded // 2, window // 2
    mixed = _joined(mixed, padded, window)[:, :side, :side]
    return _mixed(block, _shortcut(block, tokens, normed) + mixed)
