"""One pass of a backbone for several proxy tasks in training: what they leave as it is goes through it once.

Arrow of time reverses half of the sequences, motion irregularity skips frames in half of them, and both look at the
rest as it is. Handed generators alike, they change the same half (`balanced`), so a batch of B makes 1.5 B inputs, not
2 B. Distillation, segmentation and pose change nothing: together they cost one pass.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ssmtl.tasks.task import ProxyTask


@dataclass(frozen=True, slots=True)
class Made:
    """What a task made of a batch: its input B×C×T×H×W and its target."""

    task: ProxyTask
    input: Tensor
    target: Tensor


def joined(parts: Sequence[Made], x_BCTHW: Tensor) -> tuple[Tensor, list[Tensor]]:
    """One input for all `parts`, whose inputs have one number of frames, and which of its rows are each part's.

    Args:
        parts: what tasks made of `x_BCTHW`.
        x_BCTHW: the batch of sequences.

    Returns:
        N×C×T×H×W with B ≤ N ≤ B · parts, and for each part B positions in it.
    """
    if len(parts) == 1:
        only = parts[0].input
        return only, [torch.arange(len(only), device=only.device)]
    view = parts[0].task.view
    assert view is not None
    plain = view.take(x_BCTHW)
    same = [(made.input == plain).flatten(1).all(dim=1) for made in parts]
    kept = torch.stack(same).any(dim=0)
    place = kept.long().cumsum(0) - 1
    inputs, rows = [plain[kept]], []
    start = int(kept.sum())
    for made, unchanged in zip(parts, same, strict=True):
        changed = made.input[~unchanged]
        rows.append(torch.where(unchanged, place, (~unchanged).long().cumsum(0) - 1 + start))
        inputs.append(changed)
        start += len(changed)
    return torch.cat(inputs), rows


def groups(parts: Iterable[Made], share: bool) -> list[list[Made]]:
    """The parts whose inputs can go through a backbone together, in the order of the first of each.

    Where they `share`, those are of tasks that score on the same view of a sequence, and hand the backbone their
    gradient as it is; else each is alone.
    """
    found: dict[object, list[Made]] = {}
    for made in parts:
        alone = not share or made.task.view is None or made.task.backbone_gradient != 1.0
        found.setdefault(made.task.kind if alone else made.task.view, []).append(made)
    return list(found.values())
