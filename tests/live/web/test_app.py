"""What the page's server tells, what it takes, and what it refuses."""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the page needs fastapi")
pytest.importorskip("sqlalchemy", reason="the page needs SQLAlchemy")

from starlette.testclient import TestClient

from ssmtl.errors import OutputError
from ssmtl.live.records import CameraSettings, Kind, Status
from ssmtl.live.web.files import file_inside
from ssmtl.scoring.events import EventSettings, find_spans
from tests.live.web.conftest import SAME
from tests.live.web.example import MACHINE, Example


def detail(response: Any) -> str:
    return str(response.json()["detail"])


# --- cameras


def test_cameras(client: TestClient, example: Example) -> None:
    example.health("yard", updated=time.time() - 11)
    example.health("entrance", score=float("nan"))
    (example.folder / "live" / "broken.json").write_text("{", encoding="utf-8")
    (example.folder / "live" / "other.json").write_text(json.dumps(asdict(example.health("yard"))), encoding="utf-8")
    example.health("yard", updated=time.time() - 11)
    cameras = client.get("/api/cameras").json()
    assert [(c["camera"], c["stale"], c["score"]) for c in cameras] == [
        ("entrance", False, None),
        ("yard", True, 0.42),
    ]


def test_the_newest_picture(client: TestClient, example: Example) -> None:
    response = client.get("/api/cameras/yard/picture")
    assert response.content == (example.folder / "live" / "yard.jpg").read_bytes()
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("camera", ["nobody", "..", "%2e%2e%2fwatch", "yard%00", "a%2Fb", "y" * 300])
@pytest.mark.parametrize("what", ["picture", "scores", "preview?threshold=1", "settings"])
def test_unknown_cameras(client: TestClient, camera: str, what: str) -> None:
    response = client.get(f"/api/cameras/{camera}/{what}")
    assert response.status_code in (404, 422)
    assert detail(response)


def test_a_picture_that_is_a_link_to_elsewhere(client: TestClient, example: Example, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    path = example.folder / "live" / "yard.jpg"
    path.unlink()
    path.symlink_to(tmp_path / "secret.jpg")
    assert client.get("/api/cameras/yard/picture").status_code == 404


def test_scores_of_a_time(client: TestClient, example: Example) -> None:
    since, until = int(example.now) - 100, int(example.now) - 50
    answer = client.get("/api/cameras/entrance/scores", params={"since": since, "until": until}).json()
    expected = example.store.scores("entrance", since, until, machine=MACHINE)
    assert [tuple(point) for point in answer["points"]] == expected and len(expected) in (50, 51)
    assert answer["threshold"] == 1.2
    example.store.set_settings(MACHINE, "entrance", CameraSettings(threshold=0.8))
    assert client.get("/api/cameras/entrance/scores").json()["threshold"] == 0.8


@pytest.mark.parametrize("threshold", [0.3, 0.55, 0.66, 1.2, 1.5, 5.0])
def test_the_preview_is_what_the_watch_would_do(client: TestClient, example: Example, threshold: float) -> None:
    since, until = example.now - 1700, example.now
    query = {"since": since, "until": until, "threshold": threshold}
    answer = client.get("/api/cameras/entrance/preview", params=query).json()["events"]
    times, scores = zip(*example.store.scores("entrance", since, until, most=10_000), strict=True)
    spans = find_spans(times, scores, EventSettings(least_s=0), threshold)
    assert answer == [[s.start_s, s.end_s, s.peak_s, s.score] for s in spans]
    if threshold == 1.2:  # known from how the curve was made
        assert len(answer) == 4
    if threshold == 5.0:
        assert answer == []


def test_the_preview_of_one_second(client: TestClient, example: Example) -> None:
    """A score stands for a whole second: one above the threshold may have been long enough for an event."""
    second = int(example.now) + 1000
    example.store.add_scores(MACHINE, "yard", [(second + i, 9.0 * (i == 5), 0.0, 1) for i in range(10)])
    query = {"since": second, "until": second + 10, "threshold": 2}
    assert client.get("/api/cameras/yard/preview", params=query).json()["events"] == [
        [second + 5, second + 5, second + 5, 9.0]
    ]


# --- settings

TRIANGLE = {"name": "tree", "kind": "ignore", "points": [[0, 0], [0.5, 0], [0.25, 1]]}


def test_settings_are_kept_field_by_field(client: TestClient, example: Example) -> None:
    path = "/api/cameras/yard/settings"

    def put(change: dict[str, object]) -> dict[str, object]:
        return dict(client.put(path, json=change, headers=SAME).json())

    def shown(threshold: float | None, zones: list[object] | None) -> dict[str, object]:
        return {"threshold": threshold, "zones": zones, "configured_zones": []}

    assert client.get(path).json() == shown(None, None)
    assert put({"threshold": 1.5}) == shown(1.5, None)
    assert put({"zones": [TRIANGLE]}) == shown(1.5, [TRIANGLE])
    assert client.get(path).json() == shown(1.5, [TRIANGLE])
    kept = example.store.settings(MACHINE, "yard")
    assert kept.threshold == 1.5 and kept.zones is not None and dict(kept.zones[0])["name"] == "tree"
    assert put({"threshold": None}) == shown(None, [TRIANGLE])
    assert put({"zones": []}) == shown(None, [])
    assert put({"zones": None}) == shown(None, None)
    assert example.store.settings(MACHINE, "entrance") == CameraSettings()
    example.health("yard", zones=(TRIANGLE,))
    assert client.get(path).json() == shown(None, None) | {"configured_zones": [TRIANGLE]}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("{", 400, "not JSON"),
        ("[]", 422, "body"),
        ('{"threshold": 0}', 422, "threshold: input should be greater than 0"),
        ('{"threshold": -1}', 422, "threshold"),
        ('{"threshold": NaN}', 422, "threshold"),
        ('{"threshold": 1e999}', 422, "threshold"),
        ('{"threshold": "high"}', 422, "threshold"),
        ('{"treshold": 1}', 422, "treshold"),
        ('{"zones": [{"points": [[0, 0], [1, 1]]}]}', 422, "zones.0.points"),
        ('{"zones": [{"points": [[0, 0], [1, 1], [2, 0]]}]}', 422, "from 0 to 1"),
        ('{"zones": [{"kind": "blur", "points": [[0, 0], [1, 1], [1, 0]]}]}', 422, "zones.0.kind"),
        ('{"zones": "all"}', 422, "zones"),
    ],
)
def test_bad_settings(client: TestClient, example: Example, body: str, status: int, words: str) -> None:
    headers = SAME | {"Content-Type": "application/json"}
    response = client.put("/api/cameras/yard/settings", content=body, headers=headers)
    assert response.status_code == status
    assert words in detail(response)
    assert example.store.settings(MACHINE, "yard") == CameraSettings()


