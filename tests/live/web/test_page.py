"""The page in a real browser: what a person sees and clicks, and what the store then holds."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright")
pytest.importorskip("fastapi", reason="the page needs fastapi")
pytest.importorskip("sqlalchemy", reason="the page needs SQLAlchemy")

from playwright.sync_api import Page, Route, expect

from ssmtl.live.records import CameraSettings, State, Status
from ssmtl.live.store import open_store
from ssmtl.live.web.app import create_app
from tests.live.web.example import MACHINE, Example
from tests.live.web.serving import Serving, until

PHONE = {"width": 375, "height": 740}


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Example]:
    """One with more than a page of events."""
    store = open_store(tmp_path, None)
    yield Example(tmp_path, store, hours=1.1, events=26)
    store.close()


def settings(example: Example) -> CameraSettings:
    return example.store.settings(MACHINE, "entrance")


# --- cameras


def test_the_live_picture_moves_on_and_pauses_when_nobody_looks(page: Page, example: Example) -> None:
    asked: list[float] = []
    page.on("request", lambda request: asked.append(time.monotonic()) if "/picture" in request.url else None)
    page.wait_for_timeout(2500)
    assert 5 <= len(asked) <= 12  # about four per second; this machine may be busy
    assert {"yard"} & {u.split("/")[-2] for u in [page.evaluate("document.querySelector('#view img').src")]} == set()

    hide = "v => { Object.defineProperty(document, 'visibilityState', {value: v, configurable: true});"
    page.evaluate(hide + " document.dispatchEvent(new Event('visibilitychange')); }", "hidden")
    page.wait_for_timeout(500)
    asked.clear()
    page.wait_for_timeout(1500)
    assert asked == []
    page.evaluate(hide + " document.dispatchEvent(new Event('visibilitychange')); }", "visible")
    page.wait_for_timeout(1000)
    assert asked


def test_choosing_a_camera(page: Page) -> None:
    page.get_by_role("button", name=re.compile("yard")).first.click()
    expect(page.locator("#camera-name")).to_have_text("yard")
    expect(page.locator("#view img")).to_have_attribute("src", re.compile("/yard/"))
    expect(page.locator("#health")).to_contain_text("320 × 240")
    page.reload()
    expect(page.locator("#camera-name")).to_have_text("yard")


def test_a_camera_in_trouble(page: Page, example: Example) -> None:
    example.health("entrance", state=State.OFFLINE, message="no answer from 192.168.0.18")
    expect(page.locator("#camera-state")).to_contain_text("No picture")
    expect(page.locator("#camera-state")).to_contain_text("no answer from 192.168.0.18")
    example.health("entrance", updated=time.time() - 60)
    expect(page.locator("#camera-state")).to_contain_text("Not running")
    example.health("entrance")
    expect(page.locator("#camera-state")).to_contain_text("Watching")


def test_no_camera_at_all(look: Callable[..., Page], example: Example) -> None:
    for path in (example.folder / "live").iterdir():
        path.unlink()
    page = look()
    expect(page.locator("#summary")).to_contain_text("No camera")
    example.health("yard")  # and then there is one
    example.picture("yard", 0)
    expect(page.locator("#camera-name")).to_have_text("yard")
    expect(page.locator("#summary")).to_be_hidden()


# --- events


def test_a_new_event_shows_up_by_itself_and_its_clip_plays(page: Page, example: Example) -> None:
    before = page.locator("#event-list li").count()
    event = example.event("entrance", time.time(), 1.77, end=None, clip=None)
    newest = page.locator("#event-list button").first
    expect(newest).to_contain_text("1.77")
    expect(newest).to_contain_text("going on now")
    assert page.locator("#event-list li").count() >= min(24, before)
    expect(page.locator("#news")).to_contain_text("New event, entrance")
    expect(page.locator("#marks button")).to_have_count(10)

    newest.click()
    expect(page.locator("#event-media")).to_contain_text("The clip comes when the event is over")
    finished = example.event("entrance", event.peak, 1.9)  # the files of that one
    changed = {"key": event.key, "clip": finished.clip, "end": time.time()}
    example.store.delete_events([finished.key])
    example.event("entrance", event.peak, 1.77, **changed)
    video = page.locator("dialog video")
    expect(video).to_be_visible()
    assert video.evaluate("v => new URL(v.poster).pathname").endswith(".jpg")
    until(lambda: video.evaluate("v => v.currentTime") > 0.3)
    assert video.evaluate("v => [v.videoWidth, v.videoHeight, v.error]") == [640, 416, None]
    # One can jump in it: the server answers with parts.
    video.evaluate("v => { v.pause(); v.currentTime = 3; }")
    until(lambda: video.evaluate("v => v.currentTime === 3 && !v.seeking"))


def test_what_an_opened_event_tells(page: Page, example: Example) -> None:
    event = example.store.events(camera="entrance")[0]
    page.locator("#marks button").last.click()
    expect(page.locator("#event-title")).to_have_text("Irregular motion")
    expect(page.locator("#event-facts")).to_contain_text("entrance")
    expect(page.locator("#event-facts")).to_contain_text("for 5 s · score 1.30 (threshold 1.20)")
    rows = page.locator("#reasons li")
    assert [row.inner_text().split("\n")[0] for row in rows.all()] == [words for words, _ in event.reasons]
    widths = [bar.evaluate("b => b.getBoundingClientRect().width") for bar in page.locator(".bar i").all()]
    scores = [score for _, score in event.reasons]
    assert widths == pytest.approx([widths[0] * score / scores[0] for score in scores], rel=0.01)
    box = page.locator("#track .best")
    assert event.box is not None
    assert float(str(box.get_attribute("x"))) == event.box[0]
    assert page.locator("#track line").count() == 2 * (len(event.track) - 1)
    page.get_by_role("button", name="Older").last.click()
    expect(page.locator("#event-facts")).not_to_contain_text("1.30")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    expect(page.locator("video")).to_have_count(0)


def test_nothing_moves_under_a_finger_when_the_picture_comes(page: Page, example: Example) -> None:
    waiting: list[Route] = []
    page.route("**/media/**", lambda route: waiting.append(route))
    page.locator("#marks button").last.click()
    until(lambda: bool(waiting))
    dismiss = page.get_by_role("button", name="Dismiss")
    before = dismiss.bounding_box()
    for route in waiting:
        route.continue_()
    page.unroute("**/media/**")
    until(lambda: page.locator("dialog video").evaluate("v => v.videoWidth > 0"))
    assert dismiss.bounding_box() == before


def test_confirming_dismissing_and_taking_it_back(page: Page, example: Example) -> None:
    key = example.store.events(camera="entrance")[0].key

    def status() -> Status:
        event = example.store.event(key)
        assert event is not None
        return event.status

    page.locator("#marks button").last.click()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#verdict")).to_contain_text("counts as ordinary in the next calibration")
    assert status() == Status.DISMISSED
    expect(page.locator("#marks button").last).to_have_class("mark dismissed")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#verdict")).to_contain_text("Was it something unusual?")
    assert status() == Status.NEW
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("#verdict")).to_contain_text("Confirmed")
    assert status() == Status.CONFIRMED
    page.get_by_role("button", name="Close").click()
    page.get_by_label("Review").select_option("confirmed")
    expect(page.locator("#event-list li")).to_have_count(1)
    expect(page.locator("#event-list li")).to_contain_text("confirmed")
    page.get_by_label("Review").select_option("dismissed")
    expect(page.locator("#events-note")).to_have_text("No events like that.")


def test_reviewing_one_after_another(page: Page, example: Example) -> None:
    """Where the list shows what is not reviewed, a verdict takes the event out of it; its neighbours stay at hand."""
    page.get_by_label("Review").select_option("new")
    page.locator("#event-list button").first.click()
    first = page.locator("#event-facts").text_content()
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("#verdict")).to_contain_text("Confirmed")
    page.get_by_role("button", name="Older").last.click()
    expect(page.locator("#event-facts")).not_to_have_text(first or "")
    expect(page.get_by_role("button", name="Confirm")).to_be_visible()


def test_filters_and_older_events(page: Page, example: Example) -> None:
    items = page.locator("#event-list li")
    expect(items).to_have_count(24)
    page.get_by_role("button", name="Show older events").click()
    expect(items).to_have_count(30)
    expect(page.get_by_role("button", name="Show older events")).to_be_hidden()
    page.wait_for_timeout(2500)  # the list renews itself and keeps what was loaded
    expect(items).to_have_count(30)
    page.get_by_label("Kind").select_option("view changed")
    expect(items).to_have_count(1)
    expect(items).to_contain_text("The camera's view changed")
    page.get_by_label("Kind").select_option("")
    page.get_by_role("combobox", name="Camera").select_option("yard")
    expect(items).to_have_count(4)
    example.store.delete_events([example.store.events(camera="yard")[0].key])
    expect(items).to_have_count(3)


def test_an_event_whose_files_are_gone(page: Page, example: Example) -> None:
    example.event("entrance", time.time(), 1.99, picture=None, clip=None)
    newest = page.locator("#event-list button").first
    expect(newest).to_contain_text("no picture")
    newest.click()
    expect(page.locator("#event-media")).to_contain_text(f"kept on the machine {MACHINE}")


def test_a_click_beside_an_event_closes_it(page: Page) -> None:
    page.locator("#event-list button").first.click()
    box = page.locator("dialog").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 5, box["y"] + 5)  # its margin is not beside it
    expect(page.locator("dialog")).to_be_visible()
    page.mouse.click(box["x"] - 20, box["y"] + 5)
    expect(page.locator("dialog")).to_be_hidden()


def test_words_from_outside_stay_words(page: Page, example: Example) -> None:
    evil = "<img src=x onerror='window.broken=1'>"
    zone = {"name": evil, "kind": "ignore", "points": [[0, 0], [1, 0], [1, 1]]}
    example.store.set_settings(MACHINE, "entrance", CameraSettings(zones=(zone,)))
    example.health("entrance", message=evil, source=evil, threshold_from=evil)
    example.event("entrance", time.time(), 1.5, reasons=((evil, 2.0),))
    expect(page.locator("#event-list b").first).to_have_text(evil)
    page.locator("#event-list button").first.click()
    expect(page.locator("#event-title")).to_have_text(evil)
    page.keyboard.press("Escape")
    expect(page.locator("#camera-state")).to_contain_text(evil)
    page.reload()
    expect(page.locator("#zones li")).to_contain_text(evil)
    expect(page.locator("#over text")).to_have_text(evil)
    assert page.evaluate("window.broken") is None


# --- phone


def test_nothing_is_cut_off_on_a_phone(look: Callable[..., Page]) -> None:
    page = look(viewport=PHONE, has_touch=True, is_mobile=True)
    expect(page.locator("#event-list li").first).to_be_visible()
    for summary in page.locator("summary").all():
        summary.tap()
    page.get_by_role("button", name="Draw a zone").tap()
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) <= PHONE["width"]
    page.get_by_role("button", name="Stop drawing").tap()
    page.locator("#event-list button").first.tap()
    expect(page.locator("dialog video")).to_be_visible()
    dialog = page.locator("dialog").evaluate("d => [d.scrollWidth - d.clientWidth, d.getBoundingClientRect().right]")
    assert dialog[0] == 0 and dialog[1] <= PHONE["width"]
    small = page.evaluate(
        """[...document.querySelectorAll('button:not(.mark), select')]
        .filter(n => n.offsetHeight && n.offsetHeight < 36)
        .map(n => n.textContent)"""
    )
    assert small == []


# --- when something fails


def test_a_server_that_goes_and_comes_back(page: Page, server: Serving) -> None:
    server.stop()
    expect(page.locator("#outage")).to_contain_text("The server does not answer")
    server.start()
    expect(page.locator("#outage")).to_be_hidden()


def test_what_is_refused_is_said_and_goes_away(page: Page, example: Example) -> None:
    def refuse(route: Route) -> None:
        if route.request.method in ("PUT", "POST"):
            route.fulfill(status=503, json={"detail": "events.sqlite: the disk is full"})
        else:
            route.continue_()

    page.route("**/api/**", refuse)
    page.locator("#threshold").press("ArrowUp")
    page.get_by_role("button", name="Save threshold").click()
    problem = page.locator("#threshold-problem")
    expect(problem).to_have_text("Not saved: events.sqlite: the disk is full")
    page.locator("#event-list button").first.click()
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("#verdict-problem")).to_have_text("Not saved: events.sqlite: the disk is full")
    page.unroute("**/api/**")
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("#verdict-problem")).to_be_hidden()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Save threshold").click()
    expect(problem).to_be_hidden()
    assert settings(example).threshold == 1.25


# --- the way in, and out of the house


def test_signing_in(look: Callable[..., Page], example: Example) -> None:
    server = Serving(create_app(example.folder, example.store, token="correct-horse"))
    try:
        page = look(server.url)
        page.get_by_label("Token").fill("wrong-horse")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("not the token")
        page.get_by_label("Token").fill("correct-horse")
        page.keyboard.press("Enter")
        expect(page.locator("#event-list li").first).to_be_visible()
        page.goto(f"{server.url}/login")  # as after a link from elsewhere
        expect(page.locator("#event-list li").first).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_visible()
    finally:
        server.stop()


def test_nothing_is_asked_of_other_servers(look: Callable[..., Page], server: Serving) -> None:
    page = look()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.locator("#event-list button").first.click()
    until(lambda: page.locator("dialog video").evaluate("v => v.currentTime") > 0)
    assert asked and [url for url in asked if not url.startswith(server.url + "/")] == []
