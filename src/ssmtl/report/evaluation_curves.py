"""The curves behind the measures of an evaluation, as PNG files."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ssmtl.metrics.frames import FrameMeasures, Roc
from ssmtl.metrics.regions import RegionMeasures
from ssmtl.report.curves import GREY, LINE, TRUTH, as_png, calm, write_png

_POINTS = 4000


def plot_roc(path: Path, curve: Roc, measures: FrameMeasures, title: str = "") -> None:
    """Write the ROC curve over all frames, with its area and the equal error rate.

    Raises:
        OutputError: `path` cannot be written.
    """
    figure, axes = _square(title)
    axes.plot([0, 1], [0, 1], ":", color=GREY, lw=1, label="chance: 50.00 %")
    if measures.micro == measures.micro:
        keep = _some(curve.false_positives)
        label = f"micro AUC: {100 * measures.micro:.2f} %"
        axes.plot(curve.false_positives[keep], curve.true_positives[keep], color=LINE, lw=1.6, label=label)
        axes.fill_between(curve.false_positives[keep], curve.true_positives[keep], color=LINE, alpha=0.08, lw=0)
        rate = measures.equal_error_rate
        axes.plot([rate], [1 - rate], "o", color=TRUTH, ms=5, label=f"equal error rate: {100 * rate:.2f} %")
    else:
        axes.text(0.5, 0.55, "frames of one class only", ha="center", color=GREY)
    axes.set(xlabel="normal frames above the threshold", ylabel="abnormal frames above the threshold")
    _finish(path, figure, axes)


def plot_regions(path: Path, measures: RegionMeasures, title: str = "") -> None:
    """Write the curves of regions and of tracks against false positives per frame, as far as their areas count.

    Raises:
        OutputError: `path` cannot be written.
    """
    figure, axes = _square(title)
    curves = measures.curves
    across = np.append(curves.false_positives, max(1.0, curves.false_positives[-1]))
    drawn = (("RBDC", measures.rbdc, curves.regions, LINE), ("TBDC", measures.tbdc, curves.tracks, TRUTH))
    for name, area, rates, colour in drawn:
        if area == area:
            keep = _some(across)
            up = np.append(rates, rates[-1])[keep]
            axes.plot(across[keep], up, color=colour, lw=1.6, label=f"{name}: {100 * area:.2f} %")
            axes.fill_between(across[keep], up, color=colour, alpha=0.08, lw=0)
    if curves.false_positives[-1] < 1:
        axes.axvline(
            curves.false_positives[-1], color=GREY, lw=1, ls=(0, (2, 3)), label="the lowest score; flat after it"
        )
    if not measures.regions:
        axes.text(0.5, 0.55, "no ground-truth region", ha="center", color=GREY)
    axes.set(xlabel="false positives per frame", ylabel="share of regions, of tracks, detected")
    _finish(path, figure, axes)


def _square(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5, 5.2), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, parse_math=False)
    return figure, axes


def _finish(path: Path, figure: Figure, axes: Axes) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1.005), aspect="equal")
    calm(axes)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower right", frameon=False, fontsize="small")
    write_png(path, as_png(figure))


def _some(across: NDArray[np.float64]) -> NDArray[np.intp]:
    """Indices of so many points of a rising curve as can be told apart, both ends among them."""
    inside = int(np.searchsorted(across, 1, side="right"))
    last = min(inside, len(across) - 1)
    return np.unique(np.linspace(0, last, min(last + 1, _POINTS)).round().astype(np.intp))
