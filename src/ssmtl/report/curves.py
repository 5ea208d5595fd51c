"""Curves over time and over epochs: as PNG files of their own, and as SVG for the page."""

import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import ArrayLike, NDArray

from ssmtl.atomic import atomic_file
from ssmtl.errors import DataError
from ssmtl.report.overlay import HIGH, clock

LEVEL = 1.0
"""The score of the top 1 % of held-out normal footage."""

LINE, TRUTH, ALARM, BEST, GREY = "#2f6f9f", "#7b61c4", "#b3200f", "#e8a33d", "#6b7280"
_LONE_FRAME_S = 0.04
_SVG_POINTS = 600


def frame_step(time_s: NDArray[np.floating]) -> float:
    """Seconds for which the last of the frames shown at `time_s` stays: the usual distance of two frames."""
    steps = np.diff(time_s)
    return float(np.median(steps)) if len(steps) and np.median(steps) > 0 else _LONE_FRAME_S


def time_span(time_s: NDArray[np.floating]) -> tuple[float, float]:
    """First and last second of a clip whose frames are shown at `time_s`; (0, 1) for no frames."""
    return (float(time_s[0]), float(time_s[-1]) + frame_step(time_s)) if len(time_s) else (0.0, 1.0)


def label_spans(time_s: ArrayLike, labels: ArrayLike | None) -> list[tuple[float, float]]:
    """Stretches of time, in seconds, that the ground truth calls abnormal.

    A frame lasts until the next one is shown.

    Args:
        time_s: presentation times of T frames, ascending.
        labels: T truth values, or None where there is no ground truth.

    Raises:
        DataError: not one label per frame.
    """
    times = np.asarray(time_s, np.float64)
    if labels is None:
        return []
    abnormal = np.asarray(labels, bool)
    if abnormal.shape != times.shape:
        raise DataError(
            f"labels: {abnormal.size} for {times.size} frames; give the ground truth of exactly these frames"
        )
    edges = np.flatnonzero(np.diff(abnormal, prepend=False, append=False))
    ends = np.append(times, time_span(times)[1])
    return [(float(ends[a]), float(ends[b])) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def thin_out(
    time_s: NDArray[np.floating], scores: NDArray[np.floating], most: int = _SVG_POINTS
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """At most `most` of the points of a long curve: the highest of each stretch, so that no peak is lost."""
    if len(scores) <= most:
        return time_s, scores
    parts = np.array_split(np.nan_to_num(scores, nan=-np.inf), most)
    starts = np.cumsum([0] + [len(part) for part in parts[:-1]])
    keep = starts + np.array([np.argmax(part) for part in parts])
    return time_s[keep], scores[keep]


def score_top(scores: ArrayLike, high: float = HIGH) -> float:
    """Upper end of a score axis: `high`, or more where finite scores are higher."""
    values = np.asarray(scores, np.float64)
    return max(high, 1.05 * float(np.max(values, initial=0.0, where=np.isfinite(values))))


def scores_svg(
    time_s: ArrayLike,
    scores: ArrayLike,
    labels: ArrayLike | None = None,
    top: float | None = None,
    name: str = "",
    most: int = _SVG_POINTS,
) -> str:
    """The curve as an `<svg>` element that stretches to any width, styled by the page around it.

    The vertical unit is the score itself, so that one gradient serves all curves. Classes: `curve` (the
    element), `truth`, `area`, `level`. Not-a-number scores leave a gap.

    Args:
        time_s: presentation times of T frames, ascending.
        scores: T scores; 0 = ordinary, 1 = the level that is drawn as a line.
        labels: T truth values, shaded; or None.
        top: upper end of the score axis; by default `score_top(scores)`.
        name: plain description for those who do not see it; without it the curve is decoration.
        most: points kept of a long curve, the peaks among them.

    Raises:
        DataError: not one score or label per frame.
    """
    times, values = _checked(time_s, scores)
    top = score_top(values) if top is None else top
    start, end = time_span(times)
    across = 1000 / (end - start)
    parts = [
        f'<rect class="truth" x="{(a - start) * across:.1f}" y="{-top:.3f}" '
        f'width="{max((b - a) * across, 1):.1f}" height="{top:.3f}"/>'
        for a, b in label_spans(times, labels)
    ]
    width = frame_step(times) * across
    at, heights = thin_out(times, values, most)
    x, y = (at - start) * across, -np.clip(heights, 0, top)
    for run in _finite_runs(heights):
        points = [f"{a:.1f} {b:.3f}" for a, b in zip(x[run], y[run], strict=True)]
        points.append(f"{x[run][-1] + width:.1f} {y[run][-1]:.3f}")
        outline = "L".join([f"{x[run][0]:.1f} 0", *points, f"{x[run][-1] + width:.1f} 0"])
        parts.append(f'<path class="area" d="M{outline}Z"/>')
    parts.append(f'<path class="level" d="M0 {-LEVEL}H1000"/>')
    spoken = f'role="img" aria-label="{escape(name)}"' if name else 'aria-hidden="true"'
    return (
        f'<svg class="curve" viewBox="0 {-top:.3f} 1000 {top:.3f}" preserveAspectRatio="none" {spoken}>'
        + "".join(parts)
        + "</svg>"
    )


def _checked(time_s: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    times, values = np.asarray(time_s, np.float64), np.asarray(scores, np.float64)
    if times.ndim != 1 or times.shape != values.shape:
        raise DataError(f"scores: {values.size} for {times.size} frames; give one score per frame")
    return times, values


def _finite_runs(values: NDArray[np.floating]) -> list[slice]:
    edges = np.flatnonzero(np.diff(~np.isnan(values), prepend=False, append=False))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def scores_png(time_s: ArrayLike, scores: ArrayLike, labels: ArrayLike | None = None, title: str = "") -> bytes:
    """The frame score over time as a PNG: ground truth shaded, the level 1.0 dashed.

    Args:
        time_s: presentation times of T frames, ascending; T may be 0.
        scores: T frame scores; not-a-number leaves a gap.
        labels: T truth values, or None.
        title: written above.

    Raises:
        DataError: not one score or label per frame.
    """
    times, values = _checked(time_s, scores)
    spans = label_spans(times, labels)
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    axes = figure.add_subplot()
    for number, (start, end) in enumerate(spans):
        axes.axvspan(start, end, color=TRUTH, alpha=0.22, lw=0, label="" if number else "ground truth")
    axes.axhline(LEVEL, color=ALARM, lw=1, ls=(0, (6, 4)), label="top 1 % of normal footage")
    marker = "o" if len(times) == 1 else None
    axes.plot(times, values, color=LINE, lw=1.4, marker=marker, label="frame score")
    axes.set(xlim=time_span(times), ylim=(0, score_top(values)), ylabel="score", xlabel="time")
    # The name of a clip may hold a dollar sign, or bytes that are no text.
    axes.set_title(title.encode("utf-8", "replace").decode("utf-8"), parse_math=False)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: clock(x, 0 if x == round(x) else 1)))
    calm(axes)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    return as_png(figure)


def losses_png(rows: Sequence[Mapping[str, float]]) -> bytes:
    """Losses over epochs as a PNG: one panel per task and one for the total, train against held out.

    Args:
        rows: one per epoch: `epoch`, and what there is of `train/<task>`, `held_out/<task>`, `train/total`
            and `held_out/total`. The epoch with the least `held_out/total` is marked.
    """
    epochs = np.array([row["epoch"] for row in rows], np.float64)
    names = list(dict.fromkeys(key.split("/", 1)[1] for row in rows for key in row if "/" in key))
    names = [name for name in names if name != "total"] + ["total"] * ("total" in names)
    best = best_epoch(rows)
    columns = min(len(names), 4) or 1
    lines = -(-len(names) // columns) or 1
    figure = Figure(figsize=(3.2 * columns + 0.4, 2.6 * lines + 0.5), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        for part, colour in (("train", GREY), ("held_out", LINE)):
            losses = np.array([row.get(f"{part}/{name}", np.nan) for row in rows], np.float64)
            if not np.isnan(losses).all():
                axes.plot(epochs, losses, "o-", ms=3, lw=1.4, color=colour, label=part.replace("_", " "))
        if best is not None:
            axes.axvline(best, color=BEST, lw=1.4, zorder=0, label=f"best epoch ({best:g})")
        axes.set_title(name.replace("_", " "), fontsize="medium", parse_math=False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        calm(axes)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    if names:
        figure.supxlabel("epoch", fontsize="small")
        handles, keys = _keys(panels)
        figure.legend(handles, keys, loc="outside upper center", ncols=3, frameon=False, fontsize="small")
    else:
        figure.text(0.5, 0.5, "no epoch has ended yet", ha="center", color=GREY)
    return as_png(figure)


def best_epoch(rows: Sequence[Mapping[str, float]]) -> float | None:
    """The epoch whose `held_out/total` is least; None where no row has one."""
    known = [row for row in rows if np.isfinite(row.get("held_out/total", np.nan))]
    return min(known, key=lambda row: row["held_out/total"])["epoch"] if known else None


def plot_scores(
    path: Path, time_s: ArrayLike, scores: ArrayLike, labels: ArrayLike | None = None, title: str = ""
) -> None:
    """Write `scores_png` to `path`.

    Raises:
        DataError: not one score or label per frame.
        OutputError: `path` cannot be written.
    """
    write_png(path, scores_png(time_s, scores, labels, title))


def plot_losses(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write `losses_png` to `path`.

    Raises:
        OutputError: `path` cannot be written.
    """
    write_png(path, losses_png(rows))


def _keys(panels: Iterable[Axes]) -> tuple[list[Artist], list[str]]:
    """Handles and labels of all panels, each label once."""
    found: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return list(found.values()), list(found)


def calm(axes: Axes) -> None:
    """Thin lines and grey ticks, so that the data stand out."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize="small", color=GREY)
    axes.grid(axis="y", color="#000000", alpha=0.08)


def as_png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def write_png(path: Path, content: bytes) -> None:
    """Write a PNG, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)
