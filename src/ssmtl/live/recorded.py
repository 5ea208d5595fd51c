"""What a watch recorded, as normal footage: its scores by the second, without what happened."""

from pathlib import Path

import numpy as np

from ssmtl.errors import DataError
from ssmtl.live.records import Status, about_watch
from ssmtl.live.store import Store, open_store
from ssmtl.model import Model
from ssmtl.scoring.threshold import Curve

AROUND_S = 5.0
"""Before and after an event that is left out."""


def normal_curves(
    folder: Path, model: Model, url: str | None = None, camera: str | None = None
) -> dict[str, list[Curve]]:
    """Scores of each camera, in Unix times, while nothing happened or what happened was dismissed as ordinary.

    Events that were confirmed, or of which nobody said anything, are left out with some seconds around them, and so is
    what another model recorded there before, or the same with other settings.

    Raises:
        DataError: the folder holds no watch, or the last one had another model than `model` or other settings, or there
            is no such camera, or nothing was recorded.
        OutputError: the database cannot be opened.
    """
    if not (folder / "watch.json").is_file():
        raise DataError(f"{folder}: is no folder of `ssmtl watch`; check --watch")
    # Others that share its database watch with models of their own, as this machine may have done before.
    about = about_watch(folder)
    if about.get("score_identity") != model.score_identity:
        raise DataError(
            f"{folder}: was watched with another model or other settings, whose scores do not compare; calibrate that "
            "model, with the same --set, or watch with this one for a while"
        )
    machine, since = about.get("machine"), float(about.get("since", 0.0))
    store = open_store(folder, url)
    try:
        names = store.cameras(machine)
        if camera is not None and camera not in names:
            raise DataError(f"{folder}: has no camera {camera}; it has {', '.join(names) or 'none'}")
        wanted = [name for name in names if camera in (None, name)]
        found = {name: _curves(store, name, machine, since) for name in wanted}
        recorded = any(store.scores(name, since, 1e12, machine=machine, most=1) for name in wanted)
    finally:
        store.close()
    found = {name: curves for name, curves in found.items() if curves}
    if not found and recorded:
        raise DataError(
            f"{folder}: all that was recorded lies within {AROUND_S:g} s of an event that was confirmed or that nobody "
            "judged yet; dismiss those that were ordinary (the page of `ssmtl serve`), or watch for longer"
        )
    if not found:
        raise DataError(f"{folder}: no scores were recorded yet; watch ordinary footage for a while")
    return found


def _curves(store: Store, name: str, machine: str | None, since: float) -> list[Curve]:
    rows = np.array(store.scores(name, since, 1e12, machine=machine, most=10**9), np.float64).reshape(-1, 2)
    keep = np.ones(len(rows), bool)
    before = None
    while page := store.events(camera=name, machine=machine, before=before, limit=500):
        for event in page:
            if event.status is not Status.DISMISSED:
                end = event.end if event.end is not None else np.inf
                keep &= (rows[:, 0] < event.start - AROUND_S) | (rows[:, 0] > end + AROUND_S)
        before = page[-1].key
    # What is not there is a gap, not a second without a score.
    parts = np.split(np.flatnonzero(keep), np.flatnonzero(np.diff(rows[keep, 0]) > 1.5) + 1)
    return [Curve(rows[part, 0], rows[part, 1], each_s=1.0) for part in parts if len(part) > 1]
