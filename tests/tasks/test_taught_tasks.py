"""T4, T7 and T9: what a teacher has said is what they learn, and what they score against."""

import pytest
import torch
from torch import Tensor

from ssmtl.config import parse
from ssmtl.errors import ConfigError
from ssmtl.regions.classes import CLASSES
from ssmtl.tasks.distillation import Distillation
from ssmtl.tasks.pose import Pose
from ssmtl.tasks.segmentation import Segmentation
from ssmtl.tasks.task import FRAMES, REACH, Odds, Pictures

from .sequences import generator, known, noise


def logit(probability: float) -> float:
    return float(torch.tensor(probability, dtype=torch.float64).logit())


class TestDistillation:
    def test_the_target_is_the_classifier_then_the_classes(self) -> None:
        x, given = noise(3), known(3, "classifier", "classes")
        made, target = Distillation().sample(x, generator(), given)
        assert torch.equal(made, x[:, :, REACH : REACH + 1])
        assert target.shape == (3, 1000 + len(CLASSES)) == (3, 1081)
        assert torch.equal(target[:, :1000], given["classifier"]) and torch.equal(target[:, 1000:], given["classes"])

    @pytest.mark.parametrize("weight", [0.2, 1.0, 3.0])
    def test_the_loss(self, weight: float) -> None:
        """Each part is a mean of its own: 2 from the classifier's values, 0.25 from the probabilities."""
        target = torch.cat([torch.full((2, 1000), -1.5), torch.full((2, 81), 0.5)], dim=1)
        output = torch.cat([torch.full((2, 1000), 0.5), torch.full((2, 81), logit(0.75))], dim=1)
        assert Distillation(weight=weight).loss(output, target).item() == pytest.approx(weight * 2.25)
        right = torch.cat([target[:, :1000], torch.zeros(2, 81)], dim=1)
        assert Distillation(weight=weight).loss(right, target).item() == 0

    def test_the_default_weight_is_the_documented_one(self) -> None:
        assert Distillation().weight == 0.2

    def test_the_score_is_the_mean_difference_of_the_class_probabilities(self) -> None:
        classes = torch.zeros(3, 81)
        classes[:, 0] = 0.9
        output = torch.full((3, 1081), -100.0)
        output[0, 1000] = logit(0.9)
        output[1, 1000] = logit(0.5)
        output[2, 1080] = 100.0
        scores = Distillation().score(output, noise(3), {"classes": classes})
        assert scores.tolist() == pytest.approx([0, 0.4 / 81, 1.9 / 81], abs=1e-7)

    def test_the_classifier_has_no_part_in_the_score(self) -> None:
        output, given = torch.randn(4, 1081, generator=generator()), known(4, "classes")
        other = output.clone()
        other[:, :1000] += 5
        assert torch.equal(Distillation().score(output, noise(4), given), Distillation().score(other, noise(4), given))
        assert "classifier" not in Distillation().scores_on

    @pytest.mark.parametrize("weight", [0.2, 3.0])
    def test_what_does_not_score_is_not_imitated(self, weight: float) -> None:
        output = torch.full((2, 1081), logit(0.75))
        answer = torch.full((2, 1081), logit(0.5))
        task = Distillation(weight=weight)
        assert task.imitation(output, answer).item() == pytest.approx(weight * 0.25)
        answer[:, :1000] += 5
        assert task.imitation(output, answer).item() == pytest.approx(weight * 0.25)

    def test_what_it_reveals(self) -> None:
        output, given = torch.zeros(2, 1081), known(2, "classes")
        output[0, 1000 + CLASSES.index("car")] = logit(0.9)
        shown = Distillation().reveal(output, noise(2), given)
        assert isinstance(shown, Odds) and tuple(shown.names) == CLASSES and shown.truth_BN is given["classes"]
        assert CLASSES[2] == "car" and shown.answer_BN[0].argmax() == 2
        assert shown.answer_BN[0, 2].item() == pytest.approx(0.9) and shown.answer_BN[1].tolist() == [0.5] * 81

    @pytest.mark.parametrize("weight", [0, -1, 11])
    def test_a_weight_out_of_range(self, weight: float) -> None:
        with pytest.raises(ConfigError, match="weight"):
            parse(Distillation, {"weight": weight})


@pytest.mark.parametrize(
    ("task", "name", "maps"), [(Segmentation(), "segmentation", 1), (Pose(), "pose", 17)], ids=["T7", "T9"]
)
class TestMaps:
    def test_the_target_is_the_teachers_answer(self, task: Segmentation | Pose, name: str, maps: int) -> None:
        x, given = noise(3, picture_channels=3, frames=9), known(3, name)
        made, target = task.sample(x, generator(), given)
        assert torch.equal(made, x[:, :, 4:5]) and torch.equal(target, given[name])
        assert target.shape == (3, maps, 64, 64)

    def test_the_score_is_the_mean_squared_error(self, task: Segmentation | Pose, name: str, maps: int) -> None:
        """0 for the teacher's own answer."""
        answers = known(4, name)[name]
        output = answers.clone()
        output[1] += 0.5
        output[2, 0, 0, 0] += 3
        output[3] -= 2
        x = torch.zeros(4, 1, FRAMES, 64, 64)
        scores = task.score(output, x, {name: answers})
        assert scores.tolist() == pytest.approx([0, 0.25, 9 / (maps * 64 * 64), 4], rel=1e-5)
        assert task.loss(output, answers).item() == pytest.approx(scores.mean().item(), rel=1e-5)

    def test_what_it_reveals(self, task: Segmentation | Pose, name: str, maps: int) -> None:
        """One picture each: of all joints, the highest."""
        truth, output = torch.zeros(2, maps, 64, 64), torch.full((2, maps, 64, 64), -0.5)
        truth[0, maps - 1, 10, 20] = 1.0
        output[1, 0, 30, 40] = 1.5
        shown = task.reveal(output, noise(2), {name: truth})
        assert isinstance(shown, Pictures)

        def lit(picture: Tensor) -> list[list[float]]:
            return [[*place.tolist(), picture[tuple(place)].item()] for place in picture.nonzero()]

        assert lit(shown.truth_BCHW) == [[0, 0, 10, 20, 1.0]] and lit(shown.answer_BCHW) == [[1, 0, 30, 40, 1.0]]
