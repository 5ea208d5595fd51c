"""Small data sets in the official layouts, all with the same story.

Training clips and test clips of six frames, 64×96. In the first test clip a block of 8×12 pixels is abnormal in frames
2, 3 and 4, where it moves two pixels to the right each frame; in the second one nothing is.
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

from ..video.clips import HEIGHT, WIDTH, picture, write_picture, write_video

FRAMES = 6
ABNORMAL = (2, 3, 4)
LABELS = [False, False, True, True, True, False]


def box(frame: int) -> tuple[int, int, int, int]:
    """The block, xyxy half open."""
    return 20 + 2 * frame, 30, 32 + 2 * frame, 38


def masks(abnormal: bool, frames: int = FRAMES) -> np.ndarray:
    """T×H×W, 0 or 1."""
    found = np.zeros((frames, HEIGHT, WIDTH), np.uint8)
    for frame in ABNORMAL if abnormal else ():
        x_min, y_min, x_max, y_max = box(frame)
        found[frame, y_min:y_max, x_min:x_max] = 1
    return found


def write_tracks_file(path: Path, frames: tuple[int, ...] = ABNORMAL) -> None:
    """The block as a tracks file: number 7, inclusive pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [(7, frame, *box(frame)) for frame in frames]
    path.write_text("".join(f"{i},{frame},{a},{b},{c - 1},{d - 1}\n" for i, frame, a, b, c, d in rows))


def pictures(folder: Path, suffix: str, first: int = 0, digits: int = 3, frames: int = FRAMES) -> None:
    folder.mkdir(parents=True)
    for frame in range(frames):
        write_picture(folder / f"{frame + first:0{digits}}{suffix}", picture(frame))


def video(path: Path, frames: int = FRAMES) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, codec="mpeg4" if path.suffix.lower() == ".avi" else "libx264", count=frames)


def ucsd(root: Path) -> Path:
    for number in (1, 2):
        pictures(root / f"Train/Train{number:03}", ".tif", 1)
        pictures(root / f"Test/Test{number:03}", ".tif", 1)
        folder = root / f"Test/Test{number:03}_gt"
        folder.mkdir()
        for frame, mask in enumerate(masks(number == 1), 1):
            # Some of the official masks are called frame001.bmp.
            write_picture(folder / f"{'' if number == 1 else 'frame'}{frame:03}.bmp", 255 * mask)
    (root / "Test/Test001/._001.tif").write_bytes(b"junk")
    (root / "Test/Test001_gt/Thumbs.db").write_bytes(b"junk")
    return root


def ucsd_listed(root: Path) -> Path:
    """With the file of frame labels, and masks of the first clip only."""
    ucsd(root)
    for path in (root / "Test/Test002_gt").iterdir():
        path.unlink()
    (root / "Test/Test002_gt").rmdir()
    # Frames count from 1. The official file has no clip without abnormal frames; an empty list is one.
    lines = ["TestVideoFile = {};", "TestVideoFile{end+1}.gt_frame = [3:5];", "TestVideoFile{end+1}.gt_frame = [];"]
    (root / "Test/UCSDped1.m").write_text("\n".join(lines) + "\n")
    return root


def write_volume(path: Path, found: np.ndarray, cells: bool = True) -> None:
    """`volLabel` as a 1×T cell array of masks, or as H×W×T."""
    path.parent.mkdir(parents=True, exist_ok=True)
    volume = np.moveaxis(found, 0, 2)
    if cells:
        volume = np.empty((1, len(found)), object)
        volume[0] = list(found)
    savemat(path, {"volLabel": volume}, do_compression=True)


def avenue(root: Path) -> Path:
    for number in (1, 2):
        video(root / f"training_videos/{number:02}.avi")
        video(root / f"testing_videos/{number:02}.avi")
        write_volume(root / f"ground_truth_demo/testing_label_mask/{number}_label.mat", masks(number == 1))
    return root


