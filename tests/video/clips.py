"""Small clips whose pictures say which frame they are."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

HEIGHT, WIDTH, BLOCK = 64, 96, 16


def picture(index: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """The index in six bits, one white or black block each, over a red left and a blue right half."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = (200, 30, 40)
    image[:, width // 2 :] = (30, 40, 200)
    for bit in range(6):
        image[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 * (index >> bit & 1)
    return image


def index_of(image: np.ndarray) -> int:
    """The index that `picture` wrote into an image."""
    centre = BLOCK // 2
    return sum(int(image[centre, bit * BLOCK + centre].mean() > 127) << bit for bit in range(6))


def has_true_colours(image: np.ndarray) -> bool:
    """Whether the halves are red and blue as `picture` paints them, allowing for lossy codecs."""
    height, width = image.shape[:2]
    red = image[height // 2, width // 4].astype(int)
    blue = image[height // 2, width * 3 // 4].astype(int)
    return bool(np.abs(red - (200, 30, 40)).max() < 30 and np.abs(blue - (30, 40, 200)).max() < 30)


def write_video(
    path: Path,
    pictures: Iterable[np.ndarray] = (),
    codec: str = "libx264",
    count: int = 12,
    times_ms: Sequence[int] | None = None,
    rotation: int | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A clip of `pictures`, or of `picture(0)` to `picture(count - 1)`, at 25 frames per second."""
    images = list(pictures) or [picture(i) for i in range(count)]
    if codec == "libx265":
        options = {"x265-params": "log-level=none", "preset": "ultrafast"} | (options or {})
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if rotation is not None:
            stream.set_display_rotation(rotation)
        time_base = Fraction(1, 25)
        if times_ms is not None:
            time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for i, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = (i if times_ms is None else times_ms[i]), time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_pictures(folder: Path, count: int = 12, suffix: str = ".png") -> Path:
    """A folder of `picture(0)` to `picture(count - 1)`, named 0.png to 11.png."""
    folder.mkdir(parents=True)
    for i in range(count):
        write_picture(folder / f"{i}{suffix}", picture(i))
    return folder


def write_picture(path: Path, rgb: np.ndarray) -> None:
    assert cv2.imwrite(str(path), rgb if rgb.ndim == 2 else rgb[:, :, [2, 1, 0, 3][: rgb.shape[2]]])


def damage(path: Path, start: float, stop: float) -> None:
    """Overwrite the part between two fractions of a file, or of an MP4 file's packets, with noise."""
    data = bytearray(path.read_bytes())
    first, last = (data.index(b"mdat") + 4, data.index(b"moov") - 4) if b"moov" in data else (0, len(data))
    first, last = (first + int((last - first) * fraction) for fraction in (start, stop))
    data[first:last] = np.random.default_rng(0).bytes(last - first)
    path.write_bytes(data)


def truncate(path: Path, part: float) -> None:
    """Keep the leading part of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
