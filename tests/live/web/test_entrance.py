"""Who may come in, and what may not be changed from elsewhere."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the page needs fastapi")
pytest.importorskip("sqlalchemy", reason="the page needs SQLAlchemy")

from starlette.testclient import TestClient

from ssmtl.errors import ConfigError
from ssmtl.live.web import security
from ssmtl.live.web.app import create_app
from tests.live.web.conftest import SAME, TOKEN
from tests.live.web.example import MACHINE, Example


def detail(response: Any) -> str:
    return str(response.json()["detail"])


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_token_in_any_letters(example: Example, encoding: str) -> None:
    token = "geheim-ü-1234567"
    client = TestClient(create_app(example.folder, example.store, token=token), "http://127.0.0.1")
    for sent, status in ((token, 200), (token[:-1], 401)):
        headers = [(b"Authorization", f"Bearer {sent}".encode(encoding))]
        assert client.get("/api/cameras", headers=headers).status_code == status


PATHS = ["/api/cameras", "/api/cameras/yard/picture", "/api/events", "/api/session", "/metrics", "/media/x.jpg"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong-token"}, {"Authorization": f"Basic {TOKEN}"}])
def test_without_the_token_nothing_is_told(guarded: TestClient, path: str, headers: dict[str, str]) -> None:
    response = guarded.get(path, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "token" in detail(response)


def test_the_token_as_a_bearer(guarded: TestClient) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert len(guarded.get("/api/cameras", headers=headers).json()) == 2
    assert guarded.get("/metrics", headers=headers).status_code == 200
    key = guarded.get("/api/events", headers=headers).json()[0]["key"]
    # A program has no origin.
    response = guarded.post(f"/api/events/{key}", json={"status": "confirmed"}, headers=headers)
    assert response.json()["status"] == "confirmed"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/api/cameras"), ("POST", "/static/x"), ("GET", "/login")]
)
def test_a_wrong_token_costs_time_wherever_it_is_tried(
    guarded: TestClient, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    waited: list[str] = []

    async def wait(login: security.Login) -> None:
        waited.append(path)

    monkeypatch.setattr(security.Login, "wait", wait)
    for token, times in ((TOKEN, 0), ("wrong-token", 1)):
        guarded.request(method, path, headers={"Authorization": f"Bearer {token}"})
        assert len(waited) == times


def test_logging_in_and_out(guarded: TestClient) -> None:
    assert guarded.get("/").headers["location"] == "/login"
    assert 'action="/login"' in guarded.get("/login").text
    wrong = guarded.post("/login", data={"token": "wrong-token"})
    assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
    assert "not the token" in wrong.text

    right = guarded.post("/login", data={"token": TOKEN})
    assert (right.status_code, right.headers["location"]) == (303, "/")
    cookie = right.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and TOKEN not in cookie
    assert "<title>Cameras</title>" in guarded.get("/").text
    assert guarded.get("/api/session").json()["login"] is True

    assert guarded.post("/api/logout", json={}, headers=SAME).status_code == 200
    assert guarded.get("/api/cameras").status_code == 401


def test_a_login_ends_and_cannot_be_made_up() -> None:
    login = security.Login(TOKEN)
    session = login.session(1000.0)
    assert login.holds(session, 1000.0 + security.SESSION_S - 1)
    assert not login.holds(session, 1000.0 + security.SESSION_S + 1)
    until, _, signature = session.partition(".")
    for forged in (f"{int(until) + 9}.{signature}", f"{until}.", until, ".", "x.y", "é.é", ""):
        assert not login.holds(forged, 1000.0), forged
    assert not security.Login("another-token").holds(session, 1000.0)


@pytest.mark.parametrize("token", ["", "short"])
def test_a_token_that_is_easily_guessed(example: Example, token: str) -> None:
    with pytest.raises(ConfigError, match="at least 8"):
        create_app(example.folder, example.store, token=token)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("LocalHost", 200),
        ("[::1]:8000", 200),
        ("evil.example", 403),
        ("evil.example:8000", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost@evil.example", 403),
        ("", 403),
    ],
)
def test_without_a_token_only_this_machine_is_answered(client: TestClient, host: str, status: int) -> None:
    response = client.get("/api/cameras", headers={"Host": host})
    assert response.status_code == status
    if status == 403:
        assert "localhost" in detail(response)


def test_other_hosts_can_be_named(example: Example) -> None:
    app = create_app(example.folder, example.store, token=None, hosts=["cameras.home"])
    client = TestClient(app, "http://cameras.home:9000")
    assert client.get("/api/cameras").status_code == 200
    assert client.get("/api/cameras", headers={"Host": "localhost"}).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (SAME, 200),
        ({}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:port"}, 403),
        ({**SAME, "Content-Type": "text/plain"}, 415),
        ({**SAME, "Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_changes_come_from_the_page_itself(
    client: TestClient, example: Example, headers: dict[str, str], status: int
) -> None:
    headers = {"Content-Type": "application/json"} | headers
    response = client.put("/api/cameras/yard/settings", content=b'{"threshold": 2}', headers=headers)
    assert response.status_code == status
    kept = example.store.settings(MACHINE, "yard").threshold
    assert kept == (2 if status == 200 else None)


def test_a_login_does_not_allow_changes_from_elsewhere(guarded: TestClient) -> None:
    guarded.post("/login", data={"token": TOKEN})
    change = {"threshold": 2}
    foreign = guarded.put("/api/cameras/yard/settings", json=change, headers={"Origin": "http://evil.example"})
    assert foreign.status_code == 403
    assert guarded.put("/api/cameras/yard/settings", json=change, headers=SAME).status_code == 200


def test_a_huge_body_is_not_read(client: TestClient) -> None:
    headers = SAME | {"Content-Type": "application/json"}
    body = b" " * (security.MOST_BYTES + 1)
    assert client.put("/api/cameras/yard/settings", content=body, headers=headers).status_code == 413

    def pieces() -> Iterator[bytes]:
        yield b"{}"

    assert client.put("/api/cameras/yard/settings", content=pieces(), headers=headers).status_code == 411


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/api/cameras", "/nowhere", "/api/cameras/yard/picture"])
def test_headers_of_every_answer(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "cache-control" in headers


def test_scripts_have_their_type(client: TestClient) -> None:
    assert client.get("/static/app.js").headers["content-type"].startswith("text/javascript")
