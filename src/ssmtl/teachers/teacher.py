"""The contract of a teacher: a pre-trained network whose answers a proxy task learns (T4, T7, T9)."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ssmtl.sequences.crop import SIZE

JOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
"""The 17 key points of COCO, in its order."""

CLASSES = 1000
"""ImageNet's classes (SSMTL, section 3)."""

TARGETS: dict[str, tuple[int, ...]] = {
    "classifier": (CLASSES,),
    "segmentation": (1, SIZE, SIZE),
    "pose": (len(JOINTS), SIZE, SIZE),
}
"""What can be taught, and the shape of one sequence's answer: values before the softmax; the share of each pixel of
the crop that the object covers, in [0, 1]; a heat-map of the crop for each joint, in [0, 1]."""

_SIDES = {"left": "right", "right": "left"}
_OPPOSITE = [JOINTS.index("_".join(_SIDES.get(word, word) for word in joint.split("_"))) for joint in JOINTS]


class Teacher(Protocol):
    """Answers for the regions of one picture."""

    def answer(self, image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the network says of each region.

        Args:
            image: H×W×3 RGB, the middle frame of the sequences.
            boxes: N×4, `x_min, y_min, x_max, y_max` in pixels, half open, before any padding; N may be 0.

        Returns:
            N×shape, of the shape in `TARGETS`. Masks and heat-maps line up with the crops of `sequences.crop`.

        Raises:
            ModelError: the network fails, or answers in another form than its settings say.
        """
        ...


def mirror(name: str, answers: Tensor) -> Tensor:
    """The answers of the target `name` (B×shape) for the same crops, mirrored left to right.

    A mask or heat-map is mirrored with its crop, and a left joint becomes a right one. The classifier's values stay:
    its classes do not tell left from right.
    """
    assert name in TARGETS
    if name == "classifier":
        return answers
    mirrored = answers.flip(-1)
    return mirrored[:, _OPPOSITE] if name == "pose" else mirrored
