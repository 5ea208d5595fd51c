"""A study as a picture: measured beside published."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from ssmtl.atomic import atomic_file
from ssmtl.studies.rows import BLOCKS, HEADS, PUBLISHED_ON, Row, Study

Measured = Mapping[str, Mapping[str, Sequence[float]]]
"""By row and measure: the values of its seeds, as a table shows them; empty where it is not finished."""

_MEASURED, _PUBLISHED, _GREY = "#2f6f9f", "#b3200f", "#6b7280"
_SYSTEMS = ("#2f6f9f", "#e8a33d", "#7b61c4", "#3f8f5f")


def draw(path: Path, study: Study, measured: Measured, dataset: str) -> None:
    """Write the study's picture as PNG: a heat map for Table 3, a scatter plot for Figure 1, else bars.

    Raises:
        OutputError: `path` cannot be written.
    """
    figure = Figure(layout="constrained")
    kind = {"table3": _heat_maps, "figure1": _scatter}.get(study.name, _bars)
    kind(figure, study, measured, dataset)
    figure.suptitle(study.title, fontsize="large")
    with atomic_file(path) as temporary:
        FigureCanvasAgg(figure).print_png(temporary, metadata={"Software": None})


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else float("nan")


def _deviation(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _bars(figure: Figure, study: Study, measured: Measured, dataset: str) -> None:
    rows = study.rows
    figure.set_size_inches(8, 1.4 + 0.42 * len(rows))
    axes = figure.add_subplot()
    heights = np.arange(len(rows))
    values = np.array([_mean(measured[row.name]["micro"]) for row in rows])
    errors = np.array([_deviation(measured[row.name]["micro"]) for row in rows])
    published = np.array([row.published.get("micro", np.nan) for row in rows])
    known = np.concatenate([values - errors, published])
    low = max(0.0, 5 * np.floor((np.nanmin(known) - 4) / 5))
    axes.barh(
        heights, values - low, 0.62, left=low, xerr=np.where(errors > 0, errors, np.nan), color=_MEASURED, alpha=0.85
    )
    for height, value in enumerate(values):
        text, colour = ("not run", _GREY) if np.isnan(value) else (f"{value:.1f}", "white")
        axes.annotate(text, (low, height), (5, 0), textcoords="offset points", va="center", fontsize=8, color=colour)
    axes.plot(published, heights, "D", color=_PUBLISHED, ms=7, mec="white")
    for height, value in enumerate(published):
        axes.annotate(
            f"{value:.1f}",
            (value, height),
            (9, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=_PUBLISHED,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85},
        )
    axes.set_yticks(heights, [row.title for row in rows])
    axes.set(
        xlim=(low, 102),
        ylim=(len(rows) - 0.5, -0.5),
        xlabel="micro AUC, %" + (f" (the axis begins at {low:.0f})" if low else ""),
    )
    handles = [
        Line2D([], [], marker="s", ls="", color=_MEASURED, ms=8, label=f"measured ({dataset})"),
        Line2D([], [], marker="D", ls="", color=_PUBLISHED, mec="white", ms=8, label=f"published ({PUBLISHED_ON})"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    _calm(axes, "x")


def _heat_maps(figure: Figure, study: Study, measured: Measured, dataset: str) -> None:
    figure.set_size_inches(8, 4)
    rows: dict[str, Row] = {row.name: row for row in study.rows}
    names = [[f"{blocks}x{heads}" for heads in HEADS] for blocks in BLOCKS]
    maps = {
        f"measured ({dataset})": np.array([[_mean(measured[name]["micro"]) for name in line] for line in names]),
        f"published ({PUBLISHED_ON})": np.array([[rows[name].published["micro"] for name in line] for line in names]),
    }
    for axes, (title, values) in zip(figure.subplots(1, 2), maps.items(), strict=True):
        shown = np.ma.masked_invalid(values)
        axes.set_facecolor("#e5e7eb")
        image = axes.imshow(shown, cmap="viridis", aspect="auto")
        middle = (shown.min() + shown.max()) / 2 if shown.count() else 0
        for i, j in np.ndindex(values.shape):
            value = values[i, j]
            text, colour = (
                (f"{value:.1f}", "white" if value <= middle else "black") if value == value else ("not run", _GREY)
            )
            axes.text(j, i, text, ha="center", va="center", color=colour)
        axes.set_xticks(range(len(HEADS)), list(map(str, HEADS)))
        axes.set_yticks(range(len(BLOCKS)), list(map(str, BLOCKS)))
        axes.set(xlabel="heads", ylabel="blocks")
        axes.set_title(title, fontsize="medium")
        axes.tick_params(length=0, labelsize="small")
        if shown.count():
            figure.colorbar(image, ax=axes, label="micro AUC, %", shrink=0.9)


def _scatter(figure: Figure, study: Study, measured: Measured, dataset: str) -> None:
    figure.set_size_inches(8, 5)
    axes = figure.add_subplot()
    handles = []
    for row, colour in zip(study.rows, _SYSTEMS, strict=True):
        speed, micro = measured[row.name]["frames_per_second"], measured[row.name]["micro"]
        if speed and micro:
            errors = (_deviation(micro) or None, _deviation(speed) or None)
            axes.errorbar(_mean(speed), _mean(micro), *errors, fmt="o", color=colour, ms=9)
        if "speed" in row.published:
            where = row.published["speed"], row.published["micro"]
            axes.plot(*where, "D", mfc="none", mec=colour, ms=9, mew=1.6)
        handles.append(Line2D([], [], marker="s", ls="", color=colour, ms=8, label=row.title))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(which="minor", labelsize="small", labelcolor=_GREY)
    axes.margins(0.15)
    axes.set(xlabel="frames per second", ylabel="micro AUC, %")
    measured_label, published_label = f"measured ({dataset}, this machine)", f"published ({PUBLISHED_ON}, RTX 3090)"
    handles += [
        Line2D([], [], marker="o", ls="", color=_GREY, ms=8, label=measured_label),
        Line2D([], [], marker="D", ls="", mfc="none", mec=_GREY, ms=8, label=published_label),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    _calm(axes, "both")


def _calm(axes: Axes, lines: Literal["x", "both"]) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize="small", color=_GREY)
    axes.set_axisbelow(True)
    axes.grid(axis=lines, color="#000000", alpha=0.08)
