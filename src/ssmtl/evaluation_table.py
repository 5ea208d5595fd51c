"""An evaluation as people read it: beside published results, with all that the figures depend on, and as pictures."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssmtl import __version__
from ssmtl.atomic import write_json, write_text
from ssmtl.errors import OutputError
from ssmtl.evaluation import Evaluation
from ssmtl.metrics.published import SOURCE, VIDEOS, published

COLUMNS = ("micro", "macro, anchored", "macro, defined", "EER", "AP", "RBDC", "TBDC")
"""Headings of the measures, all in %."""

Row = tuple[str, tuple[float | None, ...]]


def table_rows(done: Evaluation) -> list[Row]:
    """Name and measures of every system, the published ones first, in [0, 1]; None where there is none."""
    rows: list[Row] = [
        (f"{row.system}, published", (row.micro, row.macro, None, None, None, row.rbdc, row.tbdc))
        for row in published(done.dataset)
    ]
    frames, regions = done.frames, done.regions
    own: list[float | None] = [None] * len(COLUMNS)
    if frames is not None:
        areas = (frames.micro, frames.macro_anchored, frames.macro_defined)
        own[:5] = [*areas, frames.equal_error_rate, frames.average_precision]
    if regions is not None:
        own[5:] = [regions.rbdc, regions.tbdc]
    rows.append((done.system, tuple(own)))
    return rows


def conventions(done: Evaluation) -> list[str]:
    """Sentences that say by which conventions and settings the figures were made, for below a table."""
    said = []
    if done.frames is not None:
        frames = done.frames
        said += [
            f"Frame level: {frames.frames} frames of {frames.videos} clips, {frames.abnormal} abnormal. Micro: one ROC "
            "over all frames. Macro: mean over clips; anchored: each with one more normal frame below and one more "
            "abnormal frame above all its scores; defined: only clips with frames of both classes. "
            f"{frames.undefined} of {frames.videos} clips have frames of one class only.",
            _made_by(done.settings),
        ]
    if done.regions is not None:
        regions = done.regions
        truth = (
            "linked by ssmtl from masks or boxes (derived)" if done.derived_tracks else "as the annotation gives them"
        )
        said.append(
            f"Region level: {regions.detections} regions against {regions.regions} ground-truth regions of "
            f"{regions.tracks} tracks, {truth}. Intersection over union of at least 0.1; a track is detected at a "
            f"tenth of its regions; false positives per frame over {regions.frames} frames; curves extended flat to 1."
        )
    elif done.without_regions:
        said.append(f"No RBDC and TBDC: {done.without_regions}.")
    if published(done.dataset):
        videos, own = VIDEOS[done.dataset], len(done.clips)
        said.append(
            f"Published: {SOURCE}. "
            + (f"They are over {videos} test clips, the measured ones over {own}." if videos != own else "")
        )
    said.append(f"ssmtl {__version__}; SHA-256 of the scores: {done.scores_sha256[:16]}.")
    return [text.strip() for text in said]


def _made_by(settings: Mapping[str, Any]) -> str:
    if not settings:
        return (
            "Scores as they were given: ssmtl adds no smoothing and no normalisation; what they had before is unknown."
        )
    scoring = ", ".join(f"{key} {value}" for key, value in settings["scoring"].items())
    return (
        f"Scores: recipe {settings['recipe']}, seed {settings['seed']}; {scoring}; frames without a region score 0; no "
        "normalisation per clip."
    )


def percent(value: float | None) -> str:
    """Two decimals; a dash for what is undefined or not reported."""
    return "–" if value is None or value != value else f"{100 * value:.2f}"


def _title(done: Evaluation) -> str:
    return done.dataset or "Scores against ground truth"


def markdown(done: Evaluation) -> str:
    """The table, the conventions, and the clips."""
    lines = [f"# {_title(done)}", "", "In %, higher is better, but for EER.", ""]
    lines += [f"| system | {' | '.join(COLUMNS)} |", "|---" + "|---:" * len(COLUMNS) + "|"]
    for name, values in table_rows(done):
        lines.append(f"| {_cell(name)} | {' | '.join(map(percent, values))} |")
    lines += ["", *(f"- {text}" for text in conventions(done))]
    if done.frames is not None:
        lines += ["", "| clip | AUC |", "|---|---:|"]
        pairs = zip(done.clips, done.frames.per_video, strict=True)
        lines += [f"| {_cell(name)} | {percent(area)} |" for name, area in pairs]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def latex(done: Evaluation) -> str:
    """The table alone, for `booktabs`, with the conventions as comments."""
    lines = [f"% {text}" for text in conventions(done)]
    lines += [f"\\begin{{tabular}}{{l{'r' * len(COLUMNS)}}}", "\\toprule"]
    lines += [" & ".join(["System", *COLUMNS]) + " \\\\", "\\midrule"]
    for name, values in table_rows(done):
        lines.append(" & ".join([_escaped(name), *map(percent, values)]).replace("–", "--") + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def _escaped(text: str) -> str:
    special = {sign: f"\\{sign}" for sign in "&%$#_{}"} | {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}"}
    special |= {"^": "\\textasciicircum{}", "<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}"}
    return "".join(special.get(sign, sign) for sign in " ".join(text.split()))


def as_csv(done: Evaluation) -> str:
    """The table with fractions in place of percent, and an empty cell for what there is not."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["dataset", "system", *(name.replace(", ", "_").lower() for name in COLUMNS)])
    for name, values in table_rows(done):
        cells = ["" if value is None or value != value else f"{value:.6g}" for value in values]
        table.writerow([done.dataset, name, *cells])
    return text.getvalue()


