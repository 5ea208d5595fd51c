"""`ssmtl fit`: from normal footage to a model folder."""

import csv
import hashlib
import io
import json
import platform
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ssmtl.atomic import claim_output, write_text
from ssmtl.calibrating import calibrate, held_out_clips, shorten
from ssmtl.engine.graph import given_names
from ssmtl.engine.samples import Samples, spread
from ssmtl.engine.settings import EXACT
from ssmtl.errors import DataError, OutputError, SsmtlError
from ssmtl.hardware import kept_memory
from ssmtl.held_out import measure_parts
from ssmtl.imitation import check_channels, load_imitated
from ssmtl.kept_network import kept_network, learnt_clips, learnt_from, load_kept, portrait
from ssmtl.model import Model, build_network, build_teachers, with_settings
from ssmtl.model_folder import DESCRIPTION, save_model
from ssmtl.nets.network import Network
from ssmtl.progress import Progress, Silent
from ssmtl.recipes import BLIND, Configuration, fast
from ssmtl.regions.union import build_detector
from ssmtl.report.curves import plot_losses
from ssmtl.results import check_boxes
from ssmtl.scoring.calibration import Calibration
from ssmtl.sequences.store import SequenceStore, build_store, fingerprint, state
from ssmtl.sequences.survey import Survey, survey
from ssmtl.tasks.task import REACH
from ssmtl.teachers.answers import answer_clips
from ssmtl.training import checkpoint
from ssmtl.training.loggers import check_logger, open_log
from ssmtl.training.settings import WATCHING
from ssmtl.training.split import hold_out
from ssmtl.training.train import Trainer, check_beginnings, open_fabric, parameters, plan
from ssmtl.video.sources import Clip

TRAINING = "training"
"""Folder within the model's for the loss curves and, until training is over, the checkpoint and the sequences."""

CALIBRATED_ON = 30_000
"""Held-out frames, at most, that thresholds are taken from; `ssmtl calibrate` takes all that it is given."""

CHECKPOINT = "checkpoint.safetensors"
"""In it, until training is over."""

LOGS = "logs"
"""Folder within that for what a training logs, unless it goes to a server."""


def fit(
    clips: Sequence[Clip],
    out: Path | str,
    configuration: Configuration | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    sequences: Path | None = None,
    network: Path | str | None = None,
    progress: Progress | None = None,
) -> Model:
    """Learn what is normal in `clips` and write the model folder `out`.

    Args:
        clips: normal footage of one fixed camera; clips that cannot be read are told and left out.
        out: the model's folder.
        configuration: all settings; the recipe `fast` by default.
        resume: go on with the run that was killed in `out`, to the same weights as without the kill.
        overwrite: put the new model in the place of the one in `out`, once it is done.
        sequences: folder where the training set is kept and found again by the next run; without it, it is made
            in `out` and deleted at the end.
        network: the folder of a trained model whose network is kept as it is: what is usual, scales and thresholds are
            measured, and nothing is trained (`ssmtl.kept_network.keep_network` makes a recipe fit for it).
        progress: shows the stages.

    Raises:
        SourceError, DataError: no footage to learn from.
        ConfigError: what the configuration names is not at hand: a device, weights, a teacher; it differs from that of
            the network to keep in what weights rest on.
        ModelError: `resume` with other settings, footage or teacher; the teacher to imitate, or the model whose network
            is to be kept, is damaged.
        OutputError: `out` is taken or cannot be written.
    """
    configuration = configuration or fast()
    progress = progress or Silent()
    out = Path(out)
    kept = None if network is None else load_kept(network, configuration)
    imitated = load_imitated(configuration) if kept is None else None
    _check_at_hand(configuration, trains=kept is None)
    if configuration.blind_distillation:
        progress.note(BLIND)
    work = out / TRAINING
    saved = work / CHECKPOINT
    _claim(out, saved, resume, overwrite)

    seen = survey(clips, progress.stage("looking at the footage", None))
    for problem in seen.unreadable.values():
        progress.note(f"left out: {problem}")
    for clip, count in seen.undecodable.items():
        progress.note(f"{clip.path}: {count} damaged packets or pictures left out")
    for clip, length in seen.lengths.items():
        if length < 2 * configuration.reach + 1:
            progress.note(f"nothing is cut from {clip.path}: {length} frames, {2 * configuration.reach + 1} are needed")
    clips = list(seen.lengths)
    channels = {"auto": 1 if seen.is_grey else 3, "grey": 1, "rgb": 3}[configuration.sequences.colour]
    if seen.scene is None:
        progress.note("the footage shows several scenes or sizes: no common background is learnt, crowds stay together")
    try:
        for other in (kept, imitated):
            if other is not None:
                check_channels(other, channels)
        store = build_store(
            clips,
            configuration.detectors,
            seen.scene,
            configuration.sequences,
            channels,
            configuration.reach,
            sequences or work / "sequences",
            progress.stage("finding and cutting sequences", 2 * sum(seen.lengths.values())),
            configuration.zones,
        )
        asked = configuration.taught_by if kept is None else configuration.scored_by
        teach(store, clips, configuration, asked, sequences or work / "sequences", progress)
        train, held_out = _hold_out(store, clips, configuration, kept, progress)
        if kept is None:
            check_beginnings(configuration.tasks, plan(len(train), configuration.train)[1])
    except SsmtlError:
        # Nothing has been learnt yet: leave no folder in the way of the next try.
        if not resume:
            _remove_sequences(work, sequences)
            _remove_if_empty(work, out)
        raise
    facts = _footage(seen, store, train, held_out)
    if kept is None:
        key = _run_key(clips, configuration, imitated, held_out)
        ready = _train(out, configuration, channels, store, train, held_out, imitated, key, resume, facts, progress)
    else:
        ready = kept_network(kept, configuration)
        kept_facts = {
            "network": {"recipe": kept.configuration.recipe, "identity": kept.identity},
            "learnt": learnt_from(kept),
        }
        facts = {**kept.training, **facts, **kept_facts}

    usual, scales = measure_parts(ready, configuration, store, train, held_out, seen, progress)
    model = Model(
        configuration,
        ready,
        channels,
        seen.scene,
        scales,
        facts,
        _samples(configuration, store, held_out),
        usual=usual,
    )
    model = replace(model, calibration=_calibration(model, seen, store, held_out, progress))
    _write_losses(facts["losses"], work)
    save_model(model, out)
    saved.unlink(missing_ok=True)
    _remove_sequences(work, sequences)
    return model


