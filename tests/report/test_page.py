"""The page: whole by itself, escaped, in order, and sensible for odd clips."""

import base64
import json
import math
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from ssmtl.errors import DataError, OutputError
from ssmtl.report.overlay import score_colours
from ssmtl.report.page import (
    ClipReport,
    Moment,
    Page,
    headline,
    mark_rows,
    peak_frame,
    picture_uri,
    render_page,
    time_ticks,
    write_page,
)

EVIL = "<script>alert('1')</script> & \"quotes\" <img src=http://x.example/>"
VOID = {"meta", "link", "img", "br", "rect", "path", "stop"}


class Reader(HTMLParser):
    """Collects what the tests look at and checks that elements nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.attributes.append((tag, "", ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, name: str, tag: str | None = None) -> list[str]:
        return [value for t, n, value in self.attributes if n == name and tag in (None, t)]

    def count(self, tag: str) -> int:
        return sum(1 for t, n, _ in self.attributes if t == tag and not n)


def moment(score: float = 2.5, box: tuple[float, ...] | None = (10, 10, 30, 40), words: str = "moves") -> Moment:
    image = np.full((60, 80, 3), 128, np.uint8)
    return Moment(0.2, 5, image, box, score, [(words, 2.0), ("looks odd", math.nan), ("leaps", 0.4)])


def clip(name: str = "clip", n: int = 50, peak: float = 2.5, **more: object) -> ClipReport:
    scores = np.full(n, 0.2)
    scores[n // 2 : n // 2 + 1] = peak
    return ClipReport(name, np.arange(n) / 25, scores, **more)


PAGES = {
    "bare": Page("Title"),
    "no moments": Page("Title", clips=[clip(labels=np.arange(50) > 30)]),
    "one frame": Page("Title", clips=[clip(n=1, labels=np.array([True]), moments=[moment()])]),
    "no frames": Page("Title", clips=[clip(n=0, task_scores={"T": np.zeros(0)})]),
    "no scores": Page(
        "Title", clips=[ClipReport("c", np.arange(3.0), np.full(3, np.nan), None, {"T": np.full(3, np.nan)})]
    ),
    "all": Page(
        EVIL,
        [EVIL],
        [(EVIL, EVIL)],
        [
            clip(EVIL, task_scores={EVIL: np.ones(50)}, moments=[moment(words=EVIL), moment(box=None)], note=EVIL),
            clip("other", moments=[moment(math.nan)]),
        ],
        {EVIL: [EVIL, 1.5, None]},
    ),
}


@pytest.fixture(params=PAGES.values(), ids=PAGES.keys())
def html(request: pytest.FixtureRequest) -> str:
    return render_page(request.param)


def test_page_needs_nothing_from_outside(html: str) -> None:
    reader = Reader(html)
    targets = {f"#{name}" for name in reader.all("id")}
    assert all(value.startswith("data:image/jpeg;base64,") for value in reader.all("src"))
    assert all(value in targets or value == "data:," for value in reader.all("href"))
    assert set(re.findall(r"url\(([^)]*)\)", html)) == {"#scale"}
    assert "@import" not in html
    assert not {"script", "iframe", "object", "form"} & {tag for tag, *_ in reader.attributes}
    assert not re.search(r"https?://", html.replace("http://x.example", "")), "only as quoted text"


def test_page_is_accessible(html: str) -> None:
    reader = Reader(html)
    assert reader.count("h1") == reader.count("main") == reader.count("title") == 1
    assert reader.all("lang", "html") == ["en"]
    assert len([alt for alt in reader.all("alt", "img") if alt]) == reader.count("img")
    ids = reader.all("id")
    assert len(ids) == len(set(ids))
    assert "NaN" not in html and "nan" not in re.findall(r"[a-z]+", reader.words)


def test_text_is_shown_as_it_is_and_never_run() -> None:
    html = render_page(PAGES["all"])
    assert Reader(html).words.count(EVIL) >= 8
    assert any(EVIL in value for value in Reader(html).all("alt"))
    assert "<script" not in html


def test_settings_are_shown_as_json() -> None:
    settings = {"train": {"epochs": 5, "name": "é<"}, "path": None}
    words = Reader(render_page(Page("t", settings=settings))).words
    assert json.dumps(settings, indent=2, ensure_ascii=False) in words


def test_highest_peak_comes_first_and_unknown_last() -> None:
    clips = [clip("calm", peak=0.3), clip("unknown", peak=math.nan, n=1), clip("worst", peak=9.0), clip("odd")]
    names = re.findall(r"<h2>(.*?)</h2>", render_page(Page("t", clips=clips)))
    assert names == ["Clips", "worst", "odd", "calm", "unknown"]


def test_overview_and_sections_say_peak_and_time() -> None:
    words = Reader(render_page(Page("t", clips=[clip(n=100, peak=3.456)]))).words
    assert "Peak 3.46 at 0:02.0 (frame 50)." in words
    assert "0.0 s" in words, "one frame of 25 per second above the level"
    assert "No clips were scored." in Reader(render_page(Page("t"))).words


def test_labels_that_do_not_fit_write_no_page(tmp_path) -> None:
    with pytest.raises(DataError, match="labels"):
        write_page(tmp_path / "page.html", Page("t", clips=[clip(labels=np.zeros(3, bool))]))
    assert list(tmp_path.iterdir()) == []


def test_page_is_written_even_for_names_that_are_no_text(tmp_path) -> None:
    write_page(tmp_path / "page.html", Page("t", clips=[clip("caf\udce9")]))
    assert "caf?" in (tmp_path / "page.html").read_text(encoding="utf-8")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(OutputError, match=r"folder\.html"):
        write_page(tmp_path / "folder.html", Page("t"))


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ([], ""),
        ([("a", math.nan)], ""),
        ([("a", 0.2), ("b", 0.5)], "B"),
        ([("a", 1.0), ("b", 3.0), ("c", 0.9)], "B, a"),
        ([("a", math.nan), ("b", 1.5)], "B"),
    ],
)
def test_headline_says_the_loud_reasons(reasons: list[tuple[str, float]], expected: str) -> None:
    assert headline(reasons) == expected


@pytest.mark.parametrize(
    ("scores", "expected"), [([], None), ([math.nan], None), ([0.0], 0), ([math.nan, 1.0, 3.0, 3.0], 2)]
)
def test_peak_frame(scores: list[float], expected: int | None) -> None:
    assert peak_frame(np.array(scores)) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 0.04, [0]),
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (3, 14, [4, 6, 8, 10, 12, 14]),
        (3, 40, [10, 20, 30, 40]),
        (0, 3600, [0, 900, 1800, 2700, 3600]),
    ],
)
def test_time_ticks(start: float, end: float, expected: list[float]) -> None:
    assert time_ticks(start, end) == expected


@pytest.mark.parametrize(
    ("positions", "expected"),
    [([], []), ([0.5], [0]), ([0.1, 0.5, 0.9], [0, 0, 0]), ([0.5, 0.5, 0.52, 0.58], [0, 1, 2, 0])],
)
def test_marks_do_not_cover_each_other(positions: list[float], expected: list[int]) -> None:
    assert mark_rows(positions) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [((80, 60), (480, 360)), ((480, 20), (480, 20)), ((700, 400), (700, 400)), ((1920, 1080), (960, 540))],
)
def test_pictures_have_a_sensible_size_and_their_box(size: tuple[int, int], expected: tuple[int, int]) -> None:
    width, height = size
    box = (width * 0.25, height * 0.25, width * 0.75, height * 0.75)
    image = np.full((height, width, 3), 128, np.uint8)
    uri, *shown = picture_uri(Moment(0, 0, image, box, 3.0))
    coded = base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))
    decoded = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert tuple(shown) == expected == decoded.shape[1::-1]
    edge = decoded[expected[1] // 2, expected[0] // 4].astype(int)
    assert np.abs(edge - score_colours(3.0)[0]).max() < 70, "red at the box's edge, as far as JPEG allows"
    assert (image == 128).all()