def shanghaitech(root: Path) -> Path:
    for name in ("01_001", "01_002"):
        video(root / f"training/videos/{name}.avi")
    for kind in ("test_frame_mask", "test_pixel_mask"):
        (root / "testing" / kind).mkdir(parents=True)
    for name in ("01_0014", "01_0015"):
        pictures(root / f"testing/frames/{name}", ".jpg")
        found = masks(name == "01_0014")
        np.save(root / f"testing/test_frame_mask/{name}.npy", found.any(axis=(1, 2)).astype(np.int8))
        np.save(root / f"testing/test_pixel_mask/{name}.npy", found)
    return root


NORMAL, ABNORMAL_VIDEO = "normal_scene_2_scenario_2", "abnormal_scene_1_scenario_1"


def ubnormal(root: Path) -> Path:
    """Object 5 is the abnormal one; object 3 stands still and is normal; one training video is abnormal."""
    video(root / "Scene1/normal_scene_1_scenario_1.mp4")
    video(root / "Scene10/normal_scene_10_scenario_1.mp4")
    video(root / "Scene2/abnormal_scene_2_scenario_9.mp4")
    video(root / f"Scene1/{ABNORMAL_VIDEO}.mp4")
    video(root / f"Scene2/{NORMAL}.mp4")
    folder = root / f"Scene1/{ABNORMAL_VIDEO}_annotations"
    folder.mkdir()
    for frame, mask in enumerate(masks(True)):
        ids = 5 * mask
        ids[:4, :4] = 3
        write_picture(folder / f"{ABNORMAL_VIDEO}_{frame:04}_gt.png", ids)
    (folder / f"{ABNORMAL_VIDEO}_tracks.txt").write_text("5,2,4\n")
    lists = {
        "normal_training": ["normal_scene_1_scenario_1", "normal_scene_10_scenario_1"],
        "abnormal_training": ["abnormal_scene_2_scenario_9"],
        "normal_test": [NORMAL],
        "abnormal_test": [ABNORMAL_VIDEO],
    }
    (root / "scripts").mkdir()
    for part, names in lists.items():
        (root / f"scripts/{part}_video_names.txt").write_text("".join(f"{name}\n" for name in names))
    return root


def own(root: Path) -> Path:
    for part, name in (("normal", "n1"), ("normal", "n2"), ("test", "a"), ("test", "b")):
        video(root / part / f"{name}.mp4")
    rows = [f"a,{i},{i},cart,{','.join(map(str, box(i)))}" for i in ABNORMAL]
    (root / "abnormal.csv").write_text("\n".join(["clip,first,last,kind,x_min,y_min,x_max,y_max", *rows]) + "\n")
    return root


OFFICIAL: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "ped1": ("ped1", ucsd_listed),
    "ped2": ("ped2", ucsd),
    "ucsd": ("ucsd", ucsd),
    "avenue": ("avenue", avenue),
    "shanghaitech": ("shanghaitech", shanghaitech),
    "ubnormal": ("ubnormal", ubnormal),
    "own": ("own", own),
}
"""Name of the data set and what writes it; the keys name the cases."""


def ucsd_frames(root: Path) -> Path:
    """As other projects have it: numbers alone, from 0, in other places."""
    for number in (1, 2):
        pictures(root / f"training/frames/{number:02}", ".jpg")
        pictures(root / f"testing/frames/{number:02}", ".jpg")
        folder = root / f"Test/Test{number:03}_gt"
        folder.mkdir(parents=True)
        for frame, mask in enumerate(masks(number == 1), 1):
            write_picture(folder / f"{frame:05}.BMP", 255 * mask)
    return root


def ucsd_videos(root: Path) -> Path:
    for number in (1, 2):
        video(root / f"train/Train{number}.AVI")
        video(root / f"TEST/Test{number}.AVI")
        folder = root / f"TEST/Test{number:03}_GT"
        folder.mkdir()
        for frame, mask in enumerate(masks(number == 1), 1):
            write_picture(folder / f"{frame:03}.png", 255 * mask)
    return root


