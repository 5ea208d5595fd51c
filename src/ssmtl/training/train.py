"""The training loop: proxy tasks on a shared backbone (SSMTL, section 3).

All chance comes from generators seeded by (seed, epoch, step), so that nothing but tensors and counters need be
saved: a run that was killed goes on as if it had not been, and ends with the same weights.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.utilities.exceptions import MisconfigurationException
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ssmtl.errors import ConfigError
from ssmtl.nets.network import SHARED, Network, channels_last
from ssmtl.nets.normalisation import fixed_statistics
from ssmtl.sequences.store import SequenceStore
from ssmtl.tasks.task import Given, ProxyTask, View
from ssmtl.teachers.teacher import TARGETS, mirror
from ssmtl.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from ssmtl.training.imitation import Imitated, make_unusual
from ssmtl.training.loggers import Log
from ssmtl.training.precision import Precision, choose_precision
from ssmtl.training.settings import ImitationSettings, TrainSettings
from ssmtl.training.sharing import Made, groups, joined

Report = Callable[[Progress, int], None]
"""Told the progress and the number of steps in an epoch after each step."""


PARITY_SEQUENCES = 4
"""On which gradients in bfloat16 are compared with those in float32."""


def generator(*numbers: int) -> torch.Generator:
    """A CPU generator whose stream depends on all of `numbers`."""
    seed = np.random.SeedSequence((len(numbers), *numbers)).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(seed) % 2**63)


def to_input(x_BCTHW: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Bytes to float32 in [0, 1] on `device`."""
    return torch.from_numpy(x_BCTHW).to(device, non_blocking=True).float().div_(255)


