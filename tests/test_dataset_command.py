"""`ssmtl dataset check`: the table, the sentence, the JSON and the exit code."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ssmtl.cli.dataset import INCOMPLETE, dataset
from ssmtl.datasets.avenue import Avenue
from ssmtl.datasets.catalogue import DATASETS
from ssmtl.datasets.checking import Official
from ssmtl.errors import DataError

from .datasets.miniatures import avenue, own, ucsd, write_tracks_file


def check(*arguments: object) -> Result:
    return CliRunner().invoke(dataset, ["check", *map(str, arguments)])


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of Avenue that has all that it should."""
    monkeypatch.setattr(Avenue, "official", Official(2, 12, 2, 12, 3, numbered=True))
    return avenue(tmp_path / "avenue")


def test_a_complete_copy(whole: Path) -> None:
    done = check("avenue", "--root", whole)
    assert done.exit_code == 0 and done.exception is None
    rows = {line.split("  ")[0].strip(): line.split()[-3:] for line in done.stdout.splitlines() if "  " in line}
    assert rows["training clips"] == rows["test clips"] == ["2", "2", "ok"]
    assert rows["test frames"] == ["12", "12", "ok"] and rows["abnormal frames"] == ["3", "3", "ok"]
    assert "CUHK Avenue: complete and usable. Possible: training, scoring the test clips" in done.stdout
    assert "looking at CUHK Avenue" in done.stderr


def test_a_clip_is_missing(whole: Path) -> None:
    (whole / "testing_videos/02.avi").unlink()
    done = check("avenue", "--root", whole)
    assert done.exit_code == INCOMPLETE == 3
    assert "missing: number 2" in done.stdout and "of no clip here: 2_label.mat" in done.stdout
    assert "not complete. Possible: training, scoring the test clips (on what is there)" in done.stdout
    assert done.stdout.rstrip().endswith(f"The rest is at {Avenue.page}")


@pytest.mark.parametrize("complete", [True, False])
def test_json(whole: Path, complete: bool) -> None:
    if not complete:
        (whole / "ground_truth_demo/testing_label_mask/1_label.mat").unlink()
    done = check("avenue", "--root", whole, "--json")
    assert done.exit_code == (0 if complete else 3)
    found = json.loads(done.stdout)
    assert (found["dataset"], found["title"], found["root"]) == ("avenue", "CUHK Avenue", str(whole))
    assert found["complete"] is complete and found["verdict"].startswith("CUHK Avenue: ")
    items = {item["what"]: item for item in found["items"]}
    assert items["test frames"] == {
        "what": "test frames",
        "found": 12,
        "official": 12,
        "problems": [],
        "note": "",
        "use": "scoring the test clips",
        "possible": True,
        "complete": True,
        "status": "ok",
    }
    masks = items["clips with masks"]
    assert masks["complete"] is complete and masks["problems"] == ([] if complete else ["none of 01"])
    assert items["abnormal frames"]["possible"] is complete


def test_tracks_that_lie_elsewhere(tmp_path: Path) -> None:
    root = own(tmp_path / "root")
    write_tracks_file(tmp_path / "mine/a.txt", (3,))
    done = check("own", "--root", root, "--tracks", tmp_path / "mine")
    assert done.exit_code == 0 and "1 tracks of 1 regions" in done.stdout
    assert "1 tracks of 3 regions" in check("own", "--root", root).stdout


def test_names_with_brackets_are_no_markup(tmp_path: Path) -> None:
    root = own(tmp_path / "[red]root")
    (root / "abnormal.csv").write_text("clip,first,last\n[red]c,1,2\n")
    done = check("own", "--root", root)
    assert done.exit_code == 3 and "'[red]c'" in done.stdout.replace("\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("mars", "--root", "."), "known ones: avenue"), (("avenue", "--root", "nowhere"), "no such folder")],
)
def test_what_cannot_be_opened(arguments: tuple[str, ...], message: str) -> None:
    done = check(*arguments)
    assert isinstance(done.exception, DataError) and message in str(done.exception)


def test_two_sets_where_one_is_meant(tmp_path: Path) -> None:
    for name in ("UCSDped1", "UCSDped2"):
        ucsd(tmp_path / name)
    done = check("ucsd", "--root", tmp_path)
    assert isinstance(done.exception, DataError) and "use --dataset ped1 or ped2" in str(done.exception)
    assert check("ped2", "--root", tmp_path).exit_code == 3


def test_usage() -> None:
    assert check("avenue").exit_code == 2
    told = CliRunner().invoke(dataset, ["check", "--help"], env={"COLUMNS": "200"}).stdout
    assert all(name in told for name in DATASETS) and "--json" in told
