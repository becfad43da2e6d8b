"""The user's files: reading them, and writing them so that a file is either complete or not there."""

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from seqgan_tf.core.validation import InputError


def read_bytes(path: str | os.PathLike, kind: str) -> bytes:
    """The content of a file.

    Args:
        path: the file.
        kind: what is expected there, for the message, such as "a text file".

    Raises:
        InputError: the file cannot be read, or is not a regular file (a device or a pipe may have no end).
    """
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            raise InputError(f"{path}: expected {kind}. Received: a device or a pipe")
        return Path(path).read_bytes()
    except InputError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name that holds NUL
        raise InputError(f"{path}: expected {kind} that can be read ({_reason(error)})") from error


def read_text(path: str | os.PathLike, kind: str) -> str:
    """The content of a UTF-8 text file, without its byte order mark.

    Args:
        path: the file.
        kind: what is expected there, for the message, such as "a text file".

    Raises:
        InputError: the file cannot be read, or is not UTF-8 text.
    """
    content = read_bytes(path, kind)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = f"byte {content[error.start]:#04x} at {error.start}"
        raise InputError(f"{path}: expected UTF-8 text. Received: {byte}") from error
    if "\0" in text:
        raise InputError(f"{path}: expected UTF-8 text. Received: a binary file (it holds NUL)")
    return text


def check_no_pattern(path: str | os.PathLike) -> None:
    """Checks that TensorFlow can find files below a path: it reads the names of checkpoints and models as patterns.

    Raises:
        InputError: the path holds [ or ] or a backslash.
    """
    found = sorted(set(str(path)) & set("[]\\"))
    if found:
        raise InputError(f"{path}: expected a path without [, ] and \\, which TensorFlow reads as a pattern")


def make_directory(path: str | os.PathLike) -> Path:
    """Creates a directory, and its parents where they are missing.

    Returns:
        The directory.

    Raises:
        InputError: the path is a file, or the directory cannot be created.
    """
    path = Path(path)
    with _place_to_write(path):
        _check_is_no_file(path)
        path.mkdir(parents=True, exist_ok=True)
    return path


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a UTF-8 text file, see `write_file`.

    Raises:
        InputError: the file cannot be written, or the text is not Unicode (a file name of other bytes, for instance).
    """
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{path}: expected text in Unicode. Received: {text[error.start]!r} at {error.start}"
        ) from error
    write_file(path, lambda temporary: temporary.write_bytes(content))


def check_writable(path: str | os.PathLike) -> None:
    """Checks that `write_file` can write a file, before the long work whose result it is to hold.

    Args:
        path: the file. What is there stays as it is.

    Raises:
        InputError: it is a directory, or nothing can be written beside it.
    """
    path = Path(path)
    temporary = _partial(path)
    with _place_to_write(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        temporary.touch()
        temporary.unlink()


def write_file(path: str | os.PathLike, write: Callable[[Path], object]) -> None:
    """Writes a temporary file in the same directory, then renames it: the old file stays until the new one is complete.

    Args:
        path: the file. Its directory must exist.
        write: function that writes to the path that it gets. The suffix of that path is the suffix of `path`.

    Raises:
        InputError: the file cannot be written.
    """
    path = Path(path)
    temporary = _partial(path)
    with _place_to_write(path):
        try:
            write(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_directory(path: str | os.PathLike, mark: str | None = None) -> Iterator[Path]:
    """A new, empty directory that replaces `path` when the block ends without an error.

    It is beside `path` until then; an error in the block leaves `path` as it was.

    Args:
        path: a directory, or where one is to be. Its parents are created where they are missing.
        mark: name of a file that the block writes. A directory that is not empty and lacks it is not replaced. Defaults
            to None: any directory is replaced.

    Yields:
        The new directory, to write to.

    Raises:
        InputError: it cannot be written, or `path` is a file or a directory with other files.
    """
    path = Path(path)
    if mark is not None:
        check_replaceable(path, mark)
    with _place_to_write(path):
        make_directory(path.parent)
        _check_is_no_file(path)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            new, old = Path(folder) / "new", Path(folder) / "old"
            new.mkdir()
            yield new
            if path.exists():
                path.rename(old)
            try:
                new.rename(path)
            except OSError:
                if old.exists():
                    old.rename(path)
                raise
            shutil.rmtree(old, ignore_errors=True)


def check_replaceable(path: str | os.PathLike, mark: str | None = None) -> None:
    """Checks that `whole_directory` may write a directory: it is missing, empty, or an earlier one with `mark` in it.

    Args:
        path: the directory.
        mark: name of a file of an earlier one. Defaults to None: no directory with files may be replaced.

    Raises:
        InputError: it holds files of another kind, is a file, or nothing can be written where it is to be.
    """
    path = Path(path)
    _check_is_no_file(path)
    with _place_to_write(path):
        parent = next(folder for folder in path.absolute().parents if folder.exists())
        if not os.access(parent, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(parent))
    if path.is_dir() and any(path.iterdir()) and not (mark and (path / mark).is_file()):
        wanted = f"a new directory, or one with a {mark}" if mark else "a new directory, or an empty one"
        raise InputError(f"{path}: expected {wanted}. Received: one with other files")


@contextlib.contextmanager
def _place_to_write(path: Path) -> Iterator[None]:
    """Names the path where it cannot be written; an error that names a file elsewhere has another cause."""
    try:
        yield
    except OSError as error:
        if error.filename is not None and not _on_one_path(path.parent, error.filename):
            raise
        raise InputError(f"{path}: expected a place to write to ({_reason(error)})") from error


def _on_one_path(directory: Path, other: str | bytes) -> bool:
    """Whether one of two paths is inside the other."""
    paths = [str(directory.absolute()), os.path.abspath(os.fsdecode(other))]
    return os.path.commonpath(paths) in paths


def _partial(path: Path) -> Path:
    """Where a file is written to before it is complete."""
    return path.parent / f".{path.stem}.partial{path.suffix}"


def _check_is_no_file(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: expected a directory. Received: a file")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
