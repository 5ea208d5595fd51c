"""T5: pictures from a folder, generated textures, and what it asks of the training."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssmtl.config import parse
from ssmtl.errors import ConfigError
from ssmtl.tasks import pseudo_anomalies
from ssmtl.tasks.pseudo_anomalies import PseudoAnomalies, draw_textures, read_pictures

from .sequences import generator, noise


def write(path: Path, picture: NDArray[np.uint8]) -> Path:
    """An H×W×3 RGB picture as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture[..., ::-1])
    return path


def plain(colour: tuple[int, int, int], height: int = 96, width: int = 96) -> NDArray[np.uint8]:
    return np.broadcast_to(np.array(colour, np.uint8), (height, width, 3)).copy()


def located() -> NDArray[np.uint8]:
    """A picture of 96×96 that needs no resizing; red is twice the column, green twice the row."""
    rows, columns = np.mgrid[:96, :96]
    return np.stack([2 * columns, 2 * rows, np.full((96, 96), 7)], axis=2).astype(np.uint8)


def draw(folder: Path | None, n: int = 4, channels: int = 3, seed: int = 0) -> Tensor:
    """The pictures that training would see, checked to be input and target at once."""
    x = noise(1, channels).expand(n, -1, -1, -1, -1)
    made, target = PseudoAnomalies(pictures=folder).sample(x, generator(seed), {})
    assert made.shape == (n, channels, 1, 64, 64) and torch.equal(made[:, :, 0], target)
    return target


class TestPictures:
    @pytest.mark.parametrize("suffix", [".png", ".bmp", ".TIF", ".jpg"])
    def test_colours_are_red_green_blue(self, tmp_path: Path, suffix: str) -> None:
        write(tmp_path / f"a{suffix}", plain((250, 120, 10)))
        found = draw(tmp_path).mean(dim=(0, 2, 3)) * 255
        assert found.tolist() == pytest.approx([250, 120, 10], abs=3 if suffix == ".jpg" else 0.01)

    def test_grey_where_the_footage_is_grey(self, tmp_path: Path) -> None:
        write(tmp_path / "a.png", plain((250, 120, 10)))
        found = draw(tmp_path, channels=1)
        assert found.shape == (4, 1, 64, 64)
        assert found.mean().item() * 255 == pytest.approx(0.299 * 250 + 0.587 * 120 + 0.114 * 10, abs=1)

    def test_crops_from_all_over_half_of_them_mirrored(self, tmp_path: Path) -> None:
        write(tmp_path / "a.png", located())
        crops = (draw(tmp_path, n=1500) * 255).round().long()
        red, green = crops[:, 0], crops[:, 1]
        mirrored = red[:, 0, 0] > red[:, 0, -1]
        left, top = red.amin(dim=(1, 2)) // 2, green[:, 0, 0] // 2
        ramp = 2 * (left[:, None] + torch.arange(64))
        ramp = torch.where(mirrored[:, None], ramp.flip(1), ramp)
        assert torch.equal(red, ramp[:, None].expand(-1, 64, -1)), "a window of the picture, or its mirror image"
        assert torch.equal(green, (2 * (top[:, None] + torch.arange(64)))[:, :, None].expand(-1, -1, 64))
        assert 0.45 < mirrored.float().mean() < 0.55
        assert set(left.tolist()) == set(top.tolist()) == set(range(33)), "up to both edges"
        places = torch.stack([left, top, mirrored.long()]).float()
        assert (torch.corrcoef(places) - torch.eye(3)).abs().max() < 0.1, "each drawn on its own"

    def test_all_pictures_are_drawn_from(self, tmp_path: Path) -> None:
        """Those in folders within it too; other files are passed over."""
        write(tmp_path / "a.png", plain((10, 0, 0)))
        write(tmp_path / "b" / "c" / "a.png", plain((20, 0, 0)))
        write(tmp_path / "z.jpeg", plain((30, 0, 0)))
        (tmp_path / "notes.txt").write_text("no picture")
        (tmp_path / "damaged.png").write_bytes(b"\x89PNG but no more")
        levels = (draw(tmp_path, n=90)[:, 0].mean(dim=(1, 2)) * 255).round().int()
        counts = {level: int((levels == level).sum()) for level in levels.unique().tolist()}
        assert len(counts) == 3 and min(counts.values()) > 15

    @pytest.mark.parametrize(
        ("height", "width", "expected"),
        [(96, 96, (96, 96)), (192, 300, (96, 150)), (300, 192, (150, 96)), (10, 20, (96, 192)), (64, 64, (96, 96))],
    )
    def test_kept_small(self, tmp_path: Path, height: int, width: int, expected: tuple[int, int]) -> None:
        write(tmp_path / "a.png", plain((1, 2, 3), height, width))
        assert [picture.shape for picture in read_pictures(tmp_path, 3)] == [(*expected, 3)]
        assert [picture.shape for picture in read_pictures(tmp_path, 1)] == [(*expected, 1)]

    def test_of_very_many_an_even_choice_is_kept(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pseudo_anomalies, "MOST_PICTURES", 3)
        for i in range(8):
            write(tmp_path / f"{i}.png", plain((10 * i, 0, 0)))
        assert [int(picture[0, 0, 0]) for picture in read_pictures(tmp_path, 3)] == [0, 30, 60]

    def test_the_generator_is_the_only_chance(self, tmp_path: Path) -> None:
        write(tmp_path / "a.png", located())
        first = draw(tmp_path, seed=3)
        torch.manual_seed(1)
        np.random.seed(1)
        assert torch.equal(draw(tmp_path, seed=3), first) and not torch.equal(draw(tmp_path, seed=4), first)

    @pytest.mark.parametrize("content", ["nothing", "no picture", "a damaged picture"])
    def test_a_folder_without_pictures(self, tmp_path: Path, content: str) -> None:
        if content == "no picture":
            (tmp_path / "notes.txt").write_text("no picture")
        elif content == "a damaged picture":
            (tmp_path / "damaged.jpg").write_bytes(b"not a picture")
        with pytest.raises(ConfigError, match=r"tasks\.pseudo_anomalies\.pictures: no picture in .*\.png"):
            draw(tmp_path)

    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"tasks\.pseudo_anomalies\.pictures: .*flowers is no folder"):
            draw(tmp_path / "flowers")


