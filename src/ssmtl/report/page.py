"""One HTML file that says what was found in the footage: needs no network, no server and no script."""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssmtl.atomic import write_text
from ssmtl.report.curves import LEVEL, frame_step, score_top, scores_svg, time_span
from ssmtl.report.overlay import HIGH, SCALE, clock, draw_box, score_colours
from ssmtl.report.style import CSS

_JPEG_QUALITY = 85
_LEAST_WIDTH, _MOST_WIDTH = 480, 960
_TICKS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200)


@dataclass(frozen=True)
class Moment:
    """One moment worth a look, with its picture.

    Attributes:
        time_s: presentation time in seconds.
        frame: index of the frame in its clip.
        image: H×W×3 uint8 RGB: the scene around the object, or the whole frame.
        box: the object in pixels of `image`, xyxy, half open; None where there is no single object.
        score: the object's score.
        reasons: words of each task and its calibrated score (may be NaN), in any order.
    """

    time_s: float
    frame: int
    image: NDArray[np.uint8]
    box: Sequence[float] | NDArray[np.floating] | None
    score: float
    reasons: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True)
class ClipReport:
    """The scores of one clip of T frames.

    Attributes:
        name: of the clip.
        time_s: T presentation times in seconds, ascending.
        scores: T frame scores, NaN where there is none.
        labels: T truth values, or None where there is no ground truth.
        task_scores: per task title T values, the highest score of any object in the frame, or NaN.
        moments: the most unusual moments, shown in this order.
        note: a sentence about the clip.
        events: a sentence about each event.
    """

    name: str
    time_s: NDArray[np.floating]
    scores: NDArray[np.floating]
    labels: NDArray[np.bool_] | None = None
    task_scores: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)
    moments: Sequence[Moment] = ()
    note: str = ""
    events: Sequence[str] = ()


ON_SCALE = "Scores: 0 is ordinary; 1.0 is as unusual as the top 1 % of held-out normal footage."
PLAIN = (
    "Scores of frames and objects are plain means of the tasks' raw scores: the higher, the more unusual. "
    "What each task says: 0 is ordinary; 1.0 is as unusual as the top 1 % of held-out normal footage."
)


@dataclass(frozen=True)
class Page:
    """All that one page says.

    Attributes:
        title: heading of the page.
        summary: sentences under the title, a paragraph each.
        facts: label and value of what is worth knowing at a glance.
        clips: in any order; the page shows the highest peak first.
        settings: the resolved configuration, shown as JSON.
        on_scale: whether scores of frames and objects are on the scale of normal footage, as those of tasks are.
    """

    title: str
    summary: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    clips: Sequence[ClipReport] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    on_scale: bool = True


def peak_frame(scores: NDArray[np.floating]) -> int | None:
    """Position of the highest of T frame scores; None where none is a number."""
    values = np.asarray(scores, np.float64)
    return None if np.isnan(values).all() else int(np.nanargmax(values))


def headline(reasons: Sequence[tuple[str, float]]) -> str:
    """The reasons in words: those at or above 1.0, loudest first; else the loudest alone; else empty."""
    known = sorted((r for r in reasons if not math.isnan(r[1])), key=lambda r: -r[1])
    chosen = [words for words, score in known if score >= LEVEL] or [words for words, _ in known[:1]]
    text = ", ".join(chosen)
    return text[:1].upper() + text[1:]


def render_page(page: Page) -> str:
    """The page as HTML.

    Raises:
        DataError: scores or labels of a clip do not fit its frames.
    """
    clips = sorted(page.clips, key=lambda clip: np.nan_to_num(_highest(clip.scores), nan=-math.inf), reverse=True)
    sections = [_clip_section(number, clip) for number, clip in enumerate(clips, 1)]
    body = "\n".join([_header(page), _overview(clips), *sections, _settings(page.settings)])
    low, middle, high = ("#{:02x}{:02x}{:02x}".format(*colour) for colour in SCALE)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<link rel="icon" href="data:,">
