"""What engines find out once for each model and machine, kept in the user's cache folder."""

import hashlib
import json
import os
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ssmtl import __version__
from ssmtl.hardware import processor

LIBRARIES = ("torch", "openvino", "nncf", "onnxruntime")


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/ssmtl`, or `~/.cache/ssmtl`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ssmtl"


@lru_cache(maxsize=1)
def _own_source() -> str:
    """Of this package's engines and networks: what another state of them found out does not hold for this one."""
    digest = hashlib.sha256()
    package = Path(__file__).parent
    for file in sorted([*package.glob("*.py"), *(package.parent / "nets").glob("*.py")]):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def versions() -> dict[str, str]:
    """Of this package and of what computes; libraries that are not installed are left out."""
    found = {"ssmtl": __version__}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def key(*what: object) -> str:
    """Short name of `what`, of this machine's processor and of the versions of all that computes."""
    text = json.dumps([*what, processor(), versions(), _own_source()], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def cached_folder(kind: str, *what: object) -> Path | None:
    """A place for what belongs to `what`, which may exist; None where the cache cannot be written."""
    folder = cache_folder() / kind
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder / key(*what) if os.access(folder, os.W_OK) else None
