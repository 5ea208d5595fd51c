"""A machine's speed as a picture."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ssmtl.report.curves import GREY, LINE, TRUTH, as_png, calm, write_png


def plot_speed(path: Path, report: dict[str, Any]) -> None:
    """Write what each stage takes per frame, and the network's share of the machine's peak, as a PNG file.

    Args:
        path: the file.
        report: what `ssmtl.bench.run.bench` measured.

    Raises:
        OutputError: `path` cannot be written.
    """
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    stages, network = figure.subplots(1, 2, width_ratios=[3, 2])
    names = list(report["stages_ms_per_frame"])
    values = [report["stages_ms_per_frame"][name] for name in names]
    bars = stages.barh(names, values, color=[TRUTH if name == "network" else LINE for name in names])
    stages.bar_label(bars, [f" {value:.2f}" for value in values], color=GREY)
    stages.invert_yaxis()
    stages.set(xlabel="ms per frame, one stage at a time", xlim=(0, 1.15 * max(values)))
    stages.set_title(
        f"{report['recipe']}: {report['frames_per_s']:.1f} frames/s with the stages overlapping", loc="left"
    )
    rows = report["network"]["batches"]
    shares = [row["of_peak"] for row in rows.values()]
    bars = network.bar([f"batch {n}" for n in rows], shares, color=TRUTH)
    network.bar_label(bars, [f"{row['ms_per_object']:.2f} ms" for row in rows.values()], color=GREY)
    network.axhline(1, color=GREY, lw=1, ls=(0, (2, 3)))
    network.set(ylabel="GFLOP/s over the matrix product's", ylim=(0, 1.15 * max(1.0, *shares)))
    network.set_title(f"network: {report['engine']['kind']}, {report['engine']['precision']}", loc="left")
    for axes in (stages, network):
        calm(axes)
    write_png(path, as_png(figure))