<title>{escape(page.title)}</title>
<style>:root {{ --low: {low}; --middle: {middle}; --high: {high}; }}
{CSS}</style>
</head>
<body>
<a class="skip" href="#overview">Skip to the clips</a>
<svg width="0" height="0" aria-hidden="true" class="defs"><linearGradient id="scale"
 gradientUnits="userSpaceOnUse" x1="0" x2="0" y1="0" y2="{-HIGH}"><stop stop-color="{low}"/><stop
 offset=".5" stop-color="{middle}"/><stop offset="1" stop-color="{high}"/></linearGradient></svg>
{body}
</body>
</html>
"""


def write_page(path: Path, page: Page) -> None:
    """Write the page to `path`, whole or not at all.

    Raises:
        DataError: scores or labels of a clip do not fit its frames.
        OutputError: `path` cannot be written.
    """
    # A file name that is no valid text may be among the clips' names: it is shown with question marks.
    write_text(path, render_page(page).encode("utf-8", "replace").decode("utf-8"))


def _highest(scores: NDArray[np.floating]) -> float:
    at = peak_frame(scores)
    return math.nan if at is None else float(scores[at])


def _number(score: float) -> str:
    if not math.isfinite(score):
        return "–"
    return f"{score:.2f}" if abs(score) < 100 else f"{score:.0f}"


def _badge(score: float) -> str:
    """The score with a dot in its colour."""
    if math.isnan(score):
        return f'<span class="badge">{_number(score)}</span>'
    red, green, blue = score_colours(score)[0]
    return f'<span class="badge"><i style="background:rgb({red},{green},{blue})"></i>{_number(score)}</span>'


def _header(page: Page) -> str:
    summary = "".join(f"<p>{escape(sentence)}</p>" for sentence in page.summary)
    facts = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for label, value in page.facts)
    truth = ' <span class="nowrap"><i class="swatch"></i> Ground truth: abnormal.</span>'
    labelled = any(clip.labels is not None for clip in page.clips)
    return f"""<header>
<h1>{escape(page.title)}</h1>
{summary}
{f'<dl class="facts">{facts}</dl>' if facts else ""}
<p class="key"><span class="scale" aria-hidden="true"><i>0</i><i>1</i><i>2+</i></span>
<span>{ON_SCALE if page.on_scale else PLAIN}{truth if labelled else ""}</span></p>
</header>
<main>"""


def _overview(clips: Sequence[ClipReport]) -> str:
    if not clips:
        return '<section id="overview"><h2>Clips</h2><p>No clips were scored.</p></section>'
    rows = []
    for number, clip in enumerate(clips, 1):
        at = peak_frame(clip.scores)
        over = np.count_nonzero(np.asarray(clip.scores) >= LEVEL) * frame_step(clip.time_s)
        spark = scores_svg(clip.time_s, clip.scores, clip.labels, most=150)
        rows.append(
            f'<tr><th scope="row"><a href="#clip-{number}">{escape(clip.name)}</a></th>'
            f"<td>{_badge(_highest(clip.scores))}</td>"
            f"<td>{'–' if at is None else clock(float(clip.time_s[at]))}</td>"
            f'<td class="wide">{over:.1f} s</td><td class="spark">{spark}</td></tr>'
        )
    return f"""<section id="overview">
<h2>Clips</h2>
<table>
<caption>Highest peak first.</caption>
<thead><tr><th scope="col">Clip</th><th scope="col">Peak</th><th scope="col">At</th>
<th scope="col" class="wide">Above 1.0</th><th scope="col">Score over time</th></tr></thead>
<tbody>
{chr(10).join(rows)}
</tbody>
</table>
</section>"""


def _clip_section(number: int, clip: ClipReport) -> str:
    at = peak_frame(clip.scores)
    peak = "No frame has a score."
    if at is not None:
        peak = f"Peak {_badge(_highest(clip.scores))} at {clock(float(clip.time_s[at]))} (frame {at})."
    moments = "".join(_moment(f"clip-{number}-moment-{i}", i, m, clip) for i, m in enumerate(clip.moments, 1))
    events = "".join(f"<li>{escape(event)}</li>" for event in clip.events)
    return f"""<section id="clip-{number}" class="clip">
<h2>{escape(clip.name)}</h2>
<p>{peak} {escape(clip.note)}</p>
{_chart(number, clip) if len(clip.time_s) else ""}
{f'<h3>Events</h3><ul class="events">{events}</ul>' if events else ""}
{f'<h3>Most unusual moments</h3><div class="moments">{moments}</div>' if moments else ""}
<p class="back"><a href="#overview">Back to all clips</a></p>
</section>"""


def _chart(number: int, clip: ClipReport) -> str:
    """The frame score with links to the moments, the ticks of the time axis, and one curve per task."""
    start, end = time_span(clip.time_s)
    top = score_top(clip.scores)
    rows = mark_rows([(moment.time_s - start) / (end - start) for moment in clip.moments])
    marks = "".join(
        f'<a class="mark" href="#clip-{number}-moment-{i}" aria-label="Moment {i} at {clock(moment.time_s)}" '
        f'style="left:{_percent(moment.time_s - start, end - start)};bottom:{1.75 * row + 0.25:g}rem">{i}</a>'
        for i, (moment, row) in enumerate(zip(clip.moments, rows, strict=True), 1)
    )
    ticks = "".join(_tick(t, (t - start) / (end - start)) for t in time_ticks(start, end))
    curve = scores_svg(clip.time_s, clip.scores, clip.labels, top, f"Frame score of {clip.name} over time")
    task_top = max((score_top(scores) for scores in clip.task_scores.values()), default=HIGH)
    tasks = "".join(
        f'<div class="task"><span>{escape(title)}</span> <b>{_number(_highest(scores))}</b>'
        f"{scores_svg(clip.time_s, scores, None, task_top, f'{title} over time', 300)}</div>"
        for title, scores in clip.task_scores.items()
    )
    return f"""<figure class="chart">