# --- events


def test_events_newest_first(client: TestClient, example: Example) -> None:
    events = client.get("/api/events").json()
    assert len(events) == 8
    assert [e["start"] for e in events] == sorted((e["start"] for e in events), reverse=True)
    event = next(e for e in events if e["camera"] == "entrance")
    assert event["headline"] == "Irregular motion"
    assert client.get(event["picture_url"]).headers["content-type"] == "image/jpeg"
    assert client.get(event["clip_url"]).content[4:8] == b"ftyp"
    view = next(e for e in events if e["kind"] == "view changed")
    assert view["headline"] == "The camera's view changed"
    assert (view["picture_url"], view["clip_url"]) == (None, None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"camera": "yard"}, 4),
        ({"camera": "nobody"}, 0),
        ({"kind": "view changed"}, 1),
        ({"kind": "anomaly", "camera": "yard"}, 3),
        ({"status": "new"}, 8),
        ({"status": "dismissed"}, 0),
        ({"machine": "elsewhere"}, 0),
        ({"limit": 3}, 3),
    ],
)
def test_filters(client: TestClient, query: dict[str, Any], expected: int) -> None:
    assert len(client.get("/api/events", params=query).json()) == expected


def test_paging_shows_each_event_once(client: TestClient) -> None:
    everything = [e["key"] for e in client.get("/api/events").json()]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while page := client.get("/api/events", params=query).json():
        seen += [e["key"] for e in page]
        query["before"] = seen[-1]
    assert seen == everything


def test_an_event_of_another_machine_has_no_pictures_here(client: TestClient, example: Example) -> None:
    files = {"picture": "media/yard/2026-01-01/far.jpg", "clip": "media/yard/2026-01-01/far.mp4"}
    event = example.event("yard", example.now, 1.4, key="far", machine="elsewhere", **files)
    shown = client.get(f"/api/events/{event.key}").json()
    assert (shown["machine"], shown["picture_url"], shown["clip_url"]) == ("elsewhere", None, None)


