"""The crops of `sequences.crop`, cut and resized on the device where the frames are (SSMTL, section 3).

A frame is uploaded once. For each call there is one more upload, of 518 numbers per box (two, where the boxes do not
fit into memory together); nothing comes back, so that the host never waits. A call costs as much as its boxes, so those
of several frames go together. On a CPU, `crop` is several times as fast.

Both of OpenCV's ways of resizing are, along one axis, means over an interval of the picture's pixels: shrinking takes
what an output pixel covers, and interpolating at p weighs its two neighbours as the interval from p to p + 1 covers
them. So the host says where 64 intervals start and stop, the device makes their weights, and a crop is rows' weights ×
window × columns' weights, whatever the boxes.
"""

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssmtl.sequences.crop import SIZE, padded_boxes

CHUNK = 2**24
"""How many numbers a tensor may have while several boxes are cut together: less than 300 MB are held at a time, or
7 bytes for each of a box's pixels over all channels and frames where that is more."""


SLOTS = 64
"""Pictures that may be on their way at once."""


class Uploads:
    """Sends pictures to one device without waiting for them to arrive.

    To a GPU they go from pinned memory, which takes so long to get that it is kept, and on a stream of their own,
    beside what is computed there.
    """

    def __init__(self, device: torch.device):
        self.device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._slots: deque[tuple[Tensor, torch.cuda.Event]] = deque()

    def send(self, picture_HWC: NDArray[np.uint8]) -> Tensor:
        """A picture's tensor on the device, ready for what is computed there next.

        Args:
            picture_HWC: uint8; may be changed afterwards, except on the CPU, where the tensor may share its memory.

        Returns:
            C×H×W uint8, with the channels last in memory as they were sent.
        """
        picture = torch.from_numpy(np.require(picture_HWC, np.uint8, ["C", "W"]))
        if self._stream is None:
            return picture.to(self.device).permute(2, 0, 1)
        held, copied = self._slot(picture.shape)
        held.copy_(picture)
        with torch.cuda.stream(self._stream):
            sent_HWC = held.to(self.device, non_blocking=True)
            copied.record()
        self._slots.append((held, copied))
        used_by = torch.cuda.current_stream(self.device)
        used_by.wait_event(copied)
        sent_HWC.record_stream(used_by)
        return sent_HWC.permute(2, 0, 1)

    def _slot(self, shape: torch.Size) -> tuple[Tensor, torch.cuda.Event]:
        """Pinned memory whose last picture has arrived."""
        if len(self._slots) == SLOTS:
            held, copied = self._slots.popleft()
            copied.synchronize()
            if held.shape == shape:
                return held, copied
        return torch.empty(shape, dtype=torch.uint8, pin_memory=True), torch.cuda.Event()


def crop_on_device(
    pictures_FCHW: Tensor | Sequence[Tensor],
    boxes: NDArray[np.float32],
    padding: float,
    first: NDArray[np.intp] | None = None,
    frames: int | None = None,
    chunk: int = CHUNK,
) -> Tensor:
    """Cut each box from several pictures and resize to 64×64, as `crop` does, to within one grey level.

    Args:
        pictures_FCHW: F pictures of one size on one device, uint8: a tensor, or F tensors C×H×W, of which only the
            part that holds all boxes is copied.
        boxes: N×4, `x_min, y_min, x_max, y_max` in pixels, half open; padded, then cut to the picture.
        padding: context on each side, as a share of the box's side.
        first: N numbers of the pictures where the boxes' sequences begin, 0 ≤ first ≤ F - T; without it, 0.
        frames: T, how many pictures each box is cut from; without it, all.
        chunk: how many numbers a tensor may have, unless a single box needs more.

    Returns:
        N×C×T×64×64 uint8 on the pictures' device, contiguous.
    """
    channels, height, width = pictures_FCHW[0].shape
    device, frames = pictures_FCHW[0].device, frames or len(pictures_FCHW)
    crops_NCTHW = torch.empty((len(boxes), channels, frames, SIZE, SIZE), dtype=torch.uint8, device=device)
    if not len(boxes):
        return crops_NCTHW
    low, high = padded_boxes(boxes, padding, height, width)
    sizes = high - low
    if not isinstance(pictures_FCHW, Tensor):
        corner = low.min(axis=0)
        columns, rows = (slice(*ends) for ends in zip(corner.tolist(), high.max(axis=0).tolist(), strict=True))
        pictures_FCHW = torch.stack([picture_CHW[:, rows, columns] for picture_CHW in pictures_FCHW])
        low = low - corner
    # Sequences begin at any picture: a view of T pictures from each on, with the pixels of all of them in one row.
    pixels_RCT = pictures_FCHW.permute(0, 2, 3, 1).contiguous().flatten(1, 2).unfold(0, frames, 1).flatten(0, 1)
    size = pictures_FCHW.shape[2:]
    first = np.zeros(len(boxes), np.intp) if first is None else first
    # All windows of a chunk are as large as the largest, so boxes of like size go together.
    order = np.argsort(-sizes.prod(axis=1), kind="stable")
    chunks = list(_chunks(sizes[order], channels * frames, chunk))
    if len(chunks) == 1:
        order = np.arange(len(boxes))
    plan_N2P = _send(_plan(low[order], sizes[order], first[order]), device)
    # Sums of grey levels need more than the 8 bits of autocast's bfloat16; the 11 of TF32 keep them within one level.
    with torch.autocast(device.type, enabled=False):
        for start, stop, largest in chunks:
            _cut(pixels_RCT, size, plan_N2P[start:stop], largest, crops_NCTHW[start:stop])
    return crops_NCTHW if len(chunks) == 1 else crops_NCTHW[_send(np.argsort(order), device)]


