"""The threshold and the zones in a real browser: by mouse, finger and keyboard; and the keyboard alone."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright")
pytest.importorskip("fastapi", reason="the page needs fastapi")
pytest.importorskip("sqlalchemy", reason="the page needs SQLAlchemy")

from playwright.sync_api import Page, expect

from ssmtl.live.records import CameraSettings, Status
from ssmtl.live.store import open_store
from ssmtl.scoring.events import EventSettings, find_spans
from tests.live.web.example import MACHINE, STREETS, Example
from tests.live.web.serving import place, until

PHONE = {"width": 375, "height": 740}


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Example]:
    """One with more than a page of events."""
    store = open_store(tmp_path, None)
    yield Example(tmp_path, store, hours=1.1, events=26)
    store.close()


def middle(page: Page, selector: str) -> tuple[float, float]:
    box = page.locator(selector).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def settings(example: Example) -> CameraSettings:
    return example.store.settings(MACHINE, "entrance")


# --- threshold


def drag(page: Page, pixels: float) -> None:
    x, y = middle(page, "#threshold")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + pixels / 2)
    page.mouse.move(x, y + pixels)


def test_what_is_typed_is_left_alone(page: Page, example: Example) -> None:
    """Also where it is no threshold yet; then there is nothing to save."""
    box, save = page.get_by_label("Threshold", exact=True).last, page.get_by_role("button", name="Save threshold")
    box.fill("2.5")
    expect(save).to_be_enabled()
    box.fill("0")
    expect(save).to_be_disabled()
    page.wait_for_timeout(5500)  # the chart renews itself
    expect(box).to_have_value("0")
    box.press("End")
    box.press_sequentially(".8")
    expect(box).to_have_value("0.8")
    save.click()
    until(lambda: settings(example).threshold == 0.8)


def test_nothing_of_one_camera_is_saved_for_another(page: Page, example: Example) -> None:
    page.get_by_label("Threshold", exact=True).last.fill("0.9")
    page.route("**/api/cameras/yard/scores*", lambda route: None)  # never answered
    page.get_by_role("button", name=re.compile("yard")).first.click()
    expect(page.locator("#camera-name")).to_have_text("yard")
    expect(page.get_by_role("button", name="Save threshold")).to_be_disabled()
    expect(page.locator("#threshold")).to_be_hidden()
    expect(page.locator("#marks button")).to_have_count(0)


def test_dragging_the_threshold_shows_what_it_would_have_done(page: Page, example: Example) -> None:
    answers: list[dict[str, Any]] = []
    page.on("response", lambda r: answers.append({"url": r.url, **r.json()}) if "/preview" in r.url else None)
    drag(page, 60)
    expect(page.locator("#preview")).to_contain_text("it would have raised")
    expect(page.locator("#preview")).not_to_contain_text("…")
    tried = float(str(page.get_by_role("slider").get_attribute("aria-valuenow")))
    assert 0.4 < tried < 0.8
    query = dict(part.split("=") for part in answers[-1]["url"].partition("?")[2].split("&"))
    assert float(query["threshold"]) == tried
    times, scores = zip(
        *example.store.scores("entrance", float(query["since"]), float(query["until"]), most=10_000), strict=True
    )
    spans, in_force = (find_spans(times, scores, EventSettings(least_s=0), level) for level in (tried, 1.2))
    # Longer ones than at the threshold in force; how many grow into one depends on the time of day.
    assert max(span.end_s - span.start_s for span in spans) > max(span.end_s - span.start_s for span in in_force)
    expect(page.locator("#preview")).to_contain_text(f"At {tried:.2f} it would have raised {len(spans)} events")
    expect(page.locator("#plot .would")).to_have_count(len(spans))
    assert settings(example).threshold is None  # nothing is changed by looking
    page.mouse.up()

    page.get_by_role("button", name="Save threshold").click()
    expect(page.locator("#preview")).to_contain_text("set here")
    assert settings(example).threshold == tried
    expect(page.get_by_role("button", name="Save threshold")).to_be_disabled()
    page.get_by_role("button", name="Back to the model's").click()
    until(lambda: settings(example).threshold is None)
    expect(page.get_by_role("button", name="Back to the model's")).to_be_hidden()
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuenow", "1.20")


def test_dragging_with_a_finger(look: Callable[..., Page], example: Example) -> None:
    page = look(viewport=PHONE, has_touch=True, is_mobile=True)
    expect(page.locator("#plot path[d^=M]")).to_have_count(1)
    page.locator("#threshold").scroll_into_view_if_needed()
    x, y = middle(page, "#threshold")
    touch = page.context.new_cdp_session(page)
    for kind, down in (("touchStart", 0), ("touchMove", 20), ("touchMove", 50), ("touchEnd", None)):
        points = [] if down is None else [{"x": x, "y": y + down}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(page.locator("#preview")).to_contain_text("it would have raised")
    # What is tapped must not move meanwhile.
    expect(page.locator("#preview")).not_to_contain_text("…")
    tried = float(str(page.get_by_role("slider").get_attribute("aria-valuenow")))
    assert 0.3 < tried < 1.0
    save = page.get_by_role("button", name="Save threshold")
    save.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # a touch so soon after another, or after scrolling, is no tap for the browser
    save.tap()
    until(lambda: settings(example).threshold == tried)


def test_typing_the_threshold(page: Page, example: Example) -> None:
    page.get_by_label("Threshold", exact=True).last.fill("0.9")
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuenow", "0.90")
    page.get_by_role("button", name="Save threshold").click()
    until(lambda: settings(example).threshold == 0.9)


@pytest.mark.parametrize(("label", "seconds"), [("10 min", 600), ("6 hours", 21600), ("24 hours", 86400)])
def test_the_time_shown(page: Page, label: str, seconds: int) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/scores" in request.url else None)
    page.get_by_text(label).click()
    expect(page.locator("#preview")).to_contain_text(label.replace("min", "minutes"))
    since, end = (float(value) for value in re.findall(r"(?:since|until)=([\d.]+)", asked[-1]))
    assert end - since == seconds


# --- zones


def test_drawing_a_zone(page: Page, example: Example) -> None:
    page.get_by_text("Zones", exact=True).click()
    page.get_by_role("button", name="Draw a zone").click()
    box = place(page, "#view img")
    street = STREETS["entrance"]
    height = box["width"] * street.height / street.width  # the strip with the score is no part of the picture
    assert height < box["height"] - 10
    corners = [(0.1, 0.6), (0.4, 0.5), (0.5, 0.95)]
    for x, y in [*corners, corners[0]]:  # on the first corner again: finished
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * height)
    page.get_by_label("Watch: only what").check()
    page.get_by_label("Name").fill("door")
    page.get_by_role("button", name="Save zone").click()
    expect(page.locator("#zones li")).to_contain_text("door")
    zones = settings(example).zones
    assert zones is not None and len(zones) == 1
    assert (zones[0]["name"], zones[0]["kind"]) == ("door", "watch")
    for point, corner in zip(zones[0]["points"], corners, strict=True):
        assert tuple(point) == pytest.approx(corner, abs=0.01)
    expect(page.locator("#over polygon.watch")).to_have_count(1)
    page.get_by_role("button", name="Delete door").click()
    expect(page.locator("#zones li")).to_have_count(0)
    assert settings(example).zones == ()
    page.get_by_role("button", name="Back to the configuration's").click()
    until(lambda: settings(example).zones is None)


def test_taking_corners_back(page: Page) -> None:
    page.get_by_text("Zones", exact=True).click()
    page.get_by_role("button", name="Draw a zone").click()
    x, y = middle(page, "#over")
    for right in (0, 50, 100):
        page.mouse.click(x + right, y + right % 100)
    expect(page.locator("#over circle")).to_have_count(3)
    page.get_by_role("button", name="Take the last corner back").click()
    expect(page.locator("#over circle")).to_have_count(2)
    expect(page.get_by_role("button", name="Finish the outline")).to_be_disabled()
    page.get_by_role("button", name="Stop drawing").click()
    expect(page.locator("#over circle")).to_have_count(0)
    expect(page.get_by_role("button", name="Draw a zone")).to_be_focused()


# --- with the keyboard alone


def tab_to(page: Page, selector: str) -> None:
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement?.matches(s)", selector):
            return
    raise AssertionError(f"{selector} is not reached with the tabulator")


FOCUS = """s => [s, ...document.querySelector(s).querySelectorAll('span')].some(n =>
    getComputedStyle(n.matches ? n : document.querySelector(n)).outlineStyle === 'solid')"""


def test_a_threshold_with_the_keyboard(page: Page, example: Example) -> None:
    tab_to(page, "#threshold")
    assert page.evaluate(FOCUS, "#threshold")
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "PageDown"):
        page.keyboard.press(key)
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuenow", "0.65")
    expect(page.locator("#preview")).to_contain_text("At 0.65 it would have raised")
    page.keyboard.press("Escape")
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuenow", "1.20")
    page.keyboard.press("ArrowUp")
    tab_to(page, "#threshold-save")
    assert page.evaluate(FOCUS, "#threshold-save")
    page.keyboard.press("Enter")
    until(lambda: settings(example).threshold == 1.25)


def test_the_configurations_zones(page: Page, example: Example) -> None:
    """Are drawn; who changes one changes a copy, and can go back."""
    tree, door = (
        {"name": name, "kind": "ignore", "points": [[x, 0.1], [x + 0.2, 0.1], [x + 0.1, 0.5]]}
        for name, x in (("tree", 0.1), ("door", 0.5))
    )
    example.health("entrance", zones=(tree, door))
    page.get_by_text("Zones", exact=True).click()
    expect(page.locator("#over polygon.ignore")).to_have_count(2, timeout=20000)
    expect(page.locator("#zones-note")).to_contain_text("configuration's")
    assert settings(example).zones is None
    page.get_by_role("button", name="Delete tree").click()
    expect(page.locator("#over polygon.ignore")).to_have_count(1)
    until(lambda: settings(example).zones == (door,))
    page.get_by_role("button", name="Back to the configuration's").click()
    expect(page.locator("#over polygon.ignore")).to_have_count(2)
    until(lambda: settings(example).zones is None)


def test_a_zone_with_the_keyboard(page: Page, example: Example) -> None:
    tab_to(page, "#zones-part summary")
    page.keyboard.press("Enter")
    tab_to(page, "#zone-draw")
    page.keyboard.press("Enter")
    expect(page.locator("#over")).to_be_focused()
    moves = ["Enter", "ArrowRight", "ArrowRight", "Enter", "ArrowDown", "Shift+ArrowDown", "Enter"]
    for key in moves:
        page.keyboard.press(key)
    expect(page.locator("#zone-said")).to_contain_text("Corner 3 at 56 % from the left, 54 % from the top")
    tab_to(page, "#zone-close")
    page.keyboard.press("Enter")
    tab_to(page, "#zone-name")
    page.keyboard.type("tree")
    page.keyboard.press("Enter")
    until(lambda: settings(example).zones is not None)
    zones = settings(example).zones
    assert zones is not None
    assert [list(point) for point in zones[0]["points"]] == [[0.5, 0.5], [0.56, 0.5], [0.56, 0.535]]
    expect(page.get_by_role("button", name="Draw a zone")).to_be_focused()


def test_an_event_with_the_keyboard(page: Page, example: Example) -> None:
    tab_to(page, ".event")
    assert page.evaluate(FOCUS, ".event:focus")
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_be_visible()
    tab_to(page, "#dismiss")
    page.keyboard.press("Enter")
    until(lambda: example.store.events()[0].status == Status.DISMISSED)
    expect(page.locator("#undo")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    expect(page.locator(".event").first).to_be_focused()


def test_everything_has_a_name(page: Page) -> None:
    page.locator("#event-list button").first.click()
    nameless = page.evaluate(
        """[...document.querySelectorAll('button, input, select, video, [role=slider]')].filter(n =>
        !(n.textContent.trim() || n.getAttribute('aria-label') || n.labels?.length || n.title)).map(n => n.outerHTML)"""
    )
    assert nameless == []
