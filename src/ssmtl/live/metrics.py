"""How cameras are doing, in the text format of Prometheus."""

import time
from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ssmtl.live.records import Health, State

STALE_S = 10.0
"""A camera of which there was no news for so long is not online: the watch itself is gone."""

COUNTERS = {
    "frames_in": ("frames_in", "frames read"),
    "frames_out": ("frames_out", "frames scored"),
    "dropped": ("frames_dropped", "live frames left out to keep up"),
    "undecodable": ("undecodable", "damaged packets and pictures"),
    "reconnects": ("reconnects", "connections after the first"),
    "objects": ("objects", "objects scored"),
    "alarms": ("alarms", "events that are anomalies"),
}
GAUGES = {
    "delay_s": ("delay_seconds", "from a frame's arrival to its score"),
    "rate_in": ("rate_in", "frames read per second"),
    "rate_out": ("rate_out", "frames scored per second"),
    "score": ("score", "newest frame score"),
    "threshold": ("threshold", "frame score from which an event begins"),
    "updated": ("updated_timestamp_seconds", "when this was known"),
    "recording": ("recording", "whether there is room for pictures and films"),
}
LABELS = ("camera", "machine")


class _Watch(Collector):
    def __init__(self, healths: Sequence[Health], told: Mapping[str, Sequence[int]], now: float):
        # One name twice would make Prometheus refuse the whole page.
        newest = {(health.camera, health.machine): health for health in sorted(healths, key=lambda one: one.updated)}
        self._healths = [newest[name] for name in sorted(newest)]
        self._told, self._now = told, now

    def collect(self) -> Iterable[Metric]:
        for field, (name, words) in COUNTERS.items():
            yield self._filled(CounterMetricFamily(f"ssmtl_{name}", words, labels=LABELS), field)
        for field, (name, words) in GAUGES.items():
            yield self._filled(GaugeMetricFamily(f"ssmtl_{name}", words, labels=LABELS), field)
        online = GaugeMetricFamily("ssmtl_online", "whether frames come", labels=LABELS)
        for health in self._healths:
            online.add_metric([health.camera, health.machine], self._is_online(health))
        yield online
        if self._told:
            sent = CounterMetricFamily("ssmtl_told", "messages that a receiver of events took", labels=["receiver"])
            failed = CounterMetricFamily("ssmtl_told_failed", "tries that failed", labels=["receiver"])
            lost = CounterMetricFamily("ssmtl_told_lost", "messages that were given up", labels=["receiver"])
            for receiver, counts in sorted(self._told.items()):
                for family, count in zip((sent, failed, lost), counts, strict=True):
                    family.add_metric([receiver], count)
            yield from (sent, failed, lost)

    def _filled(self, family: CounterMetricFamily | GaugeMetricFamily, field: str) -> Metric:
        for health in self._healths:
            family.add_metric([health.camera, health.machine], getattr(health, field))
        return family

    def _is_online(self, health: Health) -> bool:
        return health.state in (State.ONLINE, State.HOLDING) and self._now - health.updated < STALE_S


def prometheus(
    healths: Sequence[Health], counters: Mapping[str, Sequence[int]] | None = None, now: float | None = None
) -> bytes:
    """The page that Prometheus reads.

    Args:
        healths: of all cameras; of one that is there twice the newest counts.
        counters: messages taken, tries failed and messages given up, by receiver of events.
        now: the Unix time, by which is judged whether a camera's news are old; None = the clock's.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Watch(healths, counters or {}, time.time() if now is None else now))
    return generate_latest(registry)