def _send(array: NDArray[np.generic], device: torch.device) -> Tensor:
    """To the device; by way of pinned memory to a GPU, since only from there the host need not wait."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def _chunks(sizes: NDArray[np.int_], pictures: int, chunk: int) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """Runs of boxes that may be cut together: the first, the last + 1, the largest width and height among them.

    `sizes` are N×2 widths and heights, `pictures` the channels of all frames.
    """
    # Half-done crops have 64 rows, and a box's weights 2 · 64 numbers per pixel of the longer side.
    per_pixel = max(pictures, 2)
    start, largest = 0, (0, 0)
    for n, (width, height) in enumerate(sizes.tolist()):
        larger = max(largest[0], width), max(largest[1], height)
        if n > start and (n + 1 - start) * per_pixel * max(larger[0], SIZE) * max(larger[1], SIZE) > chunk:
            yield start, n, largest
            start, larger = n, (width, height)
        largest = larger
    yield start, len(sizes), largest


def _plan(low: NDArray[np.int_], sizes: NDArray[np.int_], first: NDArray[np.intp]) -> NDArray[np.float32]:
    """Of which pixels each output pixel is the mean, along each axis.

    The sums are those of OpenCV's resize in its order, since floors turn on the last bit.

    Args:
        low: N×2, the boxes' first columns and rows.
        sizes: N×2, their widths and heights in pixels.
        first: N numbers of the pictures where their sequences begin.

    Returns:
        N×2×259 for x and y: 64 starts and 64 stops in pixels from the box's first, 0 ≤ start < stop ≤ size; 64 shares
        of one pixel in that mean; 64 numbers that round a grey level when fractions are then cut off (y alone); the
        box's first pixel and its last; the number of its first picture.
    """
    sides = sizes[..., None].astype(np.float64)
    inverse = SIZE / sides
    scale = 1 / inverse
    out = np.arange(SIZE)
    shrinks = sides.prod(axis=1, keepdims=True) > SIZE * SIZE
    averages = shrinks & (sides >= SIZE).all(axis=1, keepdims=True)
    # INTER_AREA where one side grows is an interpolation of its own, along both.
    left = np.floor(out * scale)
    share = (out + 1 - (left + 1) * inverse).astype(np.float32)
    area_at = left + np.where(share <= 0, 0, share - np.floor(share))
    at = np.where(shrinks, area_at, (out + 0.5) * scale - 0.5)
    # Where OpenCV interpolates between two rows it cuts off an eighth of a grey level on the way, on average; beyond
    # the first and the last row as well, where both are the same.
    rounding = np.where(averages | (at == np.floor(at)), 0.5, 0.375)
    at = at.clip(0, sides - 1)
    starts = np.where(averages, out * scale, at)
    stops = np.minimum(np.where(averages, (out + 1) * scale, at + 1), sides)
    ends = low[..., None], low[..., None] + sizes[..., None] - 1
    picture = np.broadcast_to(first[:, None, None], ends[0].shape)
    return np.concatenate([starts, stops, 1 / (stops - starts), rounding, *ends, picture], axis=-1, dtype=np.float32)


def _cut(
    pixels_RCT: Tensor, size: Sequence[int], plan_N2P: Tensor, largest: tuple[int, int], crops_NCTHW: Tensor
) -> None:
    """Write the crops of the boxes of a plan, none of which is larger than `largest` (width, height).

    `pixels_RCT` are those of all pictures, row by row, each of a height and width of `size`.
    """
    width, height = largest
    count, channels, frames = crops_NCTHW.shape[:3]
    parts = plan_N2P.split([SIZE] * 4 + [1, 1, 1], dim=-1)
    starts_N2O, stops_N2O, share_N2O, rounding_N2O, first_N21, last_N21, picture_N21 = parts
    # What an interval covers of pixel l: what lies before its stop less what lies before its start.
    pixels_L = torch.arange(max(largest), dtype=torch.float32, device=plan_N2P.device)
    weights_N2OL = (stops_N2O[..., None] - pixels_L).clamp_(0, 1)
    weights_N2OL -= (starts_N2O[..., None] - pixels_L).clamp_(0, 1)
    weights_N2OL *= share_N2O[..., None]

    # Windows larger than their box repeat its last pixels, with weight 0. One index for both axes, since a GPU would
    # first write out each of several for every pixel of every frame.
    places_N2L = torch.minimum(first_N21 + pixels_L, last_N21).long()
    rows_NH = places_N2L[:, 1, :height] + picture_N21[:, 0].long() * size[0]
    windows_NHWCT = pixels_RCT[rows_NH[:, :, None] * size[1] + places_N2L[:, 0, None, :width]]

    # In this order of dimensions both sums are plain batched products, with nothing copied in between.
    windows_NHCTW = windows_NHWCT.permute(0, 1, 3, 4, 2).to(torch.float32, memory_format=torch.contiguous_format)
    sums_NOX = torch.bmm(weights_N2OL[:, 1, :, :height], windows_NHCTW.view(count, height, -1))
    sums_NXO = torch.bmm(sums_NOX.view(count, -1, width), weights_N2OL[:, 0, :, :width].transpose(1, 2))
    sums_NHCTW = sums_NXO.view(count, SIZE, channels, frames, SIZE).add_(rounding_N2O[:, 1, :, None, None, None])
    # Writing to uint8 cuts fractions off.
    crops_NCTHW.copy_(sums_NHCTW.permute(0, 2, 3, 1, 4))
