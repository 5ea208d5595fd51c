"""What each recipe costs per object: parameters, floating-point operations, milliseconds at several batch sizes.

    python benchmarks/recipe_cost.py [--repeats 20]

Networks are untrained (their cost does not depend on their weights) and see colour. Writes
benchmarks/results/recipe_cost.json and docs/recipe_cost.md. Milliseconds are the median of the repeats; a 2048³ float32
matrix product is timed in the same run, so that runs on other machines compare.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from machine import machine
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ssmtl.atomic import write_json, write_text
from ssmtl.model import Model, build_network
from ssmtl.recipes import RECIPES, Configuration, configure
from ssmtl.scoring.score import raw_scores
from ssmtl.training.train import parameters

HERE = Path(__file__).parent
BATCHES = (1, 7, 16)


def median_s(work: Callable[[], object], repeats: int) -> float:
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def operations(configuration: Configuration, channels: int) -> int:
    """Floating-point operations of all passes that score one object."""
    network = build_network(configuration, channels).eval()
    x, given = torch.zeros(1, channels, 7, 64, 64), {"classes": torch.zeros(1, 81)}
    # PyTorch does not count its fused attention on a CPU, but the plain one that computes the same.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        raw_scores(network, configuration.scoring_tasks, x, given)
    return counter.get_total_flops()


def cost(recipe: str, repeats: int) -> dict[str, Any]:
    configuration = configure(recipe)
    torch.manual_seed(0)
    network = build_network(configuration, 3).eval()
    model = Model(configuration, network, 3, None, {})
    tasks = configuration.scoring_tasks

    def score(which: torch.nn.Module, n: int) -> Callable[[], object]:
        x, given = torch.rand(n, 3, 7, 64, 64), {"classes": torch.rand(n, 81)}
        return lambda: raw_scores(which, tasks, x, given)

    with torch.no_grad():
        return {
            "recipe": recipe,
            "parameters": parameters(network),
            "parameters_backbone": sum(parameters(backbone) for backbone in network.backbones.values()),
            "gflop_per_object": operations(configuration, 3) / 1e9,
            "ms_per_object": {n: 1000 * median_s(score(model.scorer, n), repeats) / n for n in BATCHES},
        }


def matrix_product() -> float:
    """GFLOP/s of a 2048³ float32 product."""
    a = torch.rand(2048, 2048)
    return 2 * 2048**3 / median_s(lambda: a @ a, 5) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    rows = [cost(recipe, options.repeats) for recipe in RECIPES]
    report = {**machine(), "matrix_product_gflop_per_s": matrix_product(), "recipes": rows}
    write_json(HERE / "results" / "recipe_cost.json", report)
    write_text(HERE.parent / "docs" / "recipe_cost.md", table(rows, report))


def table(rows: list[dict[str, Any]], report: dict[str, Any]) -> str:
    lines = [
        "# What the recipes cost",
        "",
        f"Measured on {report['date']}, {report['processor']}, {report['threads']} threads, PyTorch {report['torch']}, "
        f"float32, whose 2048³ matrix product ran at {report['matrix_product_gflop_per_s']:.0f} GFLOP/s there. Made by "
        "`benchmarks/recipe_cost.py`.",
        "",
        "One object is one sequence of 7 × 64 × 64 × 3 through all that its score needs: T1 and T2 share a pass of "
        "seven frames, T3 has one of six, T4 one of one; T6 three of one, one after the other; T5 none. A "
        "multiplication and an addition are two operations. Detectors and teachers are not in it.",
        "",
        "| recipe | parameters | of the backbone | GFLOP per object | "
        + " | ".join(f"ms per object, batch {n}" for n in BATCHES)
        + " |",
        "|---" * (4 + len(BATCHES)) + "|",
    ]
    for row in rows:
        times = " | ".join(f"{row['ms_per_object'][n]:.1f}" for n in BATCHES)
        lines.append(
            f"| `{row['recipe']}` | {row['parameters']:,} | {row['parameters_backbone']:,} | "
            f"{row['gflop_per_object']:.2f} | {times} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
