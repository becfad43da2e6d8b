"""The files of checkpoints in a folder: which there are, in which order they are tried, and which are removed."""

import contextlib
import re
from pathlib import Path

KEPT = 2
NAME = "ckpt"


def numbered(folder: Path) -> list[int]:
    """The numbers of the checkpoints, newest first. Incomplete ones count, if their index was begun."""
    found = re.compile(rf"{NAME}-(\d+)\.index")
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted((int(match[1]) for name in names if (match := found.fullmatch(name))), reverse=True)


def path_of(folder: Path, number: int) -> str:
    """What TensorFlow calls a checkpoint: the path of its files without their suffixes."""
    return str(folder / f"{NAME}-{number}")


def remove_old(folder: Path, newest: int) -> None:
    """Removes all checkpoints but the newest and those just before it, `KEPT` in all."""
    kept = [number for number in numbered(folder) if number <= newest][:KEPT]
    for path in folder.glob(f"{NAME}-*"):
        match = re.fullmatch(rf"{NAME}-(\d+)\..*", path.name)
        if match and int(match[1]) not in kept:
            with contextlib.suppress(OSError):  # one that cannot be removed does no harm
                path.unlink()
