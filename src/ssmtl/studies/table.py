"""What the rows of a study came to: a Markdown table beside the paper's numbers, all figures as CSV and JSON."""

import csv
import io
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssmtl.atomic import write_json, write_text
from ssmtl.studies.choices import Choices, flat
from ssmtl.studies.picture import draw
from ssmtl.studies.rows import PUBLISHED_ON, STANDS_FOR, Row, Study

UNITS: dict[str, tuple[str, float, int]] = {
    "micro": ("micro AUC, %", 100, 1),
    "macro_anchored": ("macro AUC, anchored, %", 100, 1),
    "regions": ("objects in training footage", 1, 0),
    "recall_10": ("recall at overlap 0.1, %", 100, 1),
    "recall_50": ("recall at overlap 0.5, %", 100, 1),
    "frames_per_second": ("frames/s", 1, 1),
}
"""Heading of each measure that a table may show, what it is multiplied by, and its decimals."""

TEACHES = {"classifier": 4, "segmentation": 7, "pose": 9}
"""Number of the proxy task that learns from each teacher."""


@dataclass(frozen=True, slots=True)
class About:
    """What holds for a whole study: the data set's name, what the user chose, and the number of seeds."""

    dataset: str
    choices: Choices
    seeds: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a row came to.

    Attributes:
        row: the row.
        seeds: what its `row.json` holds, by seed, where it is finished.
        state: why there is none, or not for every seed.
    """

    row: Row
    seeds: Mapping[int, Mapping[str, Any]]
    state: str = ""

    def values(self, measure: str) -> list[float]:
        """The measure of each finished seed that has it, in the unit of the table."""
        found = [done["measures"].get(measure) for done in self.seeds.values()]
        return [UNITS[measure][1] * value for value in found if value is not None]


def write_study(study: Study, results: Sequence[Result], about: About, out: Path) -> None:
    """Write `out/<study>.md`, `.csv`, `.json` and `.png`.

    Raises:
        OutputError: they cannot be written.
    """
    write_text(out / f"{study.name}.md", markdown(study, results, about))
    write_text(out / f"{study.name}.csv", as_csv(study, results))
    write_json(out / f"{study.name}.json", as_json(study, results, about))
    draw(
        out / f"{study.name}.png", study, {r.row.name: {m: r.values(m) for m in UNITS} for r in results}, about.dataset
    )


def markdown(study: Study, results: Sequence[Result], about: About) -> str:
    """The table, and below it all that one must know to read it."""
    lines = [f"# {study.title}", "", *_warnings(about), *_table(study, results), ""]
    if about.dataset != PUBLISHED_ON:
        lines += [f"The paper's numbers are of {PUBLISHED_ON.capitalize()}, the measured ones of {about.dataset}.", ""]
    lines += [text + "\n" for text in study.notes]
    lines += [f"- {text}" for text in _facts(study, results, about)]
    shared = _shared(results)
    if shared:
        lines += ["", "Settings, the same in all rows that have them:", "", *(f"- {text}" for text in shared)]
    return "\n".join(lines) + "\n"


def _warnings(about: About) -> list[str]:
    if about.choices.scale == "full":
        return []
    return ["**Scale: small.** It shows that the study works; its numbers say nothing of the method.", ""]


def _table(study: Study, results: Sequence[Result]) -> list[str]:
    heads = ["row"]
    # A column for the paper's numbers where it has any.
    beside = {column: any(column.published in row.published for row in study.rows) for column in study.columns}
    for column in study.columns:
        heads += [UNITS[column.measure][0], *(["paper"] if beside[column] else [])]
    heads += ["training, min", "scoring, min", ""]
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 2) + "|---|"]
    for result in results:
        cells = [f"{result.row.title} (`{result.row.name}`)"]
        for column in study.columns:
            cells.append(_spread(result.values(column.measure), UNITS[column.measure][2]))
            if beside[column]:
                cells.append(f"{result.row.published.get(column.published or '', '–')}")
        for part in ("training", "scoring"):
            cells.append(_spread([done["seconds"][part] / 60 for done in result.seeds.values()], 1))
        lines.append("| " + " | ".join([*cells, _one_line(result.state)]) + " |")
    return lines


def _spread(values: Sequence[float], decimals: int) -> str:
    """Mean, and the standard deviation where there are several."""
    if not values:
        return "–"
    text = f"{statistics.fmean(values):.{decimals}f}"
    return text + (f" ± {statistics.stdev(values):.{decimals}f}" if len(values) > 1 else "")


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _facts(study: Study, results: Sequence[Result], about: About) -> list[str]:
    facts = [f"Data set: {about.dataset}; scale: {about.choices.scale}."]
    done = [one for result in results for one in result.seeds.values()]
    if done:
        data = done[0]["data"]
        facts.append(
            f"Clips: {len(data['train'])} to train on, {len(data['test'])} to score: {', '.join(data['test'])}."
        )
    facts.append(f"Seeds: {about.seeds}" + ("; mean ± standard deviation." if about.seeds > 1 else "."))
    facts += _where(study, about.choices)
    for one in {json.dumps([one["machine"], one["versions"]]): one for one in done}.values():
        machine, versions = one["machine"], one["versions"]
        gpu = f", {machine['gpu']}" if machine["gpu"] else ""
        facts.append(
            f"Measured on {one['date']}: {machine['processor']}, {machine['cores']} cores{gpu}, "
            f"threads of a row: {machine['threads']}; ssmtl {versions['ssmtl']}, Python {versions['python']}, "
            f"PyTorch {versions['torch']}."
        )
    undefined = {one["measures"]["undefined_clips"] for one in done}
    facts += [f"Clips with frames of one class only, which have no AUC of their own: {n}." for n in sorted(undefined)]
    return facts


def _where(study: Study, choices: Choices) -> list[str]:
    if choices.regions is not None and study.name != "table1":
        parts = [part["kind"] + (f" ({Path(part['path']).name})" if "path" in part else "") for part in choices.regions]
        return [f"Regions of every row, in place of the paper's detectors: {' + '.join(parts)}."]
    named = zip(STANDS_FOR.values(), choices.detectors, strict=False)
    return [f"Detector in the place of {name}: {file.name}." for name, file in named]


def _shared(results: Sequence[Result]) -> list[str]:
    """Settings by their section that have one value in all finished rows that have and use them."""
    seen: dict[str, list[Any]] = {}
    for result in results:
        unused = tuple(f"teachers.{name}." for name, task in TEACHES.items() if task not in result.row.tasks)
        for done in result.seeds.values():
            for name, value in flat(done["configuration"]).items():
                if not name.startswith(unused):
                    seen.setdefault(name, []).append(value)
    sections: dict[str, list[str]] = {}
    for name, values in seen.items():
        section, _, field = name.rpartition(".")
        # The kinds of detectors and tasks are the names of their sections.
        if (field != "kind" or not section.startswith(("detectors", "tasks", "attributes"))) and all(
            value == values[0] for value in values
        ):
            sections.setdefault(section, []).append(f"{field} {_shown(values[0])}")
    return [f"{section or 'configuration'}: {', '.join(fields)}" for section, fields in sections.items()]


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{text[:60]}..." if len(text) > 60 else text


def _published(row: Row) -> dict[str, float]:
    """In the units of what is measured: areas and recall are shares, where the papers have %."""
    shares = ("micro", "macro", "recall")
    return {name: round(value / 100, 6) if name in shares else value for name, value in row.published.items()}


def as_csv(study: Study, results: Sequence[Result]) -> str:
    """All measures of each row and seed."""
    rows = [
        {"study": study.name, "row": result.row.name, "seed": seed, **done["measures"]}
        | {f"{part}_s": seconds for part, seconds in done["seconds"].items()}
        | {f"published_{name}": value for name, value in _published(result.row).items()}
        for result in results
        for seed, done in result.seeds.items()
    ]
    text = io.StringIO()
    columns = dict.fromkeys(name for row in rows for name in row)
    table = csv.DictWriter(text, list(columns) or ["study", "row", "seed"], lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def as_json(study: Study, results: Sequence[Result], about: About) -> dict[str, Any]:
    """The same with settings, versions and what was not run."""
    return {
        "study": study.name,
        "title": study.title,
        "dataset": about.dataset,
        "scale": about.choices.scale,
        "seeds": about.seeds,
        "detectors": [str(file) for file in about.choices.detectors],
        "published_on": PUBLISHED_ON,
        "rows": [
            {
                "row": result.row.name,
                "title": result.row.title,
                "published": _published(result.row),
                "state": result.state or "done",
                "seeds": {str(seed): dict(done) for seed, done in result.seeds.items()},
            }
            for result in results
        ],
    }
