"""How close `ssmtl tune`, which sees no label, comes to choosing on the test labels of UCSD Ped2.

    python benchmarks/ped2.py --work runs/ped2
    python benchmarks/tune.py --work runs/ped2 [--seeds 3] [--name tune_fast]

For each seed, anomalies are planted in the clips that training held out, as `tune` does. Then the test clips are
measured with the model's own settings, with those chosen on all that was planted and on the fast ones alone, and with
the best that the same search finds on the test labels: what is not allowed, and bounds what can be had. Can be killed
and run again. Writes benchmarks/results/NAME.json and .md.
"""

import argparse
import json
from functools import partial
from pathlib import Path

import numpy as np
from accuracy import measure
from machine import machine, shared_data

from ssmtl import load_model, open_dataset
from ssmtl.atomic import write_json, write_text
from ssmtl.cli.options import console
from ssmtl.cli.progress import Bars
from ssmtl.datasets.dataset import Dataset
from ssmtl.engine.settings import EXACT
from ssmtl.model import Model, with_settings
from ssmtl.scoring.settings import ScoringSettings
from ssmtl.tuning import ANOMALIES, Found, Frames, Join, choose, joining, plant_all, score_frames, shown
from ssmtl.tuning import measure as measure_planted
from ssmtl.video.sources import open_source

WALKS = 4
RESULTS = Path(__file__).parent / "results"
TUNED = {"tuned on planted anomalies": tuple(ANOMALIES), "tuned on those planted who are fast": ("faster",)}
"""What `--plant` names; who expects fast ones, as in a zone for walkers, would say the second."""

POWERS = (1, 1.5, 2, 4, 8)
"""Of `scoring.power`, which `tune` leaves as it is."""

ROWS = ("the model's own", *TUNED, "chosen on the test labels")


def measured_on(data: Dataset, scored: dict[str, Frames], join: Join, settings: ScoringSettings) -> Found:
    micro, _, rbdc, tbdc = measure(data, scored, settings, join)
    return Found(micro, rbdc, tbdc)


def test_scores(data: Dataset, used: Model, bars: Bars) -> dict[str, Frames]:
    step = bars.stage("scoring the test clips", None)
    return {clip.name: score_frames(iter(open_source(clip)), used, clip, step) for clip in data.test_clips()}


def one_seed(folder: Path, data: Dataset) -> dict:
    kept = folder / "tuned.json"
    if kept.is_file():
        return json.loads(kept.read_text())
    model = load_model(folder / "model")
    held_out = [clip for clip in data.train_clips() if clip.name in model.training["held_out_clips"]]
    settings = model.configuration.scoring
    with Bars(console) as bars:
        used = with_settings(model, {"engine": EXACT, "scoring": {"track_frames": 1}})
        cases = [case for clip in held_out for case in plant_all(clip, used, tuple(ANOMALIES), WALKS, bars)]
        scored = test_scores(data, used, bars)
    join = joining(model)
    tuned = {
        title: choose(partial(measure_planted, [c for c in cases if c.how in planted], join), settings)
        for title, planted in TUNED.items()
    }
    best = choose(partial(measured_on, data, scored, join), settings)
    after = [measured_on(data, scored, join, settings.model_copy(update=dict(t.changes))) for t in tuned.values()]
    rows = dict(zip(ROWS, (best.before, *after, best.after), strict=True))
    everything = tuned["tuned on planted anomalies"]
    powers = {power: measure_planted(cases, join, settings.model_copy(update={"power": power})) for power in POWERS}
    report = {
        "held_out": [clip.name for clip in held_out],
        "tuned": {title: dict(one.changes) for title, one in tuned.items()},
        "best": dict(best.changes),
        "planted": {"before": shown(everything.before), "after": shown(everything.after)},
        "trials": [{"setting": name, "value": value, **shown(found)} for name, value, found in everything.trials],
        "powers": [{"power": power, **shown(found)} for power, found in powers.items()],
        "test": {title: shown(found) for title, found in rows.items()},
    }
    write_json(kept, report)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--name", default="tune_fast")
    options = parser.parse_args()
    data = open_dataset("ucsd", shared_data() / "UCSDped2")
    seeds = [one_seed(options.work / f"seed{seed}", data) for seed in range(options.seeds)]
    recipe = load_model(options.work / "seed0" / "model").configuration.recipe
    report = {**machine(), "recipe": recipe, "seeds": seeds}
    write_json(RESULTS / f"{options.name}.json", report)
    write_text(RESULTS / f"{options.name}.md", table(report))


def table(report: dict) -> str:
    seeds = report["seeds"]
    lines = [
        f"Measured on {report['date']}, {report['processor']}, ssmtl {report['ssmtl']}; `{report['recipe']}`, mean of "
        f"{len(seeds)} seeds, in %. Made by `benchmarks/tune.py`.",
        "",
        f"| `{report['recipe']}`, Ped2's test clips | micro AUC | RBDC | TBDC | mean |",
        "|---|---|---|---|---|",
    ]
    for title in ROWS:
        values = np.mean([list(seed["test"][title].values()) for seed in seeds], axis=0)
        lines.append(f"| {title} | " + " | ".join(f"{value:.2f}" for value in values) + " |")
    lines += [
        "",
        f"| `scoring.power`, `{report['recipe']}`, planted people | micro AUC | RBDC | TBDC |",
        "|---|---|---|---|",
    ]
    for trials in zip(*(seed["powers"] for seed in seeds), strict=True):
        values = np.mean([[trial[name] for name in ("micro", "rbdc", "tbdc")] for trial in trials], axis=0)
        lines.append(f"| {trials[0]['power']} | " + " | ".join(f"{value:.1f}" for value in values) + " |")
    lines.append("")
    for number, seed in enumerate(seeds):
        lines.append(f"Seed {number}: tuned {seed['tuned']}; on the test labels {seed['best']}.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
