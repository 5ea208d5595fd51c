"""Found regions with anomaly scores, ours and other programs'; the forms are those of `ssmtl.formats.box_files`."""

from pathlib import Path

from ssmtl.formats.box_files import REGIONS, read_boxes
from ssmtl.formats.records import ScoredRegions


def read_regions(path: Path, first_frame: int | None = None) -> dict[str, ScoredRegions]:
    """The regions of every clip in a file or a folder.

    * A folder: `<clip>/regions.csv` (the result of `ssmtl detect`), `<clip>.csv`, `<clip>.txt`, `<clip>.npy`,
      `<clip>/det/det.txt`, or COCO's JSON.
    * A file: an `.npz` of several clips, a CSV with a column `clip`, COCO's JSON; or any of the above, which is of the
      clip that it is named after.

    Columns of a CSV are frame, x_min, y_min, x_max, y_max, score and any others; text and arrays have these six in this
    order. In MOT's text and COCO's JSON the score is the confidence and the "score".

    Args:
        path: the file or folder.
        first_frame: number of a clip's first frame in COCO's JSON; None = as the file lets see.

    Raises:
        DataError: nothing is there, or a file is malformed; names the file and line.
    """
    found = read_boxes(Path(path), REGIONS, first_frame)
    return {clip: ScoredRegions(rows.frames, rows.boxes, rows.values) for clip, rows in found.items()}
