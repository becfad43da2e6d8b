"""Versions of an exported model: TARGET/1, TARGET/2, ..., each written whole or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path

from seqgan_tf.checks import check_at_least


@contextlib.contextmanager
def new_version(target, version=None):
    """A folder to write into, which becomes TARGET/<version> at the end of the block; nothing is left if that fails.

    Args:
        target: path; made if it is missing. The versions in it stay as they are.
        version: int. Defaults to None: one more than the latest version in the target, or 1.

    Yields:
        (path of the folder to write into, path that it will have).

    Raises:
        ValueError: the target is a file or can not be written, or the version is below 1 or there already.
    """
    target = Path(target)
    if target.exists() and not target.is_dir():
        raise ValueError(f"{target}: expected a directory. Received: a file")
    if version is None:
        version = 1 + max(_versions(target), default=0)
    check_at_least(1, version=version)
    destination = target / str(version)
    if destination.exists():
        raise ValueError(f"{target}: expected a `version` that is not there yet. Received: {version}")
    missing = [path for path in (target, *target.parents) if not path.exists()]
    try:
        target.mkdir(parents=True, exist_ok=True)
        # In the target itself, so that the renaming is one step; with a name that no server takes for a version.
        with tempfile.TemporaryDirectory(prefix=".export-", dir=target) as folder:
            whole = Path(folder) / "whole"
            whole.mkdir()
            yield whole, destination
            os.rename(whole, destination)
    except OSError as error:
        raise ValueError(f"{destination}: expected a place to write to ({error.strerror})") from error
    finally:
        if not destination.exists():
            with contextlib.suppress(OSError):
                for path in missing:
                    path.rmdir()


def _versions(target):
    return [int(path.name) for path in target.glob("*") if path.name.isascii() and path.name.isdigit()]
