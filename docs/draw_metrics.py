"""Draw the pictures of docs/metrics.md from the numbers of its examples: `python docs/draw_metrics.py`."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ssmtl.metrics.boxes import intersection_over_union
from ssmtl.metrics.frames import anchored_auc, auc, average_precision, equal_error_rate, measure_frames, roc
from ssmtl.metrics.regions import match_video, measure_regions
from ssmtl.report.curves import ALARM, BEST, GREY, LINE, TRUTH, as_png, calm, write_png

IMAGES = Path(__file__).parent / "images"


def save(figure: Figure, name: str) -> None:
    """Write a figure among the documentation's images."""
    write_png(IMAGES / f"metrics_{name}.png", as_png(figure))


def panels(count: int, width: float = 3.2, height: float = 2.7) -> tuple[Figure, list[Axes]]:
    """A row of axes."""
    figure = Figure(figsize=(width * count, height), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def scores_over_time(axes: Axes, labels: list[int], scores: list[float], title: str) -> None:
    """One video's frame scores, its abnormal frames shaded."""
    for i, abnormal in enumerate(labels):
        if abnormal:
            axes.axvspan(i - 0.5, i + 0.5, color=TRUTH, alpha=0.2, lw=0)
    axes.plot(range(len(scores)), scores, "o-", color=LINE, ms=4, lw=1.4)
    axes.set(title=title, xlabel="frame", ylim=(0, 1), xticks=range(len(scores)))
    calm(axes)


def draw_micro_macro() -> None:
    """Two videos that are perfect by themselves and not together."""
    labels, scores = [[0, 0, 1, 1], [0, 0, 0, 1]], [[0.1, 0.2, 0.3, 0.4], [0.6, 0.5, 0.6, 0.9]]
    figure, axes = panels(3)
    for i in range(2):
        area = auc(labels[i], scores[i])
        scores_over_time(axes[i], labels[i], scores[i], f"video {i + 1}: AUC {area:.2f}")
    curve = roc(np.concatenate(labels), np.concatenate(scores))
    axes[2].plot(curve.false_positives, curve.true_positives, color=LINE)
    axes[2].set(title=f"all frames: micro {measure_frames(labels, scores).micro:.2f}", xlabel="false positives")
    calm(axes[2])
    save(figure, "micro_macro")


def draw_anchors() -> None:
    """What two more frames do to a curve."""
    figure, axes = panels(2, 3.6)
    for part, (labels, scores) in zip(axes, (([0, 1], [0.9, 0.1]), ([1, 1, 1], [0.3, 0.7, 0.5])), strict=True):
        for anchored in (True, False):
            truth = [0, *labels, 1] if anchored else labels
            values = [min(scores) - 1, *scores, max(scores) + 1] if anchored else scores
            if not anchored and len(set(labels)) < 2:
                continue
            curve = roc(truth, values)
            name, area = ("anchored", anchored_auc(labels, scores)) if anchored else ("plain", auc(labels, scores))
            style = {"color": LINE, "lw": 2} if anchored else {"color": GREY, "ls": ":", "lw": 2}
            part.plot(curve.false_positives, curve.true_positives, label=f"{name}: {area:.2f}", **style)
        part.set(title=f"labels {labels}", xlabel="false positives", ylim=(-0.02, 1.03))
        part.legend(frameon=False, fontsize="small", loc="lower right")
        calm(part)
    save(figure, "anchors")


def draw_error_rate() -> None:
    """The equal error rate and average precision on their curves."""
    labels, scores = [0, 0, 0, 0, 1, 1, 1, 1], [1, 2, 3, 6, 4, 5, 7, 8]
    curve, rate = roc(labels, scores), equal_error_rate(labels, scores)
    figure, (left, right) = panels(2, 3.6)
    left.plot(curve.false_positives, curve.true_positives, "o-", color=LINE, ms=4)
    left.plot([0, 1], [1, 0], ":", color=GREY)
    left.plot([rate], [1 - rate], "o", color=ALARM, ms=8)
    left.set(title=f"equal error rate {rate:.2f}", xlabel="normal frames above", ylabel="abnormal frames above")
    order = np.argsort(scores)[::-1]
    hits = np.cumsum(np.array(labels)[order])
    recall, precision = hits / sum(labels), hits / np.arange(1, len(labels) + 1)
    right.step(np.append(0, recall), np.append(precision[0], precision), where="pre", color=LINE)
    right.set(title=f"average precision {average_precision(labels, scores):.2f}", xlabel="recall", ylabel="precision")
    right.set(ylim=(0, 1.05))
    for axes in (left, right):
        calm(axes)
    save(figure, "error_rate")


def pixels(axes: Axes, box: list[int], colour: str, label: str) -> None:
    """A box with its pixels."""
    x, y, right, bottom = box
    for i in range(x, right):
        for j in range(y, bottom):
            axes.add_patch(Rectangle((i, j), 1, 1, color=colour, alpha=0.25, lw=0))
    axes.add_patch(Rectangle((x, y), right - x, bottom - y, fill=False, ec=colour, lw=2, label=label))


def draw_overlap() -> None:
    """Pixels counted inclusively."""
    figure, (axes,) = panels(1, 4.4, 3.4)
    first, second = [1, 1, 5, 5], [3, 3, 7, 7]
    pixels(axes, first, TRUTH, "1,1,4,4 in a file")
    pixels(axes, second, LINE, "3,3,6,6 in a file")
    share = float(intersection_over_union(first, second))
    axes.set(xlim=(0, 9), ylim=(8, 0), aspect="equal", title=f"4 of 28 pixels are shared: {share:.3f}")
    axes.set(xticks=range(10), yticks=range(9))
    axes.grid(color="#000000", alpha=0.15)
    axes.legend(frameon=False, fontsize="small", loc="upper right")
    save(figure, "overlap")


def draw_regions() -> None:
    """Detections and false positives in three frames, and the curves they make."""
    truth = {(0, 0): [10, 10, 30, 50], (0, 1): [12, 10, 32, 50], (0, 2): [14, 10, 34, 50]}
    found = [
        (0, [12, 12, 30, 52], 0.9),
        (0, [60, 20, 80, 60], 0.8),
        (1, [13, 12, 33, 48], 0.4),
        (2, [31, 44, 51, 84], 0.7),
    ]
    figure, axes = panels(4, 2.9, 3.0)
    for frame in range(3):
        part = axes[frame]
        box = truth[(0, frame)]
        part.add_patch(Rectangle(box[:2], box[2] - box[0], box[3] - box[1], color=TRUTH, alpha=0.3, lw=0))
        for of, (x, y, right, bottom), score in found:
            if of == frame:
                share = float(intersection_over_union(box, [x, y, right, bottom]))
                colour = LINE if share >= 0.1 else ALARM
                part.add_patch(Rectangle((x, y), right - x, bottom - y, fill=False, ec=colour, lw=2))
                part.text(x, y - 2, f"{score} (overlap {share:.2f})", color=colour, fontsize="small")
        part.set(xlim=(0, 100), ylim=(90, 0), aspect="equal", title=f"frame {frame}", xticks=[], yticks=[])
    match = match_video(
        [0, 1, 2],
        [0, 0, 0],
        list(truth.values()),
        [f for f, _, _ in found],
        [b for _, b, _ in found],
        [s for *_, s in found],
    )
    done = measure_regions([match], 4)
    curve_of(axes[3], done)
    axes[3].set(title=f"RBDC {done.rbdc:.3f}, TBDC {done.tbdc:.2f}", xlabel="false positives per frame")
    save(figure, "regions")


def curve_of(axes: Axes, done) -> None:
    """Regions and tracks against false positives per frame."""
    curves = done.curves
    across = np.append(curves.false_positives, max(1, curves.false_positives[-1]))
    for name, rates, colour in (("regions", curves.regions, LINE), ("tracks", curves.tracks, TRUTH)):
        axes.plot(across, np.append(rates, rates[-1]), color=colour, label=name, lw=1.8)
    axes.set(xlim=(0, 1), ylim=(0, 1.05))
    axes.legend(frameon=False, fontsize="small", loc="lower right")
    calm(axes)


def draw_curve_ends() -> None:
    """Where a curve ends, ties, and where it is cut."""
    figure, axes = panels(3, 3.0)
    box = [0, 0, 10, 10]
    far = [50, 50, 60, 60]
    cases = [
        ("ends before 1: flat", [box, far], [0.9, 0.5], 2),
        ("equal scores: one step", [box, far], [0.5, 0.5], 1),
        ("passes 1: cut there", [box, far, far], [0.5, 0.5, 0.5], 1),
    ]
    for part, (title, boxes, scores, frames) in zip(axes, cases, strict=True):
        done = measure_regions([match_video([0], [0], [box], [0] * len(boxes), boxes, scores)], frames)
        curves = done.curves
        across = np.append(curves.false_positives, max(1, curves.false_positives[-1]))
        part.plot(across, np.append(curves.regions, curves.regions[-1]), color=LINE, lw=1.8)
        part.plot(curves.false_positives, curves.regions, "o", color=LINE, ms=5)
        part.axvspan(1, 2.2, color="#000000", alpha=0.06, lw=0)
        part.set(
            xlim=(0, 2.2), ylim=(0, 1.05), title=f"{title}\narea {done.rbdc:.2f}", xlabel="false positives per frame"
        )
        calm(part)
    save(figure, "curve_ends")


def draw_normalisation() -> None:
    """What min-max normalisation of each test video does."""
    labels, scores = [[0, 0, 1, 1], [0, 0, 0, 0]], [[0.1, 0.2, 0.8, 0.9], [0.1, 0.12, 0.11, 0.13]]
    figure, axes = panels(4, 2.6)
    stretched = [[(s - min(video)) / (max(video) - min(video)) for s in video] for video in scores]
    for i in range(2):
        scores_over_time(axes[i], labels[i], scores[i], f"video {i + 1}")
        scores_over_time(axes[2 + i], labels[i], stretched[i], f"video {i + 1}, min-max")
        axes[2 + i].lines[0].set_color(BEST)
    plain, after = measure_frames(labels, scores).micro, measure_frames(labels, stretched).micro
    figure.suptitle(
        f"micro AUC {plain:.2f}; after min-max normalisation of each test video {after:.2f}", fontsize="medium"
    )
    save(figure, "normalisation")


def main() -> None:
    """Draw all."""
    for draw in (
        draw_micro_macro,
        draw_anchors,
        draw_error_rate,
        draw_overlap,
        draw_regions,
        draw_curve_ends,
        draw_normalisation,
    ):
        draw()


if __name__ == "__main__":
    main()
