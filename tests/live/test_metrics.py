"""The page for Prometheus, read by Prometheus' own reader."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ssmtl.live.metrics import prometheus
from ssmtl.live.records import Health, State

HEALTH = Health(
    camera="yard",
    machine="shop",
    source="rtsp://me:***@host/1",
    state=State.ONLINE,
    since=50.0,
    updated=100.0,
    frames_in=10,
    frames_out=9,
    dropped=1,
    undecodable=2,
    rate_in=12.5,
    rate_out=12.25,
    reconnects=3,
    delay_s=0.75,
    objects=40,
    alarms=5,
    score=0.5,
    threshold=1.25,
)
LABELS = (("camera", "yard"), ("machine", "shop"))

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(page: bytes) -> Samples:
    """Each sample; a name that is there twice is an error, as it is to Prometheus."""
    found: Samples = {}
    for family in text_string_to_metric_families(page.decode()):
        for sample in family.samples:
            name = (sample.name, tuple(sorted(sample.labels.items())))
            assert name not in found
            found[name] = sample.value
    return found


def test_all_figures_of_a_camera() -> None:
    found = read(prometheus([HEALTH], None, now=101.0))
    assert {name for name, labels in found if labels != LABELS} == set()
    assert {name.removeprefix("ssmtl_"): value for (name, _), value in found.items()} == {
        "frames_in_total": 10,
        "frames_out_total": 9,
        "frames_dropped_total": 1,
        "undecodable_total": 2,
        "reconnects_total": 3,
        "objects_total": 40,
        "alarms_total": 5,
        "delay_seconds": 0.75,
        "rate_in": 12.5,
        "rate_out": 12.25,
        "score": 0.5,
        "threshold": 1.25,
        "updated_timestamp_seconds": 100.0,
        "recording": 1,
        "online": 1,
    }


@pytest.mark.parametrize(
    ("state", "now", "online"),
    [
        (State.CONNECTING, 101, 0),
        (State.ONLINE, 101, 1),
        (State.HOLDING, 101, 1),
        (State.OFFLINE, 101, 0),
        (State.ENDED, 101, 0),
        (State.FAILED, 101, 0),
        (State.ONLINE, 109, 1),
        (State.ONLINE, 110, 0),  # the watch was killed and can no longer say so
        (State.ONLINE, 50, 1),  # the clock was set back
    ],
)
def test_online(state: State, now: float, online: int) -> None:
    assert read(prometheus([replace(HEALTH, state=state)], now=now))[("ssmtl_online", LABELS)] == online


@pytest.mark.parametrize(
    "healths", [[], [HEALTH], [HEALTH, replace(HEALTH, machine='a"b\\c\nd'), replace(HEALTH, camera="x")]]
)
def test_cameras_are_told_apart(healths: list[Health]) -> None:
    found = read(prometheus(healths))
    names = {dict(labels)["camera"] + dict(labels)["machine"] for _, labels in found}
    assert names == {health.camera + health.machine for health in healths}


def test_of_one_that_is_there_twice_the_newest_counts() -> None:
    found = read(prometheus([replace(HEALTH, frames_in=7, updated=101), HEALTH], now=101.0))
    assert found["ssmtl_frames_in_total", LABELS] == 7


def test_receivers_of_events() -> None:
    found = read(prometheus([], {"http://host": (3, 1, 2), "events.jsonl": (4, 0, 0)}))
    assert found == {
        ("ssmtl_told_total", (("receiver", "http://host"),)): 3,
        ("ssmtl_told_total", (("receiver", "events.jsonl"),)): 4,
        ("ssmtl_told_failed_total", (("receiver", "http://host"),)): 1,
        ("ssmtl_told_failed_total", (("receiver", "events.jsonl"),)): 0,
        ("ssmtl_told_lost_total", (("receiver", "http://host"),)): 2,
        ("ssmtl_told_lost_total", (("receiver", "events.jsonl"),)): 0,
    }
