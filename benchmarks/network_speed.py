"""The network alone: its share of the machine's own bfloat16 matrix product, by every engine, in batches of 1, 7, 16.

    python benchmarks/network_speed.py [--model runs/ped2_lite/v1/model] [--recipe ssmtlpp-v1] [--rounds 5]

Without --model, an untrained network of the recipe. Each engine's time is the median of rounds; the matrix product is
measured before and after each of its runs. Writes benchmarks/results/network_speed_RECIPE.json and .md.
"""

import argparse
import statistics
from pathlib import Path

import torch
from machine import machine

from ssmtl import configure, load_model
from ssmtl.atomic import write_json, write_text
from ssmtl.bench.peak import best_s, gflop_per_object, matrix_product
from ssmtl.bench.run import untrained
from ssmtl.engine.build import build_engine
from ssmtl.engine.choose import WAYS, reference_scores, run_all, score_difference
from ssmtl.errors import SsmtlError

RESULTS = Path(__file__).parent / "results"
BATCHES = (1, 7, 16)
CPU = torch.device("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--recipe", default="ssmtlpp-v1")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    model = load_model(options.model) if options.model else untrained(configure(options.recipe))
    recipe = model.configuration.recipe
    subject = model.subject
    gflop = gflop_per_object(subject)
    exact = reference_scores(subject)
    engines, rows = {}, []
    for kind, precision in WAYS:
        try:
            engines[kind, precision] = build_engine(subject, kind, precision, 0, CPU)
        except SsmtlError as error:
            rows.append({"kind": kind, "precision": precision, "problem": str(error)})
    times = {way: {n: [] for n in BATCHES} for way in engines}
    ratios = {way: {n: [] for n in BATCHES} for way in engines}
    for _ in range(options.rounds):
        for way, engine in engines.items():
            for n in BATCHES:
                few = subject.samples.first(n)
                before = matrix_product(torch.bfloat16, CPU)
                ms = 1000 * best_s(lambda engine=engine, few=few: engine.scores(few.pictures, few.given)) / n
                peak = (before + matrix_product(torch.bfloat16, CPU)) / 2
                times[way][n].append(ms)
                ratios[way][n].append(1000 * gflop / ms / peak)
    for way, engine in engines.items():
        row = {"kind": way[0], "precision": way[1]}
        row["largest_difference"] = score_difference(exact, run_all(engine, subject.samples, 16), subject)
        row["ms_per_object"] = {str(n): statistics.median(times[way][n]) for n in BATCHES}
        row["of_matrix_product"] = {str(n): statistics.median(ratios[way][n]) for n in BATCHES}
        row["batch_1_over_16"] = row["ms_per_object"]["1"] / row["ms_per_object"]["16"]
        rows.append(row)
    report = {
        **machine(),
        "recipe": recipe,
        "trained": bool(model.training.get("epochs")),
        "channels": model.picture_channels,
        "gflop_per_object": gflop,
        "matrix_product_gflop_per_s": matrix_product(torch.bfloat16, CPU),
        "rounds": options.rounds,
        "engines": rows,
    }
    name = RESULTS / f"network_speed_{recipe}"
    write_json(name.with_suffix(".json"), report)
    write_text(name.with_suffix(".md"), table(report))
    print(table(report))


def table(report: dict) -> str:
    lines = [
        f"Measured on {report['date']}, {report['processor']}, {report['threads']} threads; `{report['recipe']}`, "
        f"{'trained' if report['trained'] else 'untrained'}, {report['channels']} channels, "
        f"{report['gflop_per_object']:.2f} GFLOP per object; PyTorch's bfloat16 2048³ product: "
        f"{report['matrix_product_gflop_per_s']:.0f} GFLOP/s. Median of {report['rounds']} rounds. Made by "
        "`benchmarks/network_speed.py`.",
        "",
        "| engine | ms per object, batch 1 | 7 | 16 | rate over the product's, batch 1 | 7 | 16 | batch 1 over 16 | "
        "largest difference of an object's score |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in report["engines"]:
        if "problem" in row:
            lines.append(f"| {row['kind']} {row['precision']} | {row['problem']} |" + " |" * 7)
            continue
        ms = " | ".join(f"{row['ms_per_object'][str(n)]:.2f}" for n in BATCHES)
        of = " | ".join(f"{row['of_matrix_product'][str(n)]:.2f}" for n in BATCHES)
        lines.append(
            f"| {row['kind']} {row['precision']} | {ms} | {of} | {row['batch_1_over_16']:.2f} | "
            f"{row['largest_difference']:.2g} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