def as_json(done: Evaluation) -> dict[str, Any]:
    """Everything but the curves, with the published rows and the conventions."""
    names = ("micro", "macro_anchored", "rbdc", "tbdc")
    rows = {
        row.system: dict(zip(names, (row.micro, row.macro, row.rbdc, row.tbdc), strict=True))
        for row in published(done.dataset)
    }
    return {"ssmtl": __version__, **done.as_dict(), "published": rows, "conventions": conventions(done)}


def write_evaluation(done: Evaluation, out: Path) -> list[Path]:
    """Write an evaluation to `out`, and say what was written.

    A name that ends in .json, .md, .tex or .csv is one file. Anything else is a folder for all four, named
    `evaluation`, and the curves `roc.png` and `regions.png`, as far as there are any.

    Raises:
        OutputError: something cannot be written, or the ending is another.
    """
    out = Path(out)
    check_output(out)
    if out.suffix and not out.is_dir():
        _WRITERS[out.suffix.lower()](out, done)
        return [out]
    written = []
    for ending, write in _WRITERS.items():
        write(out / f"evaluation{ending}", done)
        written.append(out / f"evaluation{ending}")
    return written + _pictures(done, out)


def check_output(out: Path) -> None:
    """Refuse a file of another ending, before there is anything to write.

    Raises:
        OutputError: it ends otherwise.
    """
    if out.suffix and not out.is_dir() and out.suffix.lower() not in _WRITERS:
        raise OutputError(
            f"{out}: write to a file that ends in {', '.join(_WRITERS)}, or to a folder, without a dot in its name"
        )


def _pictures(done: Evaluation, out: Path) -> list[Path]:
    from ssmtl.report.evaluation_curves import plot_regions, plot_roc

    # Those of an earlier evaluation in the same folder would be taken for this one's.
    for name in ("roc.png", "regions.png"):
        (out / name).unlink(missing_ok=True)
    written = []
    if done.roc is not None and done.frames is not None:
        plot_roc(out / "roc.png", done.roc, done.frames, _title(done))
        written.append(out / "roc.png")
    if done.regions is not None:
        plot_regions(out / "regions.png", done.regions, _title(done))
        written.append(out / "regions.png")
    return written


_WRITERS = {
    ".json": lambda path, done: write_json(path, as_json(done)),
    ".md": lambda path, done: write_text(path, markdown(done)),
    ".tex": lambda path, done: write_text(path, latex(done)),
    ".csv": lambda path, done: write_text(path, as_csv(done)),
}
"""How each kind of file is written."""
