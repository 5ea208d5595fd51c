"""A watch's folder, its page's server, and a browser to look at it; what they need is imported when it is used."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from starlette.testclient import TestClient

    from tests.live.web.example import Example
    from tests.live.web.serving import Serving

TOKEN = "correct-horse-battery"
HOME = "http://127.0.0.1:8000"
SAME = {"Origin": HOME}
WIDE = {"width": 1280, "height": 1000}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def example(tmp_path: Path) -> "Iterator[Example]":
    """A small one."""
    from ssmtl.live.store import open_store
    from tests.live.web.example import Example

    store = open_store(tmp_path, None)
    yield Example(tmp_path, store, hours=0.5, events=4)
    store.close()


@pytest.fixture
def client(example: "Example") -> "TestClient":
    """A visitor of a page without a token."""
    from starlette.testclient import TestClient

    from ssmtl.live.web.app import create_app

    return TestClient(create_app(example.folder, example.store, token=None), HOME, follow_redirects=False)


@pytest.fixture
def guarded(example: "Example", monkeypatch: pytest.MonkeyPatch) -> "TestClient":
    """A visitor of a page with a token."""
    from starlette.testclient import TestClient

    from ssmtl.live.web import security
    from ssmtl.live.web.app import create_app

    monkeypatch.setattr(security, "WRONG_TOKEN_S", 0.01)
    return TestClient(create_app(example.folder, example.store, token=TOKEN), HOME, follow_redirects=False)


@pytest.fixture
def server(example: "Example") -> "Iterator[Serving]":
    """The page without a token, at an address."""
    from ssmtl.live.web.app import create_app
    from tests.live.web.serving import Serving

    server = Serving(create_app(example.folder, example.store, token=None))
    yield server
    server.stop()


@pytest.fixture(scope="package")
def browser() -> "Iterator[Browser]":
    """Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
    if CHROMIUM is None:
        pytest.skip("the browser tests need chromium, and there is none on this machine")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def look(browser: "Browser", server: "Serving") -> "Iterator[Callable[..., Page]]":
    """Opens the page; at the end nothing may have gone wrong in it that the test did not provoke."""
    wrong: list[str] = []
    contexts = []

    def opened(address: str = "", **options: Any) -> "Page":
        context = browser.new_context(**({"viewport": WIDE} | options))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.goto(address or server.url)
        return page

    yield opened
    for context in contexts:
        context.close()
    # What a request that failed leaves there is no fault of the page.
    assert [text for text in wrong if "Failed to load resource" not in text] == []


@pytest.fixture
def page(look: "Callable[..., Page]") -> "Page":
    """The page, with all that it shows."""
    from playwright.sync_api import expect

    page = look()
    expect(page.locator("#event-list li").first).to_be_visible()
    expect(page.locator("#plot path[d^=M]")).to_have_count(1)
    return page