<div class="marks" style="height:{1.75 * (max(rows, default=-1) + 1):g}rem">{marks}</div>
<div class="plot">{curve}<span class="y" style="bottom:{_percent(LEVEL, top)}">1.0</span>
<span class="y top">{top:.1f}</span></div>
<div class="ticks" aria-hidden="true">{ticks}</div>
<figcaption>Frame score over time{"; numbers lead to the moments below" if marks else ""}.</figcaption>
</figure>
{f'<h3>What each task says</h3><div class="tasks">{tasks}</div>' if tasks else ""}"""


def mark_rows(positions: Sequence[float], gap: float = 0.075) -> list[int]:
    """Row, from 0, of each mark at `positions` in [0, 1], so that no two of a row are nearer than `gap`."""
    rows: list[int] = []
    for i, position in enumerate(positions):
        near = {row for row, other in zip(rows, positions[:i], strict=True) if abs(position - other) < gap}
        rows.append(next(row for row in range(i + 1) if row not in near))
    return rows


def time_ticks(start: float, end: float, most: int = 6) -> list[float]:
    """At most `most` round times, in seconds, within [start, end]."""
    step = next((s for s in _TICKS_S if (end - start) / s < most), (end - start) / (most - 1))
    first = math.ceil(start / step - 1e-9)
    return [round(i * step, 6) for i in range(first, math.floor(end / step + 1e-9) + 1)]


def _tick(time_s: float, position: float) -> str:
    edge = "first" if position < 0.05 else "last" if position > 0.95 else ""
    text = clock(time_s, 0 if time_s == round(time_s) else 1)
    return f'<span class="{edge}" style="left:{_percent(position, 1)}">{text}</span>'


def _percent(part: float, whole: float) -> str:
    return f"{100 * min(max(part / whole, 0), 1):.2f}%"


def _moment(anchor: str, number: int, moment: Moment, clip: ClipReport) -> str:
    words = headline(moment.reasons) or "No task singles out a reason"
    when = clock(moment.time_s)
    source, width, height = picture_uri(moment)
    top = score_top([score for _, score in moment.reasons])
    bars = "".join(
        f'<li><span>{escape(reason)}</span><b>{_number(score)}</b><span class="bar" aria-hidden="true" '
        f'style="--level:{_percent(LEVEL, top)}">{_bar(score, top)}</span></li>'
        for reason, score in sorted(moment.reasons, key=lambda r: -np.nan_to_num(r[1], nan=-math.inf))
    )
    alt = f"{clip.name} at {when}: {words[:1].lower() + words[1:]}"
    return f"""<figure class="moment" id="{anchor}">
<img src="{source}" width="{width}" height="{height}" alt="{escape(alt)}">
<figcaption><h4><span class="n">{number}</span> {escape(words)}</h4>
<p>{_badge(moment.score)} at {when} <span class="dim">frame {moment.frame}</span></p>
{f'<ul class="bars">{bars}</ul>' if bars else ""}</figcaption>
</figure>"""


def _bar(score: float, top: float) -> str:
    if math.isnan(score):
        return ""
    red, green, blue = score_colours(score)[0]
    return f'<i style="width:{_percent(score, top)};background:rgb({red},{green},{blue})"></i>'


def picture_uri(moment: Moment) -> tuple[str, int, int]:
    """The moment's picture with its box drawn, as a JPEG data URI, with its width and height in pixels.

    Small pictures are enlarged by a whole factor, those wider than 960 pixels are shrunk.
    """
    height, width = moment.image.shape[:2]
    scale = max(1, _LEAST_WIDTH // width) if width <= _MOST_WIDTH else _MOST_WIDTH / width
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(moment.image, size, interpolation=how).astype(np.uint8, copy=False)
    if moment.box is not None:
        draw_box(image, np.asarray(moment.box, np.float64) * scale, moment.score, max(1, size[0] // 400))
    coded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
    return "data:image/jpeg;base64," + base64.b64encode(coded.tobytes()).decode("ascii"), *size


def _settings(settings: Mapping[str, Any]) -> str:
    if not settings:
        return "</main>"
    text = json.dumps(settings, indent=2, ensure_ascii=False, default=str)
    return (
        '<section id="settings"><h2>Settings</h2><details><summary>The configuration behind these scores'
        f'</summary><pre tabindex="0">{escape(text)}</pre></details></section>\n</main>'
    )