@pytest.mark.parametrize("picture", ["../watch.json", "media/../live/yard.jpg", "/etc/passwd", "live/yard.jpg"])
def test_an_event_with_a_strange_picture(client: TestClient, example: Example, picture: str) -> None:
    event = example.event("yard", example.now, 1.4, picture=picture)
    assert client.get(f"/api/events/{event.key}").json()["picture_url"] is None


def test_a_newer_picture_has_another_address(client: TestClient, example: Example) -> None:
    event = example.event("yard", example.now, 1.4)
    before = client.get(f"/api/events/{event.key}").json()["picture_url"]
    os.utime(example.folder / str(event.picture), (1, 1))
    after = client.get(f"/api/events/{event.key}").json()["picture_url"]
    assert before != after and client.get(after).status_code == 200


def test_what_a_person_says(client: TestClient, example: Example) -> None:
    event = example.event("yard", example.now, 1.4)
    for status in (Status.CONFIRMED, Status.DISMISSED, Status.NEW):
        answer = client.post(f"/api/events/{event.key}", json={"status": status}, headers=SAME).json()
        kept = example.store.event(event.key)
        assert kept is not None and answer["status"] == kept.status == status


def test_numbers_that_json_has_not(client: TestClient, example: Example) -> None:
    event = example.event("yard", example.now, 1.4, reasons=(("irregular motion", float("inf")),))
    assert client.get(f"/api/events/{event.key}").json()["reasons"] == [["irregular motion", None]]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", "/api/events?kind=strange", None, 422, "kind: input should be 'anomaly' or 'view changed'"),
        ("GET", "/api/events?status=maybe", None, 422, "status"),
        ("GET", "/api/events?limit=0", None, 422, "limit"),
        ("GET", "/api/events?limit=99999", None, 422, "limit"),
        ("GET", "/api/events?since=yesterday", None, 422, "since"),
        ("GET", "/api/events?since=nan", None, 422, "since"),
        ("GET", "/api/events?before=nothing", None, 404, "nothing"),
        ("GET", "/api/events/nothing", None, 404, "nothing"),
        ("POST", "/api/events/nothing", {"status": "new"}, 404, "nothing"),
        ("POST", "/api/events/yard-0005", {"status": "great"}, 422, "status"),
        ("POST", "/api/events/yard-0005", {}, 422, "status"),
        ("GET", "/api/cameras/yard/scores?since=5&until=5", None, 422, "not before"),
        ("GET", "/api/cameras/yard/scores?until=inf", None, 422, "until"),
        ("GET", "/api/cameras/yard/scores?until=1e300", None, 422, "until"),
        ("GET", "/api/cameras/yard/preview", None, 422, "threshold"),
        ("GET", "/api/cameras/yard/preview?threshold=-1", None, 422, "threshold"),
        ("GET", "/api/cameras/yard/preview?threshold=nan", None, 422, "threshold"),
        ("GET", "/api/cameras/yard/preview?threshold=1&since=5", None, 422, "8 days"),
        ("GET", "/api/nothing", None, 404, "Not Found"),
        ("DELETE", "/api/events/yard-0005", {}, 405, "Method Not Allowed"),
    ],
)
def test_bad_requests(client: TestClient, method: str, path: str, body: Any, status: int, words: str) -> None:
    response = client.request(method, path, json=body, headers=SAME)
    assert response.status_code == status
    assert words in detail(response)