def avenue_frames(root: Path) -> Path:
    for number in (1, 2):
        pictures(root / f"training/frames/{number:02}", ".JPG", digits=4)
        pictures(root / f"testing/frames/{number:02}", ".jpg", digits=4)
        write_volume(root / f"Testing_Label_Mask/{number:03}_label.MAT", masks(number == 1), cells=False)
    return root


def avenue_videos(root: Path) -> Path:
    """Footage and ground truth as two archives unpack, side by side."""
    for number in (1, 2):
        video(root / f"Avenue Dataset/training/videos/{number}.mp4")
        video(root / f"Avenue Dataset/testing/videos/{number}.mp4")
        write_volume(root / f"ground_truth_demo/testing_label_mask/{number:02}_label.mat", masks(number == 1))
    return root


def shanghaitech_other(root: Path) -> Path:
    """Frames and videos the other way round, names without zeros, no frame mask of one clip."""
    shanghaitech(root)
    for name in ("01_001", "01_002"):
        (root / f"training/videos/{name}.avi").unlink()
        pictures(root / f"training/frames/{name}", ".jpg")
    (root / "testing/frames").rename(root / "unused")
    for name in ("01_0014", "01_0015"):
        video(root / f"testing/videos/{name}.avi")
        for kind in ("test_frame_mask", "test_pixel_mask"):
            path = root / f"testing/{kind}/{name}.npy"
            path.rename(path.with_name(name.replace("_00", "_") + ".NPY"))
    (root / "testing/test_frame_mask/01_14.NPY").unlink()
    return root


def ubnormal_other(root: Path) -> Path:
    """Pictures in place of videos, annotation numbered from 1 with fewer zeros, tracks beside, other lists."""
    ubnormal(root)
    for path in sorted(root.glob("Scene*/*.mp4")):
        path.unlink()
        pictures(path.with_suffix(""), ".jpg", digits=5)
    folder = root / f"Scene1/{ABNORMAL_VIDEO}_annotations"
    for frame in reversed(range(FRAMES)):
        old = folder / f"{ABNORMAL_VIDEO}_{frame:04}_gt.png"
        old.rename(folder / f"abnormal_scene_01_scenario_01_{frame + 1}_gt.PNG")
    (folder / f"{ABNORMAL_VIDEO}_tracks.txt").unlink()
    (root / "Scene1/Abnormal_scene_01_scenario_1_tracks.TXT").write_bytes(b"\xef\xbb\xbf5, 2, 3\r\n5, 4, 4\r\n\r\n")
    for path in (root / "scripts").iterdir():
        path.unlink()
    (root / "scripts").rename(root / "lists")
    (root / "lists/official").mkdir()
    (root / "lists/official/TRAIN.txt").write_text("Scene1/normal_scene_1_scenario_1.mp4\nnormal_scene_10_scenario_1")
    (root / "lists/latest notes.txt").write_text("no list of videos\n")
    (root / "test.TXT").write_bytes(f"\ufeff{NORMAL}.mp4\r\nScene1\\{ABNORMAL_VIDEO}.mp4\r\n\r\n".encode())
    return root


VARIANTS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "ucsd as frames": ("ped1", ucsd_frames),
    "ucsd as videos": ("ped2", ucsd_videos),
    "avenue as frames": ("avenue", avenue_frames),
    "avenue as two archives": ("avenue", avenue_videos),
    "shanghaitech the other way round": ("shanghaitech", shanghaitech_other),
    "ubnormal as frames": ("ubnormal", ubnormal_other),
}


def paint(path: Path, strokes: list[tuple[slice | int, slice | int]]) -> None:
    """A mask with these places set, on a picture of 24×36."""
    mask = np.zeros((24, 36), np.uint8)
    for stroke in strokes:
        mask[stroke] = 255
    assert cv2.imwrite(str(path), mask)
