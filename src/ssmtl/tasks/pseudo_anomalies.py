"""T5, pseudo-anomalies (SSMTL++, section 3.4): unlearn pictures that have no place in the footage.

A decoder learns to reconstruct out-of-distribution pictures while the shared backbone is taught, by a reversed
gradient, to make that hard. It acts on training only.
"""

from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ssmtl.errors import ConfigError
from ssmtl.nets.heads import DecodingHead
from ssmtl.tasks.task import Given, ProxyTask

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}

KEPT_SIDE = 96
"""Shorter side in pixels that pictures are kept at: crops of 64 pixels are drawn from them."""

MOST_PICTURES = 5000
"""Kept in memory: 138 MB in colour where they are square."""


class PseudoAnomalies(ProxyTask):
    """Input: a still picture of something else. Target: the same. The gradient into the backbone is reversed."""

    kind: Literal["pseudo_anomalies"] = "pseudo_anomalies"
    pictures: Path | None = Field(
        None, description="folder of pictures unlike the footage (flowers, textures, ...); none: generated textures"
    )
    strength: float = Field(0.2, ge=0, le=10, description="of the reversed gradient")
    first_epoch: int = Field(5, ge=1, description="in which it begins")
    title: ClassVar[str] = "Pseudo-anomalies"
    words: ClassVar[str] = "looks like a pseudo-anomaly"
    scores: ClassVar[bool] = False

    @property
    def view(self) -> None:
        """It does not score."""
        return None

    @property
    def files(self) -> list[Path]:
        """The folder of its pictures."""
        return [self.pictures] if self.pictures else []

    def check(self) -> None:
        """See that there is a picture.

        Raises:
            ConfigError: no folder, or nothing in it can be read.
        """
        if self.pictures is not None:
            read_pictures(self.pictures, 1)

    @property
    def begins(self) -> int:
        """Once the other tasks have taught the backbone something."""
        return self.first_epoch

    @property
    def backbone_gradient(self) -> float:
        """Reversed: the backbone climbs."""
        return -self.strength

    def sample(self, x_BCTHW: Tensor, generator: torch.Generator, given: Given) -> tuple[Tensor, Tensor]:
        """Input B×C×1×H×W and target B×C×H×W: other pictures, as many as there are sequences."""
        n, channels, _, height, width = x_BCTHW.shape
        if self.pictures is None:
            picture = draw_textures(n, channels, height, width, generator, x_BCTHW.device)
        else:
            picture = _draw_crops(read_pictures(self.pictures, channels), n, height, width, generator)
            picture = picture.to(x_BCTHW.device)
        return picture[:, :, None], picture

    def head(self, channels: int, picture_channels: int) -> nn.Module:
        """A picture."""
        return DecodingHead(channels, picture_channels)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean absolute error."""
        return functional.l1_loss(output, target)


@lru_cache(maxsize=4)
def read_pictures(folder: Path, channels: int) -> list[NDArray[np.uint8]]:
    """The pictures of a folder and those in it, H×W×channels, made small: the shorter side has `KEPT_SIDE` pixels.

    Raises:
        ConfigError: no folder, or no picture in it can be read.
    """
    where = "tasks.pseudo_anomalies.pictures"
    if not folder.is_dir():
        raise ConfigError(f"{where}: {folder} is no folder; name one with pictures, or none for generated textures")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    step = max(1, -(-len(files) // MOST_PICTURES))
    how = cv2.IMREAD_COLOR if channels == 3 else cv2.IMREAD_GRAYSCALE
    pictures = []
    for file in files[::step]:
        picture = cv2.imread(str(file), how)
        if picture is None:
            continue
        scale = KEPT_SIDE / min(picture.shape[:2])
        size = [max(KEPT_SIDE, round(side * scale)) for side in (picture.shape[1], picture.shape[0])]
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        pictures.append(np.asarray(small[..., ::-1] if channels == 3 else small[..., None], np.uint8))
    if not pictures:
        raise ConfigError(f"{where}: no picture in {folder} can be read; it needs {', '.join(sorted(SUFFIXES))} files")
    return pictures


def _draw_crops(
    pictures: list[NDArray[np.uint8]], n: int, height: int, width: int, generator: torch.Generator
) -> Tensor:
    """N×C×H×W in [0, 1]: a picture drawn for each, at a place drawn in it, half of them mirrored."""

    def draw(limit: int) -> int:
        return int(torch.randint(limit, (), generator=generator))

    crops = []
    for _ in range(n):
        picture = pictures[draw(len(pictures))]
        top, left = draw(picture.shape[0] - height + 1), draw(picture.shape[1] - width + 1)
        crop = picture[top : top + height, left : left + width]
        crops.append(crop[:, ::-1] if draw(2) else crop)
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float().div_(255)


def draw_textures(
    n: int,
    channels: int,
    height: int,
    width: int,
    generator: torch.Generator,
    device: torch.device | str = "cpu",
) -> Tensor:
    """N×C×H×W in [0, 1]: noise with a spectrum drawn for each, stripes or cells, in two colours drawn for each.

    No things, only surfaces: they teach the backbone less than photographs of other things would. `generator` is a
    CPU's, whatever the `device` that computes them.
    """

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator).to(device)

    sides = [torch.linspace(0, 1, side, device=device) for side in (height, width)]
    y, x = torch.meshgrid(*sides, indexing="ij")
    fy, fx = torch.fft.fftfreq(height, device=device)[:, None], torch.fft.rfftfreq(width, device=device)[None]
    frequency = (fy.square() + fx.square()).sqrt().clamp(min=1 / max(height, width))
    exponent = draw(n, 1, 1) * 2.5
    phase = torch.polar(frequency ** (-exponent), draw(n, *frequency.shape) * 2 * torch.pi)
    noise = _stretched(torch.fft.irfft2(phase, s=(height, width)))
    angle, waves, start = draw(n, 1, 1) * torch.pi, 1 + draw(n, 1, 1) * 15, draw(n, 1, 1)
    stripes = 0.5 + 0.5 * torch.sin(2 * torch.pi * (waves * (x * angle.cos() + y * angle.sin()) + start + noise))
    points = draw(n, 12, 2)
    distance = (y[None, None] - points[:, :, 0, None, None]).square() + (x - points[:, :, 1, None, None]).square()
    cells = _stretched(distance.amin(dim=1).sqrt())
    which = torch.randint(3, (n, 1, 1), generator=generator).to(device)
    pattern = torch.where(which == 0, noise, torch.where(which == 1, stripes, cells))
    low, high = draw(n, channels, 1, 1), draw(n, channels, 1, 1)
    return (low + (high - low) * pattern[:, None]).clamp(0, 1)


def _stretched(pattern_NHW: Tensor) -> Tensor:
    low, high = pattern_NHW.amin(dim=(1, 2), keepdim=True), pattern_NHW.amax(dim=(1, 2), keepdim=True)
    return (pattern_NHW - low) / (high - low).clamp(min=1e-6)