def test_a_database_that_fails_is_told(client: TestClient, example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> None:
        raise OutputError("events.sqlite: cannot be read; free some space")

    monkeypatch.setattr(example.store, "events", fail)
    response = client.get("/api/events")
    assert (response.status_code, detail(response)) == (503, "events.sqlite: cannot be read; free some space")


# --- pictures and clips


@pytest.fixture
def clip(client: TestClient, example: Example) -> tuple[str, bytes]:
    event = example.event("yard", example.now, 1.4)
    return f"/{event.clip}", (example.folder / str(event.clip)).read_bytes()


@pytest.mark.parametrize(
    ("ask", "first", "last"), [("bytes=0-99", 0, 99), ("bytes=100-", 100, None), ("bytes=-10", -10, None)]
)
def test_a_part_of_a_clip(client: TestClient, clip: tuple[str, bytes], ask: str, first: int, last: int | None) -> None:
    path, content = clip
    response = client.get(path, headers={"Range": ask})
    expected = content[first : None if last is None else last + 1]
    assert (response.status_code, response.content) == (206, expected)
    start = first % len(content)
    assert response.headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{len(content)}"


def test_a_whole_clip_and_parts_that_are_not_there(client: TestClient, clip: tuple[str, bytes]) -> None:
    path, content = clip
    whole = client.get(path)
    assert (whole.status_code, whole.content, whole.headers["accept-ranges"]) == (200, content, "bytes")
    assert whole.headers["content-type"] == "video/mp4"
    assert client.get(path, headers={"Range": f"bytes={len(content)}-"}).status_code == 416
    assert client.head(path).headers["content-length"] == str(len(content))


@pytest.mark.parametrize(
    "path",
    [
        "../watch.json",
        "..%2fwatch.json",
        "%2e%2e/watch.json",
        "yard/../../watch.json",
        "yard/%2e%2e/%2e%2e/secret.jpg",
        "..%5csecret.jpg",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "",
        "yard",
        "yard/",
        "yard/notes.txt",
        "yard/page.html",
        "yard/.hidden.jpg",
        "yard/out.jpg",
        "yard/elsewhere/secret.jpg",
        "yard/round.jpg",
        "yard/queue.jpg",
        "yard/a%00.jpg",
        "yard/" + "a" * 400 + ".jpg",
    ],
)
def test_nothing_but_media_is_served(client: TestClient, example: Example, path: str) -> None:
    folder = example.folder / "media" / "yard"
    outside = example.folder / "outside"
    outside.mkdir()
    for secret in (outside / "secret.jpg", example.folder / "secret.jpg", example.folder / "watch.json"):
        secret.write_text("secret", encoding="utf-8")
    for name in ("notes.txt", "page.html", ".hidden.jpg"):
        (folder / name).write_text("secret", encoding="utf-8")
    (folder / "out.jpg").symlink_to(outside / "secret.jpg")
    (folder / "elsewhere").symlink_to(outside)
    (folder / "round.jpg").symlink_to(folder / "round.jpg")
    os.mkfifo(folder / "queue.jpg")
    response = client.get(f"/media/{path}")
    assert response.status_code == 404
    assert "secret" not in response.text


def test_media_may_lie_on_another_disk(client: TestClient, example: Example, tmp_path: Path) -> None:
    event = example.event("yard", example.now, 1.4)
    (example.folder / "media").rename(tmp_path / "large_disk")
    (example.folder / "media").symlink_to(tmp_path / "large_disk")
    assert client.get(f"/{event.clip}").status_code == 200


def test_metrics(client: TestClient, example: Example) -> None:
    text = client.get("/metrics").text
    for camera in ("entrance", "yard"):
        assert f'ssmtl_online{{camera="{camera}",machine="{MACHINE}"}} 1.0' in text
    assert "ssmtl_told" not in text
    (example.folder / "told.json").write_text('{"events.jsonl": [5, 2, 1]}')
    text = client.get("/metrics").text
    assert [
        f'ssmtl_told{name}_total{{receiver="events.jsonl"}} {count}.0' in text
        for name, count in (("", 5), ("_failed", 2), ("_lost", 1))
    ] == [True] * 3


def test_the_example_has_both_kinds(example: Example) -> None:
    """What the tests above rest on."""
    assert {event.kind for event in example.store.events()} == {Kind.ANOMALY, Kind.VIEW_CHANGED}


@pytest.mark.parametrize(
    ("relative", "there"),
    [
        ("a/b.jpg", True),
        ("link.jpg", True),
        ("../b.jpg", False),
        ("a/../a/b.jpg", False),
        ("./a/b.jpg", False),
        ("a//b.jpg", False),
        ("/a/b.jpg", False),
        ("a", False),
        ("a\\b.jpg", False),
        ("C:b.jpg", False),
        ("", False),
    ],
)
def test_files_inside_a_folder(tmp_path: Path, relative: str, there: bool) -> None:
    (tmp_path / "root" / "a").mkdir(parents=True)
    for path in (tmp_path / "b.jpg", tmp_path / "root" / "a" / "b.jpg"):
        path.write_bytes(b"")
    (tmp_path / "root" / "link.jpg").symlink_to(tmp_path / "root" / "a" / "b.jpg")
    assert (file_inside(tmp_path / "root", relative) is not None) is there
