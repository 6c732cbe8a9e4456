"""SAM 2's prompt encoder and mask decoder as one graph with the decoder interface of all models.

The arithmetic of `SAM2ImagePredictor._predict` up to its choice of masks, with the package's modules and
weights. The image's tensors stay at batch 1 and broadcast where a prompt's tokens meet them (the package
repeats them B times), and attention is spelled out: plain MatMul and Softmax, no arithmetic on shapes.
"""

from typing import Any

import torch
from torch import Tensor, nn

SIDE = 1024
"""Of ModelSpace; the embedding's map is SIDE / 16."""


class MaskDecoder(nn.Module):
    """B prompts over one embedding; shapes are those of the manifest's `decoder`."""

    def __init__(self, sam: Any) -> None:
        super().__init__()
        self.prompts = sam.sam_prompt_encoder
        self.decoder = sam.sam_mask_decoder
        tokens = (self.decoder.obj_score_token, self.decoder.iou_token, self.decoder.mask_tokens)
        self.output_tokens = nn.Buffer(torch.cat([one.weight for one in tokens])[None].detach())
        # its encoding is 4 MB; the grid it is computed from is 32 KB of the file that browsers fetch
        centres = (torch.arange(SIDE // 16) + 0.5) / (SIDE // 16)
        self.grid = nn.Buffer(
            torch.stack(torch.meshgrid(centres, centres, indexing="xy"), dim=-1).flatten(0, 1)
        )

    def forward(  # noqa: PLR0917 - an exported graph's inputs are positional
        self,
        image_embed: Tensor,
        high_res_feats_0: Tensor,
        high_res_feats_1: Tensor,
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(logits [B, 4, 256, 256], iou [B, 4], object_score [B])."""
        points = self._points(point_coords, point_labels)
        tokens = torch.cat([self.output_tokens.expand(points.shape[0], -1, -1), points], dim=1)
        masks = self.prompts.mask_downscaling(mask_input)
        no_mask = self.prompts.no_mask_embed.weight.reshape(1, -1, 1, 1)
        image = image_embed + torch.where(has_mask_input.reshape(1, 1, 1, 1) > 0, masks, no_mask)
        tokens, image = _two_way(
            self.decoder.transformer, tokens, image.flatten(2).transpose(1, 2), self._encoded(self.grid)[None]
        )
        upscaled = self._upscaled(image, high_res_feats_0, high_res_feats_1)
        hyper = [mlp(tokens[:, 2 + i]) for i, mlp in enumerate(self.decoder.output_hypernetworks_mlps)]
        logits = torch.stack(hyper, dim=1) @ upscaled.flatten(2)
        return (
            logits.reshape(-1, 4, 256, 256),
            self.decoder.iou_prediction_head(tokens[:, 1]),
            self.decoder.pred_obj_score_head(tokens[:, 0])[:, 0],
        )

    def _encoded(self, positions: Tensor) -> Tensor:
        """[..., 2] in 0..1 → [..., 256]."""
        encoded: Tensor = self.prompts.pe_layer._pe_encoding(positions)
        return encoded

    def _points(self, coords: Tensor, labels: Tensor) -> Tensor:
        """PromptEncoder._embed_points: [B, N, 2], [B, N] → [B, N, 256]."""
        kinds = labels[:, :, None]
        # +0.5: the package counts a coordinate as a pixel's index
        points = torch.where(
            kinds == -1, self.prompts.not_a_point_embed.weight, self._encoded((coords + 0.5) / SIDE)
        )
        for label, embedding in enumerate(self.prompts.point_embeddings):
            points = points + torch.where(kinds == label, embedding.weight, 0.0)
        return points

    def _upscaled(self, image: Tensor, high_res_feats_0: Tensor, high_res_feats_1: Tensor) -> Tensor:
        """[B, 4096, 256] → [B, 32, 256, 256]."""
        up_1, norm, act_1, up_2, act_2 = self.decoder.output_upscaling
        coarse = image.transpose(1, 2).reshape(-1, 256, SIDE // 16, SIDE // 16)
        middle = act_1(norm(up_1(coarse) + high_res_feats_1))
        fine: Tensor = act_2(up_2(middle) + high_res_feats_0)
        return fine


def _two_way(
    transformer: Any, points: Tensor, image: Tensor, image_positions: Tensor
) -> tuple[Tensor, Tensor]:
    """TwoWayTransformer: tokens [B, T, 256] and image [1 or B, 4096, 256], both refined."""
    tokens = points
    for layer in transformer.layers:
        if layer.skip_first_layer_pe:
            tokens = layer.norm1(_attention(layer.self_attn, tokens, tokens, tokens))
        else:
            asked = tokens + points
            tokens = layer.norm1(tokens + _attention(layer.self_attn, asked, asked, tokens))
        looked = _tokens_look(
            layer.cross_attn_token_to_image, tokens + points, image + image_positions, image
        )
        tokens = layer.norm2(tokens + looked)
        tokens = layer.norm3(tokens + layer.mlp(tokens))
        told = _image_looks(layer.cross_attn_image_to_token, image + image_positions, tokens + points, tokens)
        image = layer.norm4(image + told)
    last = transformer.final_attn_token_to_image
    looked = _tokens_look(last, tokens + points, image + image_positions, image)
    return transformer.norm_final_attn(tokens + looked), image


def _attention(attention: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Among tokens: [B, T, 256] x 3 → [B, T, 256]."""
    q, k, v = (
        _heads(attention, part)
        for part in (attention.q_proj(query), attention.k_proj(key), attention.v_proj(value))
    )
    return _joined(attention, (q @ k.transpose(2, 3) * _scale(attention)).softmax(dim=-1) @ v)


def _tokens_look(attention: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Tokens → image: [B, T, 256], [1 or B, 4096, 256] x 2 → [B, T, 256].

    The few tokens are taken to the image's channels, not the 4096 positions to the heads': export.token_order
    says why the result is the same.
    """
    q = _heads(attention, attention.q_proj(query)) * _scale(attention)
    asked = q @ attention.k_proj.weight.reshape(attention.num_heads, -1, key.shape[-1])
    scores = asked.flatten(1, 2) @ key.transpose(
        1, 2
    )  # [B, heads T, 4096]; the keys' bias changes no softmax
    seen = (scores.softmax(dim=-1) @ value).reshape(query.shape[0], attention.num_heads, -1, value.shape[-1])
    weight = attention.v_proj.weight.reshape(attention.num_heads, -1, value.shape[-1])
    bias = attention.v_proj.bias.reshape(attention.num_heads, 1, -1)
    return _joined(attention, seen @ weight.transpose(1, 2) + bias)


def _image_looks(attention: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Image → tokens: [1 or B, 4096, 256], [B, T, 256] x 2 → [B, 4096, 256], in the same order."""
    heads, count = attention.num_heads, key.shape[0]
    k = _heads(attention, attention.k_proj(key)).transpose(2, 3) * _scale(attention)  # [B, heads, width, T]
    asked = attention.q_proj.weight.reshape(heads, -1, query.shape[-1]).transpose(1, 2) @ k
    level = attention.q_proj.bias.reshape(heads, 1, -1) @ k  # [B, heads, 1, T]
    scores = query @ asked.transpose(1, 2).flatten(2) + level.reshape(count, 1, -1)
    weights = scores.reshape(count, scores.shape[1], heads, -1).softmax(dim=-1).flatten(2)
    out = attention.out_proj.weight.reshape(-1, heads, k.shape[2]).permute(1, 2, 0)  # [heads, width, 256]
    carried = (_heads(attention, attention.v_proj(value)) @ out).flatten(1, 2)
    told: Tensor = weights @ carried + attention.out_proj.bias
    return told


def _heads(attention: Any, projected: Tensor) -> Tensor:
    """[B, T, heads x width] → [B, heads, T, width]."""
    return projected.reshape(projected.shape[0], -1, attention.num_heads, _width(attention)).transpose(1, 2)


def _joined(attention: Any, mixed: Tensor) -> Tensor:
    """[B, heads, T, width] → [B, T, 256]."""
    out: Tensor = attention.out_proj(mixed.transpose(1, 2).flatten(2))
    return out


def _width(attention: Any) -> int:
    width: int = attention.internal_dim // attention.num_heads
    return width


def _scale(attention: Any) -> float:
    scale: float = _width(attention) ** -0.5
    return scale
