"""What the readers of benchmarks share: clips in folders, tracks from files or else from the set's own annotation."""

from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssmtl.datasets.checking import Official, inspect
from ssmtl.datasets.dataset import Item, Step, no_step
from ssmtl.datasets.layout import clips_at, subfolders
from ssmtl.datasets.track_files import TrackFiles, find_track_files, read_clip_tracks
from ssmtl.formats.records import Tracks
from ssmtl.video.sources import Clip


class Benchmark(ABC):
    """A data set whose clips lie in one folder for training and one for testing.

    A reader says where (`train_places`, `test_places`: the official place first) and reads its own annotation; with
    that it implements `ssmtl.datasets.dataset.Dataset`.
    """

    name: str
    page: str
    full_name: str
    """Title in tables."""
    train_places: tuple[str, ...] = ()
    test_places: tuple[str, ...] = ()
    leave_out = ""
    """Ending of folders beside the clips that hold something else."""
    by_number = False
    """Whether clips are told apart by a number."""
    official = Official()

    def __init__(self, root: Path, tracks_folder: Path | None = None, first_frame: int | None = None) -> None:
        """Nothing is read before it is asked for, so that training needs no annotation.

        Args:
            root: the folder of the data set.
            tracks_folder, first_frame: tracks to use in place of any that lie in `root`, as of `open_dataset`.
        """
        self.root = Path(root)
        self.tracks_folder = None if tracks_folder is None else Path(tracks_folder)
        self.first_frame = first_frame

    @property
    def title(self) -> str:
        """As in tables."""
        return self.full_name

    @cached_property
    def folder(self) -> Path:
        """The folder that, or one in which, holds all of the set: `root`, unless a reader knows better."""
        return self.root

    def train_clips(self) -> list[Clip]:
        """The training clips, in natural order.

        Raises:
            DataError: none are there.
        """
        return clips_at(self.folder, self.train_places, self._clips_called("training"), self.page, self.leave_out)[1]

    def test_clips(self) -> list[Clip]:
        """The test clips, in natural order; same errors."""
        return list(self._test[1])

    @abstractmethod
    def frame_labels(self, clip: Clip, frames: int) -> NDArray[np.bool_]:
        """Which of the `frames` frames of a test clip, or of the part that it is, are abnormal.

        Raises:
            DataError: the annotation is missing, unreadable, or not of this length.
        """
        ...

    def tracks(self, clip: Clip, frames: int) -> Tracks | None:
        """Abnormal regions of the same frames: of the tracks files, or else of the set's own annotation.

        None where there is neither of any clip.

        Raises:
            DataError: there is some, but not of this clip, or it is unreadable or does not fit the clip.
        """
        if self.track_files is not None:
            return read_clip_tracks(self.track_files, clip, frames, self.frame_labels)
        return self.annotated_tracks(clip, frames)

    @abstractmethod
    def annotated_tracks(self, clip: Clip, frames: int) -> Tracks | None:
        """The same by the set's own annotation."""
        ...

    def check(self, step: Step = no_step) -> list[Item]:
        """What is there, against the official counts."""
        return inspect(self, self.official, self.annotation_items, step, track_files=lambda: self.track_files)

    @abstractmethod
    def annotation_items(self, clips: list[Clip]) -> list[Item]:
        """The findings about the set's own annotation of the test clips."""
        ...

    @cached_property
    def home(self) -> Path:
        """The folder that the test clips' place is in: `folder`, or one in it; same errors as `test_clips`."""
        return self._test[0]

    @cached_property
    def test_names(self) -> list[str]:
        """The names of the test clips; same errors."""
        return [clip.name for clip in self._test[1]]

    @cached_property
    def track_files(self) -> TrackFiles | None:
        """The tracks files, if there are any."""
        homes = [self.home, *subfolders(self.home), self.root]
        return find_track_files(homes, self.tracks_folder, self.test_names, self.by_number, self.first_frame)

    @cached_property
    def _test(self) -> tuple[Path, list[Clip]]:
        return clips_at(self.folder, self.test_places, self._clips_called("test"), self.page, self.leave_out)

    def _clips_called(self, part: str) -> str:
        return f"{part} clips of {self.title}"
