"""Which precision a training runs in: bfloat16 where the hardware has it and the gradients are right."""

import copy
import warnings
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from ssmtl.hardware import computes_bfloat16
from ssmtl.nets.network import Network, channels_last

Precision = Literal["32-true", "bf16-mixed"]

LEAST_COSINE = 0.9
"""Of the angle between the gradients of one batch in float32 and in bfloat16. Rounding leaves 0.97 or more on noise; a
wrong kernel, of which there have been some for 3D convolutions, next to nothing."""


def choose_precision(network: Network, x_BCTHW: Tensor, device: torch.device) -> Precision:
    """What `train.precision = "auto"` stands for with this network and such sequences on this device."""
    has = torch.cuda.is_bf16_supported(False) if device.type == "cuda" else computes_bfloat16()
    if device.type not in ("cpu", "cuda") or not has:
        return "32-true"
    cosine = gradient_cosine(network, x_BCTHW, device)
    if cosine < LEAST_COSINE:
        text = f"train.precision: gradients in bfloat16 are wrong here (cosine {cosine:.3f}); training in float32"
        warnings.warn(text, stacklevel=2)
        return "32-true"
    return "bf16-mixed"


def gradient_cosine(network: Network, x_BCTHW: Tensor, device: torch.device) -> float:
    """Cosine between a batch's gradients in float32 and in bfloat16, over all weights; leaves `network` as it is."""
    exact, rounded = (_gradient(network, x_BCTHW, device, autocast) for autocast in (False, True))
    return float(functional.cosine_similarity(exact, rounded, dim=0))


def _gradient(network: Network, x_BCTHW: Tensor, device: torch.device, autocast: bool) -> Tensor:
    trial = copy.deepcopy(network).to(device).train()
    channels_last(trial)
    with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
        outputs = trial(x_BCTHW.to(device).contiguous(memory_format=torch.channels_last_3d), list(trial.heads))
    # Targets are drawn: near a minimum gradients are noise.
    chance = torch.Generator().manual_seed(0)
    targets = [torch.randn(output.shape, generator=chance).to(device) for output in outputs]
    losses = [functional.mse_loss(output.float(), target) for output, target in zip(outputs, targets, strict=True)]
    torch.stack(losses).sum().backward()
    return torch.cat([weight.grad.flatten().float() for weight in trial.parameters() if weight.grad is not None])
