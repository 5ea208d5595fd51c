"""A camera, a watch and a person at its page: all three for real."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("playwright", reason="the browser tests need playwright")
pytest.importorskip("fastapi", reason="the page needs fastapi")
pytest.importorskip("sqlalchemy", reason="the page needs SQLAlchemy")

from playwright.sync_api import expect

from ssmtl.calibrating import calibrate
from ssmtl.live.recorded import normal_curves
from ssmtl.live.records import Status
from ssmtl.live.sources import Watched
from ssmtl.live.store import open_store
from ssmtl.live.web.app import create_app
from ssmtl.model import Model
from tests.live.cameras import RtspCamera, free_port, need_rtsp_server, write_ts
from tests.live.watches import MACHINE, watching
from tests.live.web.conftest import WIDE
from tests.live.web.serving import Serving, place, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_from_the_camera_to_the_page_and_back(browser: "Browser", street: Path, model: Model, tmp_path: Path) -> None:
    need_rtsp_server()
    clip = write_ts(street, tmp_path / "a.ts")
    folder = tmp_path / "watch"
    with RtspCamera(clip, free_port()) as camera, watching(folder, [Watched("door", camera.address)], model) as running:
        server = Serving(create_app(folder, running.store, token=None, events=model.configuration.events))
        context = browser.new_context(viewport=WIDE)
        try:
            page: Any = context.new_page()
            page.set_default_timeout(20_000)
            page.goto(server.url)
            # An event of the camera shows up by itself, and its film plays.
            newest = page.locator("#event-list button")
            expect(newest.first).to_contain_text("door", timeout=20_000)
            until(lambda: [e for e in running.events() if e.clip is not None])
            first = next(event for event in running.events() if event.clip is not None)
            page.locator("#event-list button").last.click()
            video = page.locator("dialog video")
            expect(video).to_be_visible()
            until(lambda: video.evaluate("v => v.currentTime") > 0.2)
            # It is dismissed, and calibration takes it for ordinary.
            page.get_by_role("button", name="Dismiss").click()
            until(lambda: [e for e in running.events() if e.status is Status.DISMISSED])
            dismissed = next(e for e in running.events() if e.status is Status.DISMISSED)
            page.get_by_role("button", name="Close").click()
            # A threshold that is typed is that of the watch, within two looks.
            slider = page.get_by_role("slider")
            slider.focus()
            before = running.health().threshold
            for _ in range(3):
                slider.press("PageUp")
            page.get_by_role("button", name="Save threshold").click()
            running.until(lambda: running.health().threshold > before)
            assert running.health().threshold_from == "set in the page"
            # Saved at once, before it was asked what it would have raised: nothing to complain of.
            page.wait_for_timeout(500)
            expect(page.get_by_text("field required")).to_have_count(0)
            # Only what stands in the sky is to count: that leaves nothing to score.
            page.get_by_text("Zones", exact=True).click()
            page.get_by_role("button", name="Draw a zone").click()
            box = place(page, "#view img")
            height = box["width"] * 240 / 320
            corners = [(0.1, 0.05), (0.3, 0.05), (0.2, 0.15)]
            for x, y in [*corners, corners[0]]:
                page.mouse.click(box["x"] + x * box["width"], box["y"] + y * height)
            page.get_by_label("Watch: only what").check()
            page.get_by_label("Name").fill("sky")
            page.get_by_role("button", name="Save zone").click()
            until(lambda: running.store.settings(MACHINE, "door").zones)
            until(lambda: _stands_still(running), 30)
        finally:
            context.close()
            server.stop()
    # The others of these few seconds too: what nobody has judged is left out, with what is around it.
    store = open_store(folder, None)
    for event in store.events():
        store.set_status(event.key, Status.DISMISSED)
    store.close()
    known = normal_curves(folder, model)["door"]
    covered = any(curve.times_s[0] <= dismissed.peak <= curve.times_s[-1] + 1 for curve in known)
    assert first.clip is not None and covered
    done = calibrate([], model, known={"door": known})
    assert next(iter(done.thresholds.values())).value > dismissed.threshold


def _stands_still(running: Any) -> bool:
    """Whether no object was scored in the last second, while frames were."""
    import time

    objects, frames = running.health().objects, running.health().frames_out
    time.sleep(1)
    return running.health().objects == objects and running.health().frames_out > frames