def _check_at_hand(configuration: Configuration, trains: bool) -> None:
    """Fail now rather than after an hour where a device, a detector's weights or a teacher is not there."""
    check_boxes(configuration.detectors)
    build_detector([d for d in configuration.detectors if d.kind in ("onnx", "torchvision")], "", None)
    build_teachers(configuration, configuration.taught_by if trains else configuration.scored_by)
    if trains:
        open_fabric(configuration.train)
        check_logger(configuration.train)
        for task in configuration.tasks:
            task.check()


def _hold_out(
    store: SequenceStore, clips: Sequence[Clip], configuration: Configuration, kept: Model | None, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """Positions to learn from and positions held out; of a network that is kept, not what it was trained on."""
    share, reach = configuration.train.held_out, configuration.reach
    if kept is None:
        return hold_out(store.clip, store.frame, share, reach)
    learnt, whole = learnt_clips(kept, clips)
    train, held_out = hold_out(store.clip, store.frame, share, kept.configuration.reach, learnt)
    if whole and np.isin(store.clip[held_out], learnt).any():
        progress.note(
            "scales and thresholds rest on clips that the network was trained on: these are more usual to it than new "
            "ones; give more footage, or calibrate with some"
        )
    return train, held_out


def _train(
    out: Path,
    configuration: Configuration,
    channels: int,
    store: SequenceStore,
    train: np.ndarray,
    held_out: np.ndarray,
    imitated: Model | None,
    key: str,
    resume: bool,
    facts: dict[str, Any],
    progress: Progress,
) -> Network:
    """The best network of a training, on the CPU; what there is to tell of it is added to `facts`."""
    with torch.random.fork_rng():
        torch.manual_seed(configuration.seed)
        network = build_network(configuration, channels)
    teacher = imitated.network if imitated else None
    trainer = Trainer(network, configuration.tasks, configuration.train, configuration.seed, store, teacher)
    steps, epochs = plan(len(train), configuration.train)
    step = progress.stage(f"training on {len(train)} sequences", steps * epochs)
    shown = 0

    def report(now: checkpoint.Progress, steps_per_epoch: int) -> None:
        # A resumed run begins with the steps that it has behind it.
        nonlocal shown
        for _ in range(now.epoch * steps_per_epoch + now.step - shown):
            step()
        shown = now.epoch * steps_per_epoch + now.step

    settings = configuration.model_dump(mode="json")
    logs = out / TRAINING / LOGS
    with open_log(configuration.train, logs, out.resolve().name, settings, resume) as log, kept_memory():
        done = trainer.run(train, held_out, out / TRAINING / CHECKPOINT, key, report, log)
        facts |= _learning(done, trainer)
        if imitated is not None:
            facts["imitated"] = {"recipe": imitated.configuration.recipe, "identity": imitated.identity}
        log(_figures(facts), steps * epochs)
    return network.cpu().eval()


def teach(
    store: SequenceStore,
    clips: Sequence[Clip],
    configuration: Configuration,
    names: Sequence[str],
    folder: Path,
    progress: Progress,
) -> None:
    """Add to `store` what the teachers of those names say; kept in `folder` and found again there."""
    for name, teacher in build_teachers(configuration, names).items():
        settings = getattr(configuration.teachers, name)
        step = progress.stage(f"asking the teacher of {name}", len(store))
        padding = configuration.sequences.padding
        store.add(name, answer_clips(clips, store.chosen, name, teacher, settings, padding, folder, step))


def _claim(out: Path, saved: Path, resume: bool, overwrite: bool) -> None:
    if resume:
        if (out / DESCRIPTION).is_file() and not saved.is_file():
            raise OutputError(
                f"{out}: this training is finished, or a new one was cut short before it could be kept; there is "
                "nothing to resume (to train anew: --overwrite)"
            )
        claim_output(out, overwrite=True)
        return
    if saved.is_file() and not overwrite:
        raise OutputError(f"{out}: holds a training that was cut short; go on with --resume or pass --overwrite")
    claim_output(out, overwrite)
    saved.unlink(missing_ok=True)


def _remove_sequences(work: Path, kept: Path | None) -> None:
    """What was cut for this training alone; not where the user keeps it."""
    mine = work / "sequences"
    if kept is None or kept.resolve() != mine.resolve():
        shutil.rmtree(mine, ignore_errors=True)


def _remove_if_empty(*folders: Path) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _run_key(clips: Sequence[Clip], configuration: Configuration, imitated: Model | None, held_out: np.ndarray) -> str:
    """What must be the same for a run to be resumed: footage, what is held out, settings, teacher, what computes."""
    # The teacher is the same wherever it lies, and no engine changes what is learnt.
    left_out: dict[str, Any] = {
        "train": dict.fromkeys(WATCHING, True) | {"imitation": {"teacher"}},
        "engine": True,
        "events": True,
    }
    settings = configuration.model_dump(mode="json", exclude=left_out)
    files = {str(file): state(file) for file in configuration.files}
    teacher = imitated.identity if imitated else None
    parts = [[fingerprint(clip, None) for clip in clips], held_out.tolist(), settings, files, teacher]
    return hashlib.sha256(json.dumps([*parts, torch.__version__], sort_keys=True).encode()).hexdigest()


def _calibration(
    model: Model, seen: Survey, store: SequenceStore, held_out: np.ndarray, progress: Progress
) -> Calibration | None:
    """Thresholds from the held-out footage, in float32: the same on every machine."""
    clips = held_out_clips(seen.lengths, store.clip, store.frame, held_out)
    some = shorten(clips, CALIBRATED_ON)
    exact = with_settings(model, {"engine": EXACT})
    try:
        return calibrate(some, exact, progress=progress)
    except DataError as error:
        progress.note(f"not calibrated: {error}")
        return None


def _samples(configuration: Configuration, store: SequenceStore, held_out: np.ndarray) -> Samples | None:
    """Some of the held-out sequences, evenly spread, for engines to be checked on."""
    few = held_out[spread(len(held_out), configuration.engine.samples)]
    if not len(few):
        return None
    middle = slice(configuration.reach - REACH, configuration.reach + REACH + 1)
    given = store.given(few, given_names(configuration.scoring_tasks))
    return Samples(np.ascontiguousarray(store.take(few)[:, :, middle]), given)


def _footage(seen: Survey, store: SequenceStore, train: np.ndarray, held_out: np.ndarray) -> dict[str, Any]:
    """What there is to tell of the footage."""
    portraits = [portrait(clip) for clip in seen.lengths]
    apart = np.unique(store.clip[held_out])
    declared = float(np.median(seen.declared_rates)) if seen.declared_rates else None
    return {
        "clips": [clip.name for clip in seen.lengths],
        "left_out": list(seen.unreadable.values()),
        "frames": store.frames,
        "rate": float(np.median(list(seen.rates.values()))),
        "regions": dict(sorted(store.regions.items())),
        "detector_ms_per_frame": {kind: 1000 * seconds / store.frames for kind, seconds in store.seconds.items()},
        "sequences": len(store),
        "sequences_bytes": store.bytes,
        "trained_on": len(train),
        "held_out": len(held_out),
        "held_out_clips": [list(seen.lengths)[i].name for i in apart],
        # Of a network that is kept later on, this stays.
        "learnt": {"clips": portraits, "held_out_clips": [portraits[i] for i in apart], "rate": declared},
    }


def _learning(done: checkpoint.Progress, trainer: Trainer) -> dict[str, Any]:
    """And of the training."""
    return {
        "parameters": parameters(trainer.raw),
        "epochs": done.epoch,
        "best_epoch": done.best_epoch + 1,
        "losses": done.history,
        "seconds": round(done.seconds, 1),
        "network_busy": round(done.busy_s / max(done.seconds, 1e-9), 4),
        "precision": trainer.precision,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }


def _figures(facts: dict[str, Any]) -> dict[str, float]:
    """The numbers of a summary, and the loss of the network that is kept, by which runs are compared."""
    # TensorBoard's table of runs shows the metric of that name.
    figures = {"hp_metric": facts["losses"][facts["best_epoch"] - 1]["held_out/total"]}
    return figures | {f"summary/{name}": value for name, value in facts.items() if isinstance(value, int | float)}


def _write_losses(history: list[dict[str, float]], work: Path) -> None:
    text = io.StringIO()
    # A task may begin in a later epoch.
    columns = dict.fromkeys(name for row in history for name in row)
    table = csv.DictWriter(text, list(columns), lineterminator="\n")
    table.writeheader()
    table.writerows(history)
    write_text(work / "losses.csv", text.getvalue())
    plot_losses(work / "losses.png", history)
