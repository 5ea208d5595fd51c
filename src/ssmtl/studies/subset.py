"""A data set of few clips, which is otherwise the same."""

from functools import cached_property
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssmtl.datasets.catalogue import open_dataset
from ssmtl.datasets.dataset import Dataset, Item, Step, no_step
from ssmtl.formats.records import Tracks
from ssmtl.studies.choices import Scale
from ssmtl.video.sources import Clip, open_source

TRAIN_CLIPS, TEST_CLIPS = 3, 2


class Subset:
    """The first training clips, and the first test clips that have normal and abnormal frames between them."""

    def __init__(self, whole: Dataset):
        self.whole = whole
        self.name, self.title, self.page = whole.name, whole.title, whole.page

    def train_clips(self) -> list[Clip]:
        """The first ones of the whole set; same errors."""
        return self.whole.train_clips()[:TRAIN_CLIPS]

    def test_clips(self) -> list[Clip]:
        """The first ones of the whole set that have both labels, or else the first ones; same errors."""
        return self._chosen

    def frame_labels(self, clip: Clip, frames: int) -> NDArray[np.bool_]:
        """Those of the whole set; same errors."""
        return self.whole.frame_labels(clip, frames)

    def tracks(self, clip: Clip, frames: int) -> Tracks | None:
        """Those of the whole set; same errors."""
        return self.whole.tracks(clip, frames)

    def check(self, step: Step = no_step) -> list[Item]:
        """That of the whole set."""
        return self.whole.check(step)

    @cached_property
    def _chosen(self) -> list[Clip]:
        clips = self.whole.test_clips()
        labels: dict[str, set[bool]] = {}
        for some in combinations(clips, min(TEST_CLIPS, len(clips))):
            for clip in some:
                if clip.name not in labels:
                    labels[clip.name] = self._labels(clip)
            if len(set[bool]().union(*(labels[clip.name] for clip in some))) == 2:
                return list(some)
        return clips[:TEST_CLIPS]

    def _labels(self, clip: Clip) -> set[bool]:
        frames = sum(1 for _ in open_source(clip))
        return set(self.whole.frame_labels(clip, frames).tolist())


def open_data(name: str, root: Path, scale: Scale) -> Dataset:
    """The data set of a study at that scale.

    Raises:
        DataError: an unknown name, or no such folder.
    """
    whole = open_dataset(name, root)
    return Subset(whole) if scale == "small" else whole