def augment(
    x_BCTHW: Tensor, given: Given, settings: TrainSettings, chance: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """Mirror half of the sequences and what is given of them; shift and scale the grey levels, all frames alike."""
    n = len(x_BCTHW)
    given = dict(given)
    if settings.flip:
        mirrored_B = torch.rand(n, generator=chance).lt(0.5).to(x_BCTHW.device)
        x_BCTHW = torch.where(mirrored_B.view(-1, 1, 1, 1, 1), x_BCTHW.flip(4), x_BCTHW)
        for name in given.keys() & TARGETS.keys():
            answers = given[name]
            rows = mirrored_B.view(-1, *[1] * (answers.ndim - 1))
            given[name] = torch.where(rows, mirror(name, answers), answers)
    if settings.brightness:
        gain, shift = torch.rand(2, n, 1, 1, 1, 1, generator=chance).sub_(0.5).mul_(2 * settings.brightness)
        x_BCTHW = (x_BCTHW * (1 + gain.to(x_BCTHW.device)) + shift.to(x_BCTHW.device)).clamp_(0, 1)
    return x_BCTHW, given


def memory_format(x: Tensor) -> Tensor:
    """Channels last, which the 3D convolutions of a CPU need to be fast."""
    return x.contiguous(memory_format=torch.channels_last_3d)


def plan(sequences: int, settings: TrainSettings) -> tuple[int, int]:
    """Steps in an epoch, and epochs, for a training set of that many sequences."""
    # A last batch of one sequence would have no positives or no negatives.
    steps = max(1, sequences // settings.batch_size)
    return steps, max(settings.epochs, math.ceil(settings.min_steps / steps))


def check_beginnings(tasks: Sequence[ProxyTask], epochs: int) -> None:
    """See that every task begins before training ends.

    Raises:
        ConfigError: one would not.
    """
    for task in tasks:
        if task.begins > epochs:
            raise ConfigError(
                f"tasks.{task.kind}.first_epoch: is {task.begins}, but training has {epochs} epochs; lower it, "
                "or raise train.epochs"
            )


def open_fabric(settings: TrainSettings, precision: Precision = "32-true") -> Fabric:
    """The device that `settings` name, to train in `precision`.

    Raises:
        ConfigError: it is not there.
    """
    try:
        return Fabric(accelerator=settings.accelerator, devices=1, precision=precision)
    except (RuntimeError, ValueError, MisconfigurationException) as error:
        text = str(error).splitlines()[0]
        raise ConfigError(f"train.accelerator={settings.accelerator}: {text}; choose auto or cpu") from error


class Trainer:
    """One run of training over one store."""

    def __init__(
        self,
        network: Network,
        tasks: Sequence[ProxyTask],
        settings: TrainSettings,
        seed: int,
        store: SequenceStore,
        imitated: Network | None = None,
    ):
        self.precision: Precision
        if settings.precision != "auto":
            self.precision = settings.precision
        else:
            some = to_input(store.take(np.arange(min(len(store), PARITY_SEQUENCES))), torch.device("cpu"))
            self.precision = choose_precision(network, View.ALL.take(some), open_fabric(settings).device)
        self.fabric = open_fabric(settings, self.precision)
        # All batches are of a few shapes: on a GPU it pays to try which kernels are fastest.
        torch.backends.cudnn.benchmark = True
        self.tasks = list(tasks)
        self.settings = settings
        self.seed = seed
        self.store = store
        self.raw = network
        channels_last(network)
        # Without decay, AdamW is Adam.
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.network, self.optimizer = self.fabric.setup(self.raw, optimizer)
        self.average = averaged(self.raw, settings.average) if settings.average else None
        self.names = sorted({name for task in tasks for name in task.trains_on})
        self.imitated = Imitated(imitated, self.fabric.device, self.precision) if imitated else None
        self.imitation = settings.imitation or ImitationSettings()
        self.busy_s = 0.0

    def _read(self, part: NDArray[np.intp]) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.float32]]]:
        return self.store.take(part), self.store.given(part, self.names) if self.names else {}

    def _batches(self, order: NDArray[np.intp], first: int = 0) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
        """Batches of `order` from batch `first` on; the next one is read while this one is worked on."""
        size = self.settings.batch_size
        parts = [order[i : i + size] for i in range(first * size, len(order), size)]
        with ThreadPoolExecutor(1) as reader:
            ahead = [reader.submit(self._read, part) for part in parts[:1]]
            for i in range(len(parts)):
                batch, given = ahead.pop().result()
                if i + 1 < len(parts):
                    ahead.append(reader.submit(self._read, parts[i + 1]))
                device = self.fabric.device
                yield to_input(batch, device), {n: torch.from_numpy(rows).to(device) for n, rows in given.items()}

    def _losses(
        self,
        x_BCTHW: Tensor,
        given: Given,
        epoch: int,
        chance: torch.Generator,
        backward: bool,
        usual: Tensor | None = None,
    ) -> dict[str, float]:
        """Loss of each task that has begun by `epoch` (from 0); weights are equal (SSMTL++, section 3.4).

        `usual` are the positions of the sequences of which a task's own loss may be taken; without them, all.
        """
        # Held-out footage tells nothing of a task that does not score.
        tasks = [task for task in self.tasks if epoch + 1 >= task.begins and (backward or task.scores)]
        # Alike for all tasks, so that those which change half of the sequences change the same half.
        state = chance.get_state()
        parts = []
        for task in tasks:
            chance.set_state(state)
            parts.append(Made(task, *task.sample(x_BCTHW, chance, given)))
        losses: dict[str, Tensor] = {}
        # Imitation asks every head about all inputs.
        share = SHARED in self.raw.backbones and (self.settings.share_passes or self.imitated is not None)
        for group in groups(parts, share):
            input_NCTHW, rows = joined(group, x_BCTHW)
            first = group[0].task
            # What a task that does not score looks at says nothing of the footage's statistics.
            with self._working(), nullcontext() if first.scores else fixed_statistics(self.raw):
                kinds = [made.task.kind for made in group]
                input_NCTHW = memory_format(input_NCTHW)
                if self.imitated is None or not first.scores:
                    outputs = self.network(input_NCTHW, kinds, rows, first.backbone_gradient)
                    some = {
                        made.task.kind: made.task.loss(output.float(), made.target)
                        for made, output in zip(group, outputs, strict=True)
                    }
                else:
                    some = self._imitation(self.imitated, group, input_NCTHW, rows, usual)
                if backward:
                    self.fabric.backward(torch.stack(list(some.values())).sum())
            losses |= some
        return {task.kind: float(losses[task.kind].detach()) for task in tasks}

    def _imitation(
        self, imitated: Imitated, group: list[Made], input_NCTHW: Tensor, rows: list[Tensor], usual: Tensor | None
    ) -> dict[str, Tensor]:
        """How far each head is from the teacher's on all inputs, and a share of its own loss on its own ones."""
        asked = [made.task.kind for made in group if made.task.scores]
        answers = dict(zip(asked, imitated.answers(input_NCTHW, asked), strict=True))
        outputs = self.network(input_NCTHW, [made.task.kind for made in group])
        losses = {}
        for made, mine, output in zip(group, rows, outputs, strict=True):
            task, output = made.task, output.float()
            if task.kind not in answers:
                losses[task.kind] = task.loss(output[mine], made.target)
                continue
            loss = task.imitation(output, answers[task.kind])
            kept = torch.arange(len(mine), device=mine.device) if usual is None else usual
            if self.imitation.own_loss and len(kept):
                loss = loss + self.imitation.own_loss * task.loss(output[mine[kept]], made.target[kept])
            losses[task.kind] = loss
        return losses

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Counts the time within it as the network's."""
        started = time.perf_counter()
        yield
        if self.fabric.device.type == "cuda":
            torch.cuda.synchronize()
        self.busy_s += time.perf_counter() - started

    def _learning_rate(self, done: float) -> float:
        """The rate when the share `done` of all steps is done."""
        if self.settings.schedule == "constant":
            return self.settings.learning_rate
        return self.settings.learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    def held_out_losses(self, positions: NDArray[np.intp], epoch: int) -> dict[str, float]:
        """Mean loss of each task on held-out sequences, the same draws every time."""
        self.network.eval()
        sums: dict[str, float] = {}
        # Not in inference mode, whose tensors a teacher's layout for a CPU does not know.
        with torch.no_grad():
            for i, (x_BCTHW, given) in enumerate(self._batches(positions)):
                for kind, loss in self._losses(x_BCTHW, given, epoch, generator(0, i), backward=False).items():
                    sums[kind] = sums.get(kind, 0.0) + loss * len(x_BCTHW)
        self.network.train()
        return {kind: value / len(positions) for kind, value in sums.items()}

    def run(
        self,
        train: NDArray[np.intp],
        held_out: NDArray[np.intp],
        checkpoint: Path,
        key: str,
        report: Report = lambda progress, steps: None,
        log: Log = lambda values, step: None,
    ) -> Progress:
        """Train to the end, from `checkpoint` where there is one; the network is then the best of all epochs.

        Raises:
            ModelError: the checkpoint is damaged or of another run.
            ConfigError: a task would never begin, or training diverged.
        """
        settings = self.settings
        steps, epochs = plan(len(train), settings)
        check_beginnings(self.tasks, epochs)
        progress = Progress()
        best: dict[str, Tensor] = {}
        if checkpoint.is_file():
            progress, best = load_checkpoint(checkpoint, self.raw, self.optimizer, self.average, key)
        self.busy_s = progress.busy_s
        log({}, progress.epoch * steps + progress.step)
        started, saved = time.monotonic() - progress.seconds, time.monotonic()
        self.network.train()
        while progress.epoch < epochs:
            shuffle = generator(self.seed, progress.epoch)
            order = train[torch.randperm(len(train), generator=shuffle).numpy()][: steps * settings.batch_size]
            for x_BCTHW, given in self._batches(order, progress.step):
                chance = generator(self.seed, progress.epoch, progress.step)
                rate = self._learning_rate((progress.epoch + progress.step / steps) / epochs)
                for group in self.optimizer.param_groups:
                    group["lr"] = rate
                self.optimizer.zero_grad()
                x_BCTHW, given = augment(x_BCTHW, given, settings, chance)
                usual = None
                if self.imitated is not None:
                    x_BCTHW, usual = make_unusual(x_BCTHW, self.imitation.unusual, chance)
                losses = self._losses(x_BCTHW, given, progress.epoch, chance, True, usual)
                with self._working():
                    self.optimizer.step()
                    if self.average is not None:
                        self.average.update_parameters(self.raw)
                for kind, loss in losses.items():
                    progress.sums[kind] = progress.sums.get(kind, 0.0) + loss
                progress.step += 1
                progress.seconds, progress.busy_s = time.monotonic() - started, self.busy_s
                report(progress, steps)
                if (done := progress.epoch * steps + progress.step) % settings.log_every == 0:
                    log({f"batch/{kind}": loss for kind, loss in losses.items()} | {"learning_rate": rate}, done)
                if time.monotonic() - saved > settings.checkpoint_s:
                    save_checkpoint(checkpoint, self.raw, self.optimizer, self.average, best, progress, key)
                    saved = time.monotonic()
            with self._averaged():
                best = self._end_epoch(progress, steps, held_out, best)
            log(progress.history[-1], progress.epoch * steps)
            progress.seconds, progress.busy_s = time.monotonic() - started, self.busy_s
            save_checkpoint(checkpoint, self.raw, self.optimizer, self.average, best, progress, key)
        self.raw.load_state_dict(best)
        return progress

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Within it, the network has the mean of its weights over the steps, if one is kept."""
        if self.average is None:
            yield
            return
        last = {name: value.detach().clone() for name, value in self.raw.state_dict().items()}
        self.raw.load_state_dict(self.average.module.state_dict())
        yield
        self.raw.load_state_dict(last)

    def _end_epoch(
        self, progress: Progress, steps: int, held_out: NDArray[np.intp], best: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Note the epoch's losses; returns the best network so far."""
        row: dict[str, float] = {"epoch": progress.epoch + 1}
        row |= {f"train/{kind}": value / steps for kind, value in progress.sums.items()}
        held = self.held_out_losses(held_out, progress.epoch)
        row |= {f"held_out/{kind}": value for kind, value in held.items()}
        total = sum(held[task.kind] for task in self.tasks if task.scores and task.kind in held)
        if not math.isfinite(total):
            raise ConfigError("train.learning_rate: training diverged, the held-out loss is no number; lower it")
        # No epoch is chosen before all tasks have begun: it would be a model of fewer tasks.
        if progress.epoch + 1 >= max(task.begins for task in self.tasks):
            row["held_out/total"] = total
        if "held_out/total" in row and all(total < old.get("held_out/total", math.inf) for old in progress.history):
            progress.best_epoch = progress.epoch
            best = {name: value.detach().cpu().clone() for name, value in self.raw.state_dict().items()}
        progress.history.append(row)
        progress.epoch, progress.step, progress.sums = progress.epoch + 1, 0, {}
        return best


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """A network whose weights and statistics are the exponential mean of those of `network` over the steps.

    The weights of single steps are noise around it, and it is the better network long before the learning rate has come
    down (ours). At first the mean is over fewer steps, so that it soon forgets how the network began.
    """

    def mean(old: Any, new: Any, steps: Tensor | int) -> None:
        if old[0].is_floating_point():
            torch._foreach_lerp_(old, new, 1 - min(decay, (1 + int(steps)) / (10 + int(steps))))
        else:
            torch._foreach_copy_(old, new)

    return AveragedModel(network, multi_avg_fn=mean, use_buffers=True)


def parameters(network: nn.Module) -> int:
    """Number of trainable values."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
