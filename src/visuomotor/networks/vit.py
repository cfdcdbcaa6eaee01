"""Vision transformers with the parameter names of DINOv2 (Oquab 2023) and DINOv3 (Simeoni 2025)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visuomotor.networks.backbone import Backbone, ImageNetColor, pad_to_multiple


@dataclass(frozen=True)
class ViTShape:
    """patch: px. positions: side of the learned position grid; 0: rotary positions (DINOv3)."""

    dim: int
    depth: int
    heads: int
    patch: int
    registers: int = 0
    positions: int = 0

    def __post_init__(self) -> None:
        if self.dim % (4 * self.heads):
            raise ValueError(
                f"vit: got dim {self.dim}, {self.heads} heads; expected a multiple of 4 x heads"
            )


class ViT(Backbone):
    """The normalised patch tokens of the last block: a cell per patch, centred on it.

    Images whose sides are no multiples of the patch are padded at the right and at the bottom.
    """

    def __init__(self, shape: ViTShape) -> None:
        super().__init__()
        self.shape = shape
        self.stride, self.channels = shape.patch, shape.dim
        self.color = ImageNetColor()
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, shape.dim))
        self.register_tokens = nn.Parameter(0.02 * torch.randn(1, shape.registers, shape.dim))
        if shape.positions:
            places = shape.positions**2 + 1
            self.pos_embed = nn.Parameter(0.02 * torch.randn(1, places, shape.dim))
        self.patch_embed = nn.ModuleDict(
            {"proj": nn.Conv2d(3, shape.dim, shape.patch, shape.patch)}
        )
        eps = 1e-6 if shape.positions else 1e-5
        self.blocks = nn.ModuleList(_Block(shape.dim, shape.heads, eps) for _ in range(shape.depth))
        self.norm = nn.LayerNorm(shape.dim, eps)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, dim, ceil(H/patch), ceil(W/patch))."""
        padded = pad_to_multiple(self.color(images), self.stride)
        patches: Tensor = self.patch_embed["proj"](padded)  # (B, dim, h, w)
        b, _, h, w = patches.shape
        first: Tensor = self.cls_token
        tokens = patches.flatten(2).transpose(1, 2)  # (B, h*w, dim)
        turns = None
        if self.shape.positions:
            first = first + self.pos_embed[:, :1]
            tokens = tokens + self._positions(h, w)
        else:
            turns = rotary_angles(h, w, self.shape.dim // self.shape.heads).to(tokens)
        x = torch.cat([first.expand(b, -1, -1), self.register_tokens.expand(b, -1, -1), tokens], 1)
        for block in self.blocks:
            x = block(x, turns)
        features: Tensor = self.norm(x[:, -h * w :])
        return features.transpose(1, 2).reshape(b, -1, h, w)

    def _positions(self, h: int, w: int) -> Tensor:
        """Learned positions (1, h*w, dim), interpolated to a map of another size."""
        learned = self.pos_embed[:, 1:]
        side = self.shape.positions
        if (h, w) == (side, side):
            return learned
        grid = learned.transpose(1, 2).reshape(1, -1, side, side)
        antialias = self.shape.registers > 0  # as the two families were trained
        resized = F.interpolate(grid, (h, w), mode="bicubic", antialias=antialias)
        return resized.flatten(2).transpose(1, 2)

    def adapt(self, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """DINOv3 calls registers storage tokens and masks the keys' bias; DINOv2 may have none."""
        tensors = {k.replace("storage_tokens", "register_tokens"): t for k, t in published.items()}
        for name in [k for k in tensors if k.endswith(".bias_mask")]:
            mask, bias = tensors.pop(name), name.removesuffix("_mask")
            tensors[bias] = torch.where(mask > 0, tensors[bias], 0)
        tensors.setdefault("register_tokens", torch.zeros(1, 0, self.shape.dim))
        return tensors


def rotary_angles(height: int, width: int, dim: int) -> Tensor:
    """Angles (h*w, dim) by which a head's queries and keys turn: v for a half, then u, twice."""
    periods = 100.0 ** (torch.arange(dim // 4) / (dim // 4))
    v = 2 * (torch.arange(height) + 0.5) / height - 1
    u = 2 * (torch.arange(width) + 0.5) / width - 1
    places = torch.stack(torch.meshgrid(v, u, indexing="ij"), -1).reshape(-1, 2)
    return (2 * math.pi * places[:, :, None] / periods).flatten(1).tile(2)


def _turn(x: Tensor, angles: Tensor) -> Tensor:
    """Turns the last h*w tokens of (B, heads, N, dim); class and register tokens have no place."""
    n = x.shape[2] - len(angles)
    rest, x = x[:, :, :n], x[:, :, n:]
    a, b = x.chunk(2, -1)
    return torch.cat([rest, x * angles.cos() + torch.cat([-b, a], -1) * angles.sin()], 2)


class _Attention(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor, turns: Tensor | None) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if turns is not None:
            q, k = _turn(q, turns), _turn(k, turns)
        y = F.scaled_dot_product_attention(q, k, v)  # (B, heads, N, dim / heads)
        out: Tensor = self.proj(y.transpose(1, 2).flatten(2))
        return out


class _Scale(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma


class _Block(nn.Module):
    def __init__(self, dim: int, heads: int, eps: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps), nn.LayerNorm(dim, eps)
        self.attn, self.ls1, self.ls2 = _Attention(dim, heads), _Scale(dim), _Scale(dim)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(dim, 4 * dim), "fc2": nn.Linear(4 * dim, dim)})

    def forward(self, x: Tensor, turns: Tensor | None) -> Tensor:
        x = x + self.ls1(self.attn(self.norm1(x), turns))
        hidden = F.gelu(self.mlp["fc1"](self.norm2(x)))
        y: Tensor = x + self.ls2(self.mlp["fc2"](hidden))
        return y
