"""The studies as data: what each row trains, and what the paper reports for it.

Published numbers are those of SSMTL++ (CVIU 2023) on CUHK Avenue: areas and recall in %, regions, frames per second.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PUBLISHED_ON = "avenue"
"""The data set of the published numbers."""

A, B, FLOW, BACKGROUND = "A", "B", "flow", "background"
"""Where a row looks. A and B are the object detectors that the user names; in the paper YOLOv3 and YOLOv5."""

STANDS_FOR = {A: "YOLOv3", B: "YOLOv5"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a configuration, and what the paper reports of it.

    Attributes:
        name: for `--rows` and its folder; unique in its study.
        title: what it is, for people.
        detectors: where it looks, in order: `A` or `B`, `FLOW`, `BACKGROUND`.
        tasks: numbers of its proxy tasks, 1 to 9.
        backbone: changes to the recipe's backbone.
        recipe: what it is derived from.
        published: the paper's numbers, by measure; an area or a recall in %.
    """

    name: str
    title: str
    detectors: tuple[str, ...]
    tasks: tuple[int, ...]
    backbone: Mapping[str, Any] = field(default_factory=dict)
    recipe: str = "ssmtlpp-v1"
    published: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """A measured quantity in a study's table, and the name of its published counterpart, if any."""

    measure: str
    published: str | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """A table or figure of the paper.

    Attributes:
        name: on the command line.
        title: its heading.
        rows: in the paper's order.
        columns: of the table that is written.
        notes: what one must know to compare.
        timed: its rows run one after the other, with the whole machine each, since their speed is measured.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()
    timed: bool = False


MICRO = Column("micro", "micro")
MACRO = Column("macro_anchored", "macro")

SHALLOW_NARROW = {"depth": "shallow", "width": "narrow"}
CNN = {"transformer": "none"}
CVT_2D, CVT_3D = {"transformer": "2d"}, {"transformer": "3d"}


def _table1() -> Study:
    reported = {
        (A,): (111_000, 88.2, 83.5),
        (A, FLOW): (113_000, 91.3, 89.6),
        (A, BACKGROUND): (118_000, 94.8, 88.4),
        (B,): (105_000, 87.7, 86.9),
        (B, FLOW): (110_000, 90.9, 89.0),
        (B, BACKGROUND): (120_000, 96.1, 88.2),
    }
    words = {**STANDS_FOR, FLOW: "optical flow", BACKGROUND: "background subtraction"}
    rows = [
        Row(
            "+".join(where),
            " + ".join(words[part] for part in where),
            where,
            (3,),
            SHALLOW_NARROW | CNN,
            published=dict(zip(("regions", "recall", "micro"), numbers, strict=True)),
        )
        for where, numbers in reported.items()
    ]
    return Study(
        "table1",
        "Table 1: where to look",
        tuple(rows),
        (Column("regions", "regions"), Column("recall_10"), Column("recall_50", "recall"), MICRO, MACRO),
        (
            "T3 alone on the shallow and narrow 3D CNN. YOLOv3 and YOLOv5 are the paper's detectors; which files stood "
            "for them here is told below.",
            "Recall: the share of the ground truth's regions in the test clips that a scored region overlaps, at an "
            "intersection over union of 0.1 and of 0.5. A clip's first and last three frames have no sequences and do "
            "not count. The paper does not state its overlap.",
        ),
    )


def _table2() -> Study:
    def row(name: str, title: str, tasks: tuple[int, ...], backbone: Mapping[str, Any], micro: float) -> Row:
        size = SHALLOW_NARROW if len(tasks) == 1 else {}
        return Row(name, title, (A, FLOW), tasks, {**size, **backbone}, published={"micro": micro})

    return Study(
        "table2",
        "Table 2: transformer blocks behind the 3D CNN",
        (
            row("T3", "T3, 3D CNN", (3,), CNN, 89.6),
            row("T3+2d", "T3, 3D CNN + 2D CvT", (3,), CVT_2D, 90.1),
            row("T3+3d", "T3, 3D CNN + 3D CvT", (3,), CVT_3D, 90.6),
            row("T1-3", "T1+T2+T3, 3D CNN", (1, 2, 3), CNN, 90.7),
            row("T1-3+3d", "T1+T2+T3, 3D CNN + 3D CvT", (1, 2, 3), CVT_3D, 92.5),
        ),
        (MICRO, MACRO),
        ("As in the paper, the 3D CNN is shallow and narrow for one task, deep and wide for three (at full scale).",),
    )


BLOCKS, HEADS = (1, 2, 3), (6, 12, 18)


def _table3() -> Study:
    reported = {1: (91.6, 90.1, 91.4), 2: (92.4, 92.0, 90.5), 3: (91.1, 92.5, 92.2)}
    rows = [
        Row(
            f"{blocks}x{heads}",
            f"{blocks} block{'s' * (blocks > 1)}, {heads} heads",
            (A, FLOW),
            (1, 2, 3),
            CVT_3D | {"cvt": {"blocks": blocks, "heads": heads}},
            published={"micro": micro},
        )
        for blocks in BLOCKS
        for heads, micro in zip(HEADS, reported[blocks], strict=True)
    ]
    return Study(
        "table3",
        "Table 3: blocks and heads of the 3D CvT",
        tuple(rows),
        (MICRO, MACRO),
        ("T1+T2+T3 on the 3D CNN with 3D CvT.",),
    )


def _table4() -> Study:
    reported = {
        (): 92.5,
        (4,): 92.0,
        (5,): 93.7,
        (6,): 91.6,
        (7,): 90.7,
        (8,): 90.2,
        (9,): 91.1,
        (4, 5): 89.8,
        (4, 6): 89.5,
        (5, 6): 90.1,
        (4, 5, 6): 89.6,
    }

    def row(added: tuple[int, ...], micro: float, apart: bool = False) -> Row:
        more = "".join(f"+T{number}" for number in added)
        return Row(
            f"T1-3{more}" + ("-apart" if apart else ""),
            f"T1+T2+T3{more}" + (", a backbone for each task" if apart else ""),
            (A, FLOW),
            (1, 2, 3, *added),
            CVT_3D | {"per_task": apart},
            published={"micro": micro},
        )

    rows = [row(added, micro) for added, micro in reported.items()]
    return Study(
        "table4",
        "Table 4: proxy tasks",
        (*rows, row((4, 5, 6), 90.5, apart=True)),
        (MICRO, MACRO),
        (
            "3D CNN with 3D CvT. T4 knowledge distillation, T5 pseudo-anomalies, T6 inpainting, T7 segmentation, T8 "
            "jigsaw, T9 pose.",
        ),
    )


def _figure1() -> Study:
    def system(micro: float, macro: float, speed: float) -> dict[str, float]:
        return {"micro": micro, "macro": macro, "speed": speed}

    return Study(
        "figure1",
        "Figure 1: accuracy against speed",
        (
            Row("ssmtl", "SSMTL", (A,), (1, 2, 3, 4), CNN, "ssmtl", system(91.5, 91.9, 50.0)),
            Row("ssmtlpp-v1", "SSMTL++v1", (A, FLOW), (1, 2, 3, 5), CVT_3D, "ssmtlpp-v1", system(93.7, 91.7, 20.2)),
            Row("ssmtlpp-v2", "SSMTL++v2", (A, FLOW), (1, 2, 3, 6), CVT_3D, "ssmtlpp-v2", system(91.6, 92.5, 18.8)),
            Row("T1-3", "T1+T2+T3, 3D CNN", (A, FLOW), (1, 2, 3), CNN, published={"micro": 90.7}),
        ),
        (MICRO, MACRO, Column("frames_per_second", "speed")),
        (
            "The paper's Figure 1 is taken to be this comparison of the systems' accuracy and speed.",
            "Published speeds are of an RTX 3090. Measured ones are of `detect`: decoding, detectors, writing tables "
            "included, one row at a time.",
        ),
        timed=True,
    )


STUDIES: dict[str, Study] = {study.name: study for study in (_table1(), _table2(), _table3(), _table4(), _figure1())}
"""All studies by name, in the paper's order."""