class TestTextures:
    @pytest.mark.parametrize("channels", [1, 3])
    def test_pictures_in_range_all_different(self, channels: int) -> None:
        made = draw_textures(60, channels, 64, 48, generator())
        assert made.shape == (60, channels, 64, 48) and made.dtype == torch.float32
        assert made.min() >= 0 and made.max() <= 1
        assert len(torch.unique(made.flatten(1), dim=0)) == 60
        assert made.std(dim=(2, 3)).amax(dim=1).median() > 0.03, "few are flat"

    def test_the_same_for_the_same_generator(self) -> None:
        first = draw_textures(5, 3, 64, 64, generator(1))
        torch.manual_seed(8)
        assert torch.equal(draw_textures(5, 3, 64, 64, generator(1)), first)
        assert not torch.equal(draw_textures(5, 3, 64, 64, generator(2)), first)
        assert torch.equal(draw(None, n=5, seed=1), first), "what the task draws where no folder is named"

    def test_computed_on_the_device_that_is_asked_for(self) -> None:
        # There, an operation with a tensor of the CPU would fail.
        assert draw_textures(5, 3, 64, 64, generator(1), "meta").device.type == "meta"

    def test_each_is_of_two_colours_and_their_mixtures(self) -> None:
        """All pixels lie on one line in the space of colours; the lines differ."""
        pixels = draw_textures(60, 3, 64, 64, generator()).flatten(2).double()
        spread = torch.linalg.svdvals(pixels - pixels.mean(dim=2, keepdim=True))
        assert (spread[:, 1] < 1e-4 * spread[:, 0].clamp(min=1)).all()
        means = pixels.mean(dim=2)
        assert means.std(dim=0).min() > 0.1


class TestWhatItAsksOfTraining:
    def test_it_does_not_score(self) -> None:
        task = PseudoAnomalies()
        assert not task.scores and task.view is None and task.scores_on == ()

    @pytest.mark.parametrize("strength", [0.0, 0.2, 3.0])
    def test_the_gradient_into_the_backbone_is_reversed(self, strength: float) -> None:
        assert PseudoAnomalies(strength=strength).backbone_gradient == -strength

    def test_the_documented_defaults(self) -> None:
        assert (PseudoAnomalies().backbone_gradient, PseudoAnomalies().begins) == (-0.2, 5)

    def test_the_loss_is_the_mean_absolute_error(self) -> None:
        target = noise(2)[:, :, 0]
        assert PseudoAnomalies().loss(target - 0.3, target).item() == pytest.approx(0.3, rel=1e-5)

    @pytest.mark.parametrize("values", [{"strength": -0.2}, {"first_epoch": 0}])
    def test_out_of_range(self, values: dict[str, float]) -> None:
        with pytest.raises(ConfigError, match=next(iter(values))):
            parse(PseudoAnomalies, values)
