"""Another scene: false events on the rest of vtest.avi, and people planted there who do what no one does.

    python benchmarks/vtest.py --work runs/vtest [--recipe ssmtl-plus] [--seeds 3] [--set FIELD=VALUE --name NAME]

The recipe is fitted to the first 500 frames. On the rest, in which nothing is wrong, events are counted at the default
threshold; then people of it are pasted in, one at a time, three times as fast, backwards and cut in half, and as they
were. One is found where an event of its time shows it. Can be killed and run again: finished models are kept, by
--name. Writes benchmarks/results/NAME.json and .md.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from machine import machine, shared_data

from ssmtl import configure, fit, load_model
from ssmtl.atomic import write_json, write_text
from ssmtl.cli.options import console
from ssmtl.cli.progress import Bars
from ssmtl.config import read_assignments
from ssmtl.kept_network import keep_network
from ssmtl.metrics.boxes import intersection_over_union
from ssmtl.model import Model
from ssmtl.model_folder import DESCRIPTION
from ssmtl.planting import Planting, choose_start, cut, find_walks, plant
from ssmtl.regions.union import build_detector
from ssmtl.scoring.event_stream import EventStream
from ssmtl.scoring.events import Event
from ssmtl.scoring.stream import score_stream
from ssmtl.video.frame import Frame
from ssmtl.video.sources import Clip, open_source

RESULTS = Path(__file__).parent / "results"
TRAINED_ON = 500
PLANTED = (("as it was", 1.0), ("faster", 3.0), ("backwards", 1.0), ("cut in half", 1.0))
WALKS = 8
LEAST_OVERLAP = 0.1


def events_of(frames: Iterable[Frame], model: Model) -> tuple[list[Event], float]:
    """Events at the model's threshold, and the highest frame score."""
    detector = build_detector(model.configuration.detectors, "vtest", model.scene)
    stream, found, highest = EventStream(model, model.threshold()[0]), [], 0.0
    for result in score_stream(frames, model, detector):
        found += stream.add(result)
        highest = max(highest, result.score)
    found += stream.finish()
    return [one for one in found if isinstance(one, Event)], highest


def shows(event: Event, planting: Planting) -> bool:
    """Whether the object that the event names is the one that was planted, in any frame."""
    where = dict(zip(planting.frames.tolist(), planting.boxes, strict=True))
    return any(
        point.frame in where
        and intersection_over_union(np.array([point.box]), where[point.frame][None])[0] >= LEAST_OVERLAP
        for point in event.track
    )


def one_seed(seed: int, options: argparse.Namespace) -> dict:
    video = shared_data() / "video" / "vtest.avi"
    folder = options.work / options.name / f"seed{seed}"
    if not (folder / DESCRIPTION).is_file():
        resume = (folder / "training" / "checkpoint.safetensors").is_file()
        with Bars(console) as bars:
            clips = [Clip("vtest", video, 0, TRAINED_ON)]
            network = None if options.networks is None else options.networks / f"seed{seed}"
            kept = keep_network(network) if network else {"seed": seed}
            configuration = configure(options.recipe, kept, read_assignments(options.set))
            fit(clips, folder, configuration, resume=resume, overwrite=not resume, network=network, progress=bars)
    model = load_model(folder)
    rest = list(open_source(Clip("vtest", video, TRAINED_ON)))
    events, highest = events_of(rest, model)
    minutes = (rest[-1].time_s - rest[0].time_s) / 60
    detector = build_detector(model.configuration.detectors, "vtest", model.scene)
    boxes = [detector.detect(frame).boxes for frame in rest]
    walks = sorted(find_walks(boxes), key=lambda walk: len(walk.frames), reverse=True)[:WALKS]
    rows = []
    with Bars(console) as bars:
        step = bars.stage("planting", len(walks) * len(PLANTED))
        for number, (walk, pictures) in enumerate(zip(walks, cut(rest, walks), strict=True)):
            for how, times in PLANTED:
                start = choose_start(walk, how, times, boxes)
                if start is not None:
                    planting = Planting(walk, how, start, times)
                    caught, top = events_of(plant(rest, planting, pictures), model)
                    rows.append(
                        {
                            "walk": number,
                            "how": how,
                            "frames": len(planting.frames),
                            "found": any(shows(event, planting) for event in caught),
                            "highest": top,
                        }
                    )
                step()
    return {
        "seed": seed,
        "threshold": model.threshold()[0],
        "minutes": minutes,
        "false_events": len(events),
        "highest": highest,
        "training_s": model.training["seconds"],
        "planted": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--recipe", default="ssmtl-plus")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument(
        "--networks", type=Path, help="models of another name, whose networks are kept: nothing is trained"
    )
    parser.add_argument("--name", help="of the figures and the models' folder; default: vtest_RECIPE")
    options = parser.parse_args()
    options.name = options.name or f"vtest_{options.recipe}"
    rows = []
    for seed in range(options.seeds):
        rows.append(one_seed(seed, options))
        report = {**machine(), "recipe": options.recipe, "set": options.set, "trained_on": TRAINED_ON, "seeds": rows}
        write_json(RESULTS / f"{options.name}.json", report)
        write_text(RESULTS / f"{options.name}.md", table(report))


def table(report: dict) -> str:
    what = " ".join([report["recipe"], *report["set"]])
    lines = [
        f"Measured on {report['date']}, {report['processor']}, ssmtl {report['ssmtl']}; `{what}` fitted to the first "
        f"{TRAINED_ON} frames of vtest.avi. Made by `benchmarks/vtest.py`.",
        "",
        "| seed | threshold | highest score of the rest | false events | in minutes | "
        + " | ".join(f"found, {how}" for how, _ in PLANTED)
        + " |",
        "|---|---|---|---|---|" + "---|" * len(PLANTED),
    ]
    for row in report["seeds"]:
        cells = []
        for how, _ in PLANTED:
            mine = [one["found"] for one in row["planted"] if one["how"] == how]
            cells.append(f"{sum(mine)} of {len(mine)}")
        lines.append(
            f"| {row['seed']} | {row['threshold']:.3f} | {row['highest']:.3f} | {row['false_events']} | "
            f"{row['minutes']:.2f} | {' | '.join(cells)} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
