"""The runner of studies: which rows are still to do, and a table that grows as they finish."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ssmtl.atomic import claim_output, write_text
from ssmtl.errors import ConfigError, OutputError
from ssmtl.progress import Progress, Silent
from ssmtl.studies.choices import Choices, check, why_not
from ssmtl.studies.processes import Runner, default_jobs, why_failed
from ssmtl.studies.rows import STUDIES, Study
from ssmtl.studies.subset import open_data
from ssmtl.studies.table import About, Result, write_study
from ssmtl.studies.units import Unit, plan
from ssmtl.studies.worker import ERROR


def run_studies(
    names: Sequence[str],
    dataset: str,
    root: Path | str,
    out: Path | str,
    choices: Choices,
    *,
    seeds: int = 1,
    jobs: int | None = None,
    rows: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> dict[str, str]:
    """Train, score and tabulate the rows of studies; what is finished in `out` already is not done again.

    Writes `out/<study>.md`, `.csv`, `.json` and `.png`, and `out/<study>/<row>/seed<k>/` with `model`, `result`,
    `row.json` and `log.txt`. Several studies share the regions and sequences in `out/sequences`, and a model that two
    of them need is trained once.

    Args:
        names: of the studies.
        dataset: name of a data set with ground truth.
        root: where it lies.
        out: folder for all of it.
        choices: what holds for every row.
        seeds: each row is run with the seeds 0 to `seeds` - 1.
        jobs: rows at once; by default one per GPU, else as many as cores and memory allow. Timed studies run one.
        rows: names of the rows to run; all by default. The others are in the table where they are finished.
        overwrite: run the rows anew.
        progress: shows rows done; a row's measures are a note.

    Returns:
        Why rows failed, by study, row and seed; empty where all went well.

    Raises:
        ConfigError: the choices fit no row.
        DataError: no such data set.
        OutputError: `out` holds rows with other settings, or cannot be written.
    """
    progress = progress or Silent()
    root, out = Path(root).resolve(), Path(out)
    studies = [STUDIES[name] for name in names]
    check(studies, choices)
    known = dict.fromkeys(row.name for study in studies for row in study.rows)
    for name in rows or ():
        if name not in known:
            raise ConfigError(f"--rows {name}: unknown; known ones: {', '.join(known)}")
    data = open_data(dataset, root, choices.scale)
    claim_output(out, overwrite=True)
    units = plan(studies, data, out, choices, seeds)
    wanted = [unit for unit in units if rows is None or unit.row.name in rows]
    _claim(wanted, overwrite)
    about = About(dataset, choices, seeds)
    failed: dict[str, str] = {}
    for study in studies:
        at_once = 1 if study.timed else jobs or default_jobs()
        runner = Runner(dataset, root, choices.scale, out, at_once)
        every, todo = ([unit for unit in some if unit.study is study] for some in (units, wanted))
        failed |= _run_study(study, every, todo, about, runner, progress)
    return failed


def _claim(units: Sequence[Unit], overwrite: bool) -> None:
    """Begin anew, or make sure that what was begun was asked for in the same way."""
    for unit in units:
        if overwrite:
            shutil.rmtree(unit.folder, ignore_errors=True)
        elif changed := unit.changed():
            names = ", ".join(changed[:5]) + (", ..." if len(changed) > 5 else "")
            raise OutputError(
                f"{unit.folder}: was begun with other settings ({names}); run the study with the same ones, choose "
                "another --out, or run its rows anew with --overwrite"
            )


def _run_study(
    study: Study, every: list[Unit], todo: list[Unit], about: About, runner: Runner, progress: Progress
) -> dict[str, str]:
    """Run what of `todo` is not finished, writing the study's table after each row; returns why rows failed."""
    waiting = [unit for unit in todo if unit.outcome() is None]
    runner = replace(runner, at_once=max(1, min(runner.at_once, len(waiting))))
    step = progress.stage(study.title, len(todo))
    for _ in range(len(todo) - len(waiting)):
        step()
    failed: dict[str, str] = {}
    started = time.monotonic()

    def ended(unit: Unit, code: int, left: int) -> None:
        done = len(waiting) - left
        pace = (time.monotonic() - started) / done / 60
        ahead = f"{done} of {len(waiting)} done" + (f", about {pace * left:.0f} min left" if left else "")
        error = why_failed(unit, code)
        if error is not None:
            failed[str(unit)] = error
            write_text(unit.folder / ERROR, error)
        progress.note(f"{unit}: {_words(unit) if error is None else f'failed: {error}'} ({ahead})")
        step()
        _tabulate(study, every, about, runner.out)

    runner.run(waiting, ended)
    _tabulate(study, every, about, runner.out)
    return failed


def _words(unit: Unit) -> str:
    done = unit.outcome()
    assert done is not None
    measures = done["measures"]
    micro, macro = (
        "–" if measures[name] is None else f"{100 * measures[name]:.2f} %" for name in ("micro", "macro_anchored")
    )
    minutes = sum(done["seconds"].values()) / 60
    return f"micro AUC {micro}, macro AUC {macro}, {measures['frames_per_second']:.1f} frames/s, {minutes:.1f} min"


def _tabulate(study: Study, units: Sequence[Unit], about: About, out: Path) -> None:
    results = []
    for row in study.rows:
        mine = [unit for unit in units if unit.row is row]
        seeds = {unit.seed: done for unit in mine if (done := unit.outcome()) is not None}
        errors = [unit.folder / ERROR for unit in mine if unit.seed not in seeds]
        told = [file.read_text(encoding="utf-8") for file in errors if file.is_file()]
        reason = why_not(row, study, about.choices)
        missing = f"failed: {told[0]}" if told else f"not run: {reason}" if reason else "not run"
        results.append(Result(row, seeds, missing if len(seeds) < max(1, len(mine)) else ""))
    write_study(study, results, about, out)
