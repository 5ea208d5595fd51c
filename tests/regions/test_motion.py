"""Flow and background subtraction: what each of them must find, and what it must not."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssmtl.regions.background import Background, BackgroundSettings
from ssmtl.regions.flow import Flow, FlowSettings, raft_flow
from ssmtl.regions.regions import Regions
from ssmtl.regions.scene import Scene

from .pictures import NOTHING, covered, iou, moving_square, square_box, texture, to_frames, with_square


def only_box(found: Regions) -> tuple[float, ...]:
    assert len(found) == 1
    return tuple(found.boxes[0].tolist())


class TestBackground:
    def test_a_known_scene_is_searched_from_the_first_frame(self) -> None:
        detector = Background(BackgroundSettings(), Scene(texture()))
        for frame in moving_square(10):
            assert iou(only_box(detector.detect(frame, NOTHING)), square_box(frame.index)) > 0.7

    def test_without_a_scene_the_background_is_learnt(self) -> None:
        detector = Background(BackgroundSettings(warm_up=8))
        frames = moving_square(9, x=0, step=35)
        found = [detector.detect(frame, NOTHING) for frame in frames]
        assert len(found[0]) == 0, "nothing is known of the first picture"
        assert max(iou(box, square_box(8, x=0, step=35)) for box in found[8].boxes) > 0.7

    def test_the_first_background_is_the_mean_of_the_warm_up(self) -> None:
        """A tenth of 120 grey levels is below the threshold, two tenths are above it."""
        flat, lit = np.full((2, 90, 160), 50, np.uint8)
        lit[30:60, 40:60] = 170
        for place in range(10):
            detector = Background(BackgroundSettings(warm_up=10, rate=0, rate_inside=0, threshold=16))
            pictures = [lit if i == place else flat for i in range(10)] + [flat] * 3
            found = [detector.detect(frame, NOTHING) for frame in to_frames(pictures)]
            assert [len(regions) for regions in found[10:]] == [0, 0, 0], f"lit in frame {place}"

    def test_the_background_follows_a_slow_change(self) -> None:
        detector = Background(BackgroundSettings(rate_inside=0.05), Scene(texture()))
        found = [detector.detect(frame, NOTHING) for frame in to_frames([with_square(texture(), 20, 30)] * 80)]
        assert len(found[0]) == 1 and len(found[-1]) == 0

    def test_at_rate_zero_it_does_not_follow(self) -> None:
        detector = Background(BackgroundSettings(rate=0, rate_inside=0), Scene(texture()))
        found = [detector.detect(frame, NOTHING) for frame in to_frames([with_square(texture(), 20, 30)] * 80)]
        assert [len(regions) for regions in found] == [1] * 80

    @pytest.mark.parametrize("shift", [-20, 20])
    def test_a_shift_in_brightness_is_no_motion(self, shift: int) -> None:
        detector = Background(BackgroundSettings(), Scene(texture()))
        brighter = (texture().astype(int) + shift).astype(np.uint8)
        for frame in to_frames([texture(), brighter, brighter, texture()]):
            assert len(detector.detect(frame, NOTHING)) == 0

    def test_motion_is_found_through_a_shift_in_brightness(self) -> None:
        detector = Background(BackgroundSettings(), Scene((texture().astype(int) - 20).astype(np.uint8)))
        assert iou(only_box(detector.detect(moving_square(1)[0], NOTHING)), square_box(0)) > 0.7

    def test_another_scene_starts_anew(self) -> None:
        detector = Background(BackgroundSettings(), Scene(texture()))
        other = texture(seed=5, low=0, high=255)
        pictures = [texture(), other, other, with_square(other, 40, 40, 24, 250, 255)]
        found = [detector.detect(frame, NOTHING) for frame in to_frames(pictures)]
        assert [len(regions) for regions in found[:3]] == [0, 0, 0]
        assert any(iou(box, (40, 40, 64, 64)) > 0.5 for box in found[3].boxes)

    def test_a_scene_of_another_place_or_size_is_not_used(self) -> None:
        for scene in (Scene(texture(seed=5, low=0, high=255)), Scene(texture(60, 80))):
            detector = Background(BackgroundSettings(), scene)
            assert [len(detector.detect(frame, NOTHING)) for frame in to_frames([texture()] * 3)] == [0, 0, 0]

    def test_after_a_change_of_size_motion_is_found_in_the_new_one(self) -> None:
        detector = Background(BackgroundSettings(), Scene(texture()))
        small = texture(45, 80)
        pictures = [texture(), small, small, with_square(small, 30, 10, 16)]
        found = [detector.detect(frame, NOTHING) for frame in to_frames(pictures)]
        assert [len(regions) for regions in found[:3]] == [0, 0, 0]
        assert iou(only_box(found[3]), (30, 10, 46, 26)) > 0.7

    @pytest.mark.parametrize(("difference", "count"), [(30, 1), (10, 0)])
    def test_threshold(self, difference: int, count: int) -> None:
        detector = Background(BackgroundSettings(threshold=20), Scene(np.full((90, 160), 100, np.uint8)))
        picture = np.full((90, 160), 100, np.uint8)
        picture[30:60, 40:60] += difference
        assert len(detector.detect(to_frames([picture])[0], NOTHING)) == count

    @pytest.mark.parametrize(("height", "count"), [(4.0, 2), (30.0, 1)])
    def test_closing_joins_what_a_person_is_torn_into(self, height: float, count: int) -> None:
        detector = Background(BackgroundSettings(closing_height=height), Scene(np.full((90, 160), 100, np.uint8)))
        picture = np.full((90, 160), 100, np.uint8)
        picture[20:35, 40:55] = picture[40:60, 40:55] = 200
        assert len(detector.detect(to_frames([picture])[0], NOTHING)) == count


class TestFlow:
    def test_a_moving_square_is_covered(self) -> None:
        detector = Flow(FlowSettings())
        for frame in moving_square(8):
            found = detector.detect(frame, NOTHING)
            if frame.index:
                left, top, right, bottom = square_box(frame.index)
                box = only_box(found)
                assert box[0] <= left + 4 and box[1] <= top + 4 and box[2] >= right - 4 and box[3] >= bottom - 4

    @pytest.mark.parametrize(("magnitude", "counts"), [(1.0, [0, 1, 1, 1]), (6.0, [0, 0, 0, 0])])
    def test_min_magnitude(self, magnitude: float, counts: list[int]) -> None:
        detector = Flow(FlowSettings(min_magnitude=magnitude))
        assert [len(detector.detect(frame, NOTHING)) for frame in moving_square(4)] == counts

    @pytest.mark.parametrize(("max_known", "found"), [(1.0, True), (0.2, False), (0.0, False)])
    def test_the_blurred_edge_of_a_known_region(self, max_known: float, found: bool) -> None:
        """Flow spreads beyond what moves: what hangs together with a known box is no region of its own."""
        settings = FlowSettings(max_known=max_known, min_area=1, min_width=0, min_height=0, min_change=0)
        detector = Flow(settings)
        known = [Regions.make([square_box(i)], "known") for i in range(2)]
        assert [len(detector.detect(frame, known[frame.index])) > 0 for frame in moving_square(2)] == [False, found]

    def test_what_else_moves_is_found_beside_a_known_region(self) -> None:
        detector = Flow(FlowSettings())
        first, second = (
            to_frames([with_square(frame.image[..., 0], 220 - 3 * frame.index, 100)])[0] for frame in moving_square(2)
        )
        detector.detect(first, NOTHING)
        box = only_box(detector.detect(second, Regions.make([square_box(1)], "known")))
        assert covered((217, 100, 249, 132), box) > 0.8 and covered(square_box(1), box) == 0

    def test_what_barely_touches_a_known_region_is_found(self) -> None:
        """Four of the some 45 columns that the flow is smeared over."""
        first, second = moving_square(2, x=120)
        detector = Flow(FlowSettings(max_known=1.0))
        detector.detect(first, NOTHING)
        left, top, right, bottom = only_box(detector.detect(second, NOTHING))
        detector = Flow(FlowSettings(max_known=0.2))
        detector.detect(first, NOTHING)
        found = detector.detect(second, Regions.make([[0, 0, left + 4, 180]], "known"))
        assert only_box(found) == (left + 4, top, right, bottom)
        assert covered(square_box(1, x=120), (left, top, right, bottom)) == 1

    def test_a_reset_forgets_the_frame_before(self) -> None:
        detector = Flow(FlowSettings())
        first, second = moving_square(2, step=4)
        detector.detect(first, NOTHING)
        detector.reset()
        assert len(detector.detect(second, NOTHING)) == 0

    def test_any_picture_size(self) -> None:
        """OpenCV's flow dies, and Python with it, on pictures that are too low for its pyramid."""
        code = (
            "import numpy as np\n"
            "from ssmtl.regions.flow import Flow, FlowSettings\n"
            "from ssmtl.regions.regions import Regions\n"
            "from ssmtl.video.frame import Frame\n"
            "for height, width in [(8, 8), (16, 16), (16, 300), (300, 16), (24, 640), (31, 640), (32, 1920)]:\n"
            "    flow = Flow(FlowSettings())\n"
            "    for i in range(4):\n"
            "        image = np.random.default_rng(i).integers(0, 255, (height, width, 3), np.uint8)\n"
            "        flow.detect(Frame(i, 0.0, image), Regions.make([], ''))\n"
            "    print(height, width)\n"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, f"after {result.stdout.split()[-2:]}: {result.stderr[-200:]}"


class TestRaft:
    class Fixed(nn.Module):
        """Answers with a flow that tells where it is in the padded picture, and notes what it was shown."""

        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.ones(()))

        def forward(self, first: Tensor, second: Tensor) -> list[Tensor]:
            self.shown = first, second
            y, x = torch.meshgrid(*(torch.arange(side) for side in first.shape[2:]), indexing="ij")
            flow = torch.stack([x, y])[None] * self.gain
            return [flow * 0, flow]

    @pytest.mark.parametrize(
        ("size", "padded"), [((180, 320), (184, 320)), ((33, 500), (128, 504)), ((128, 128), (128, 128))]
    )
    def test_pictures_are_padded_and_flow_is_cut_back(self, size: tuple[int, int], padded: tuple[int, int]) -> None:
        network = self.Fixed()
        now, before = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
        flow = raft_flow(network)(now, before)
        y, x = np.mgrid[: size[0], : size[1]]
        assert np.array_equal(flow, np.stack([x, y], axis=2)) and flow.dtype == np.float32
        for shown, picture in zip(network.shown, (now, before), strict=True):
            assert tuple(shown.shape) == (1, 3, *padded)
            levels = (shown[0].permute(1, 2, 0).numpy() + 1) * 127.5
            np.testing.assert_allclose(levels[: size[0], : size[1]], picture, atol=1e-3)
            np.testing.assert_allclose(
                levels[size[0] :, : size[1]], picture[-1:].repeat(padded[0] - size[0], 0), atol=1e-3
            )

    def test_what_its_flow_says_is_found(self) -> None:
        """Motion in one place, whatever the pictures show; from the new picture back to the one before."""
        frames = to_frames([texture(seed=i) for i in range(2)])
        asked = []

        def flow(now: NDArray[np.uint8], before: NDArray[np.uint8]) -> NDArray[np.float32]:
            asked.append((now, before))
            result = np.zeros((*now.shape[:2], 2), np.float32)
            result[50:90, 100:120, 1] = -1.5
            return result

        detector = Flow(FlowSettings(method="raft", min_magnitude=1), flow=flow)
        found = [detector.detect(frame, NOTHING) for frame in frames]
        assert len(found[0]) == 0 and only_box(found[1]) == (100, 50, 120, 90)
        assert [(a is frames[1].image, b is frames[0].image) for a, b in asked] == [(True, True)]

    @pytest.mark.parametrize("model", ["raft_small", "raft_large"])
    def test_torchvisions_networks_take_what_they_are_given(self, model: str) -> None:
        models = pytest.importorskip("torchvision.models", reason="torchvision is not installed", exc_type=ImportError)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = models.get_model(model, weights=None).eval()
        now, before = np.random.default_rng(0).integers(0, 256, (2, 40, 150, 3), np.uint8)
        flow = raft_flow(network)(now, before)
        assert flow.shape == (40, 150, 2) and np.isfinite(flow).all() and np.ptp(flow) > 0
