"""Versions of an exported model: TARGET/1, TARGET/2, ..., each written whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from seqgan_tf.core.files import make_directory, whole_directory
from seqgan_tf.core.validation import InputError, check_at_least


@contextlib.contextmanager
def new_version(target: str | os.PathLike, version: int | None = None) -> Iterator[tuple[Path, Path]]:
    """A folder to write into, which becomes TARGET/<version> when the block ends without an error.

    After an error nothing of the version is left, nor of folders that were made for it.

    Args:
        target: folder of the versions; made if it is missing. The versions in it stay as they are.
        version: number of the new version. Defaults to None: one more than the latest version in the target, or 1.

    Yields:
        (folder to write into, path that it will have).

    Raises:
        InputError: the target is a file or cannot be written, or the version is below 1 or exists.
    """
    target = Path(target)
    if version is not None:
        check_at_least(1, version=version)
    missing = [path for path in (target, *target.parents) if not path.exists()]
    try:
        make_directory(target)
        destination = target / str(version or 1 + max(_versions(target), default=0))
        _check_is_new(destination)
        # The folder is hidden until it is whole, under a name that a server does not take for a version.
        with whole_directory(destination) as folder:
            yield folder, destination
            _check_is_new(destination)  # another export may have been faster
    finally:
        with contextlib.suppress(OSError):  # a folder with a version in it is not empty, and stays
            for path in missing:
                path.rmdir()


def _check_is_new(destination: Path) -> None:
    if destination.exists():
        raise InputError(
            f"{destination.parent}: expected a `version` that is not there yet. Received: {destination.name}"
        )


def _versions(target: Path) -> list[int]:
    return [int(path.name) for path in target.glob("*") if path.name.isascii() and path.name.isdigit()]
