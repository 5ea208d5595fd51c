"""Convolutional vision transformer blocks in two and three dimensions (SSMTL++, section 3.3; Wu et al., ICCV 2021).

Tokens are the places of a feature map: 8×8 in two dimensions, T×8×8 in three. Queries, keys and values are made by
depthwise convolutions, so that places know their neighbours and no positional embedding is needed. Any B, T, H, W.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ssmtl.config import Settings
from ssmtl.nets.normalisation import BatchNormByLength


class CvTSettings(Settings):
    """Size of the transformer; a head's size does not depend on the width, which 6, 12 or 18 heads do not divide."""

    blocks: int = Field(3, ge=1, le=24, description="1 to 3 in the paper's study")
    heads: int = Field(12, ge=1, le=64, description="6, 12 and 18 in the paper's study")
    head_size: int = Field(64, ge=1, le=256, description="channels of an attention head")
    mlp_ratio: int = Field(4, ge=1, le=16, description="width of the layer after attention, over that of the tokens")


class ConvolutionalProjection(nn.Module):
    """A depthwise 3×3(×3) convolution, batch norm, and a linear layer: B×C×(T×)H×W → B×heads×tokens×size."""

    def __init__(self, dimensions: Literal[2, 3], width: int, heads: int, size: int, stride: int):
        super().__init__()
        self.convolution: nn.Module
        if dimensions == 2:
            self.convolution = nn.Conv2d(width, width, 3, stride=stride, padding=1, groups=width, bias=False)
        else:
            self.convolution = nn.Conv3d(
                width, width, 3, stride=(1, stride, stride), padding=1, groups=width, bias=False
            )
        self.norm = BatchNormByLength(width)
        self.linear = nn.Linear(width, heads * size)
        self.heads = heads

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """B×C×(T×)H×W, made of `frames` → B×heads×tokens×size, a stride's share of the tokens."""
        tokens_BNC = self.norm(self.convolution(x), frames).flatten(2).transpose(1, 2)
        return self.linear(tokens_BNC).unflatten(2, (self.heads, -1)).transpose(1, 2)


class CvTBlock(nn.Module):
    """Attention and a two-layer perceptron, each after a layer norm and around a shortcut: shape unchanged."""

    def __init__(self, dimensions: Literal[2, 3], width: int, settings: CvTSettings):
        super().__init__()
        heads, size = settings.heads, settings.head_size
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query = ConvolutionalProjection(dimensions, width, heads, size, stride=1)
        self.key = ConvolutionalProjection(dimensions, width, heads, size, stride=2)
        self.value = ConvolutionalProjection(dimensions, width, heads, size, stride=2)
        self.join = nn.Linear(heads * size, width)
        hidden = settings.mlp_ratio * width
        self.perceptron = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """B×C×(T×)H×W, made of `frames` → the same."""
        place = x.shape[2:]
        tokens_BNC = x.flatten(2).transpose(1, 2)
        normed = self.norm_1(tokens_BNC).transpose(1, 2).unflatten(2, place)
        seen_BHNS = functional.scaled_dot_product_attention(
            self.query(normed, frames), self.key(normed, frames), self.value(normed, frames)
        )
        tokens_BNC = tokens_BNC + self.join(seen_BHNS.transpose(1, 2).flatten(2))
        tokens_BNC = tokens_BNC + self.perceptron(self.norm_2(tokens_BNC))
        return tokens_BNC.transpose(1, 2).unflatten(2, place)


class CvT(nn.ModuleList):
    """`settings.blocks` blocks of constant width, or none."""

    def __init__(self, dimensions: Literal[2, 3], width: int, settings: CvTSettings | None):
        blocks = settings.blocks if settings else 0
        super().__init__(CvTBlock(dimensions, width, settings) for _ in range(blocks) if settings)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """B×C×(T×)H×W, made of `frames` → the same shape."""
        for block in self:
            x = block(x, frames)
        return x
