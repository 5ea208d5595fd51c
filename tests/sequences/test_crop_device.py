"""Crops by PyTorch, compared with OpenCV's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ssmtl.sequences.crop import SIZE, crop
from ssmtl.sequences.crop_device import Uploads, crop_on_device

HEIGHT, WIDTH = 180, 320
CPU = torch.device("cpu")

# Sides that are drawn, as (least, most) of widths and of heights.
SIDES = {
    "small": ((0.2, 64), (0.2, 64)),
    "medium": ((20, 160), (40, 160)),
    "tall": ((0.5, 63), (90, HEIGHT)),
    "wide": ((160, WIDTH), (0.5, 63)),
    "large": ((200, 2 * WIDTH), (100, 2 * HEIGHT)),
    "one column": ((0.9, 0.9), (1, HEIGHT)),
    "one row": ((1, WIDTH), (0.9, 0.9)),
}


class Watch(TorchDispatchMode):
    """Notes what is called, and how many numbers the largest tensor has that comes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.called: set[str] = set()
        self.largest = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        self.called.add(function._schema.name)
        given = {one.untyped_storage().data_ptr() for one in args if isinstance(one, Tensor)}
        if isinstance(result, Tensor) and result.untyped_storage().data_ptr() not in given:
            self.largest = max(self.largest, result.untyped_storage().nbytes() // result.element_size())
        return result


def upload(picture_HWC: NDArray[np.uint8], device: torch.device) -> Tensor:
    return Uploads(device).send(picture_HWC)


def pictures(count: int, channels: int, height: int = HEIGHT, width: int = WIDTH) -> list[NDArray[np.uint8]]:
    """Noise, in which any difference in place or weight shows."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (height, width, channels), np.uint8) for _ in range(count)]


def boxes(*rows: tuple[float, float, float, float]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)


def drawn(sides: str, count: int) -> NDArray[np.float32]:
    """Boxes whose centres lie in the picture or up to 20 pixels beyond its edges."""
    rng = np.random.default_rng(1)
    centres = rng.uniform(-20, [WIDTH + 20, HEIGHT + 20], (count, 2))
    sizes = rng.uniform(*np.transpose(SIDES[sides]), (count, 2))
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1).astype(np.float32)


def differences(
    seen: list[NDArray[np.uint8]], where: NDArray[np.float32], padding: float = 0.0, device: torch.device = CPU
) -> NDArray[np.int_]:
    cut = crop_on_device([upload(picture, device) for picture in seen], where, padding)
    assert cut.dtype == torch.uint8 and cut.device.type == device.type and cut.is_contiguous()
    expected = crop(seen, where, padding)
    assert cut.shape == expected.shape
    return cut.cpu().numpy().astype(int) - expected


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize(("channels", "padding"), [(1, 0.0), (3, 0.15)])
def test_as_opencv(sides: str, channels: int, padding: float) -> None:
    found = differences(pictures(2, channels), drawn(sides, 40), padding)
    assert np.abs(found).max() <= 1
    assert np.abs(found).mean() < 0.075
    assert abs(found.mean()) < 0.02


@pytest.mark.parametrize("other", [1, 40, 64, 100])
@pytest.mark.parametrize("axis", ["width", "height"])
def test_all_sizes(axis: str, other: int) -> None:
    """Every length of one side: where scales are whole numbers, floors turn on the last bit."""
    length = WIDTH if axis == "width" else HEIGHT
    rows = [(0, 0, n, other) if axis == "width" else (0, 0, other, n) for n in range(1, length + 1)]
    assert np.abs(differences(pictures(1, 1), boxes(*rows))).max() <= 1


def test_the_longest_that_is_interpolated() -> None:
    seen = pictures(1, 1, 1, 4200) + pictures(1, 1, 1, 4200)
    assert np.abs(differences(seen, boxes((0, 0, 4096, 1), (50, 0, 4147, 1), (0, 0, 4200, 1)))).max() <= 1


@pytest.mark.parametrize("channels", [1, 3])
def test_a_box_of_the_crops_size_is_copied(channels: int) -> None:
    where = boxes((10, 20, 74, 84), (WIDTH - 64, HEIGHT - 64, WIDTH, HEIGHT))
    assert not differences(pictures(7, channels), where).any()


@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_what_is_even_stays(level: int) -> None:
    seen = torch.full((1, 1, HEIGHT, WIDTH), level, dtype=torch.uint8)
    for sides in SIDES:
        assert set(crop_on_device(seen, drawn(sides, 20), 0.1).unique().tolist()) == {level}


@pytest.mark.parametrize("channels", [1, 3])
def test_no_boxes(channels: int) -> None:
    cut = crop_on_device([upload(picture, CPU) for picture in pictures(7, channels)], boxes(), 0.1)
    assert cut.shape == (0, channels, 7, SIZE, SIZE) and cut.dtype == torch.uint8


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "give",
    [
        torch.stack,
        lambda seen: torch.stack(seen).contiguous(),
        lambda seen: torch.stack(seen, dim=-1).permute(3, 0, 1, 2),
        lambda seen: torch.stack(seen)[:, :, :, ::2].repeat_interleave(2, dim=3)[:, :, 1:, 1:],
        lambda seen: [picture_CHW.contiguous() for picture_CHW in seen],
        lambda seen: tuple(torch.stack(seen)[[2, 0, 1]]),
    ],
    ids=["stacked", "channels first", "frames last", "part of a larger one", "listed", "of one ring"],
)
def test_however_the_pictures_lie(give: Callable[[list[Tensor]], Any], channels: int) -> None:
    given = give([upload(picture, CPU) for picture in pictures(3, channels)])
    where = drawn("medium", 10)
    expected = crop([picture_CHW.permute(1, 2, 0).contiguous().numpy() for picture_CHW in given], where, 0.1)
    assert np.abs(crop_on_device(given, where, 0.1).numpy().astype(int) - expected).max() <= 1


@pytest.mark.parametrize("chunk", [1, 2**17, 2**19])
def test_chunks_change_nothing(chunk: int) -> None:
    """Boxes come in the order in which they were given, however they were put together."""
    seen = [upload(picture, CPU) for picture in pictures(2, 3)]
    where = np.concatenate([drawn(sides, 4) for sides in SIDES])
    whole, parts = (crop_on_device(seen, where, 0.1, chunk=size).numpy().astype(int) for size in (2**24, chunk))
    # Sums of other lengths are added in another order.
    assert np.abs(whole - parts).max() <= 1 and (whole != parts).mean() < 1e-3


@pytest.mark.parametrize("frames", [1, 7])
def test_memory_is_bounded(frames: int) -> None:
    seen = torch.stack([upload(picture, CPU) for picture in pictures(frames, 1)])
    where = drawn("medium", 60)
    with Watch() as all_at_once:
        crop_on_device(seen, where, 0.1)
    # More than the result, 60 · 7 · 64 · 64.
    chunk = 2**21 if frames == 7 else 2**19
    with Watch() as in_chunks:
        crop_on_device(seen, where, 0.1, chunk=chunk)
    assert in_chunks.largest <= chunk < all_at_once.largest


def test_whole_frames_are_not_copied() -> None:
    seen = [upload(picture, CPU) for picture in pictures(7, 3)]
    with Watch() as watch:
        crop_on_device(seen, boxes((100, 100, 130, 120), (150, 100, 160, 110)), 0.0)
    assert watch.largest < HEIGHT * WIDTH * 3


def test_the_host_does_not_read_from_the_device() -> None:
    seen = torch.stack([upload(picture, CPU) for picture in pictures(7, 1)])
    with Watch() as watch:
        crop_on_device(seen, drawn("medium", 20), 0.1, chunk=2**20)
    assert "aten::bmm" in watch.called
    assert not watch.called & {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal"}


def test_autocast_does_not_reach_it() -> None:
    seen = [upload(picture, CPU) for picture in pictures(2, 1)]
    where = drawn("small", 20)
    with torch.autocast("cpu", torch.bfloat16):
        cut = crop_on_device(seen, where, 0.1)
    assert torch.equal(cut, crop_on_device(seen, where, 0.1))


@pytest.mark.parametrize("channels", [1, 3])
def test_upload(channels: int) -> None:
    picture = pictures(1, channels)[0]
    picture.flags.writeable = False
    for given in (picture, picture[::-1, :, ::-1], picture[10:20, ::2]):
        sent_CHW = upload(given, CPU)
        assert sent_CHW.dtype == torch.uint8
        assert np.array_equal(sent_CHW.numpy(), given.transpose(2, 0, 1))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("sides", SIDES)
def test_on_a_gpu(sides: str) -> None:
    device = torch.device("cuda")
    where = drawn(sides, 40)
    assert np.abs(differences(pictures(7, 3), where, 0.1, device)).max() <= 1
    seen = [upload(picture, device) for picture in pictures(7, 3)]
    torch.cuda.set_sync_debug_mode("error")
    try:
        crop_on_device(seen, where, 0.1, chunk=2**20)
    finally:
        torch.cuda.set_sync_debug_mode("default")
