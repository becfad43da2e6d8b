"""MIDI files: the contents of a folder, of a zip file, or of files that are named. Nothing is ever unpacked to disk."""

import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from seqgan_tf.core.files import read_bytes
from seqgan_tf.core.validation import InputError

SUFFIXES = (".mid", ".midi")
MAX_BYTES = 2**24
"""A MIDI file of more bytes is not read."""
MAX_ZIP_BYTES = 2**32
"""The largest sum of the sizes of the MIDI files in a zip file."""
TOO_LARGE = f"more than {MAX_BYTES} bytes"

Content = bytes | str
"""The content of a file, or why it was not read."""
Location = str | os.PathLike | Sequence[str | os.PathLike]
"""A folder, a zip file, a MIDI file, or a list of MIDI files."""


def is_midi(path: str | os.PathLike) -> bool:
    """Whether a path is a MIDI file or a zip file by its name, or a folder with a MIDI file somewhere in it."""
    if os.fspath(path).lower().endswith((*SUFFIXES, ".zip")):
        return True
    return any(True for _ in _names(path)) if os.path.isdir(path) else False


def read_midi_files(location: Location) -> Iterator[tuple[str, Content]]:
    """The MIDI files of a folder, with all folders in it, of a zip file, or of a list; in the order of their names.

    Hidden files and those that macOS adds to zip files are passed over.

    Args:
        location: the folder, a zip file, a MIDI file, or a list of MIDI files.

    Yields:
        (name, content). Names in a folder or a zip file are relative to it, with "/" between their parts.

    Raises:
        InputError: there is no MIDI file, or no such folder or file; a zip file is damaged or encrypted, holds names
            that lead out of it, or is far larger than music is.
    """
    if not isinstance(location, (str, os.PathLike)):
        if not len(location):
            raise InputError("expected at least one MIDI file. Received: an empty list")
        yield from ((os.fspath(path), _content(path)) for path in location)
    elif os.path.isdir(location):
        names = sorted(_names(location))
        if not names:
            raise InputError(f"{location}: expected a folder with .mid or .midi files. Received: a folder without")
        yield from ((name, _content(Path(location) / name)) for name in names)
    elif os.fspath(location).lower().endswith(".zip"):
        yield from _members(location)
    else:
        yield os.path.basename(location), read_midi_file(location, "a folder, a zip file or a MIDI file")


def read_midi_file(path: str | os.PathLike, kind: str = "a MIDI file") -> Content:
    """The content of one MIDI file.

    Args:
        path: the file.
        kind: what is expected there, for the message. Defaults to "a MIDI file".

    Raises:
        InputError: it cannot be read, or is a folder.
    """
    try:
        if os.path.getsize(path) > MAX_BYTES:
            return TOO_LARGE
    except (OSError, ValueError):
        pass  # reading says why
    return read_bytes(path, kind)


def _content(path: str | os.PathLike) -> Content:
    """One of many files: what cannot be read is passed over."""
    try:
        return read_midi_file(path)
    except InputError:
        return "cannot be read"


def _names(folder: str | os.PathLike) -> Iterator[str]:
    """The MIDI files in a folder and in the folders in it, relative to it."""
    for directory, _, files in os.walk(os.fspath(folder)):
        for file in files:
            name = (Path(directory) / file).relative_to(folder).as_posix()
            if _is_wanted(name):
                yield name


def _is_wanted(name: str) -> bool:
    parts = PurePosixPath(name).parts
    is_hidden = any(part == "__MACOSX" or (part.startswith(".") and part != "..") for part in parts)
    return name.lower().endswith(SUFFIXES) and not is_hidden


def _members(path: str | os.PathLike) -> Iterator[tuple[str, Content]]:
    """The MIDI files in a zip file."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted((m for m in archive.infolist() if _is_wanted(m.filename)), key=lambda m: m.filename)
            if not members:
                raise InputError(f"{path}: expected a zip file with .mid or .midi files. Received: one without")
            _check(path, members)
            for member in members:
                if member.file_size > MAX_BYTES:
                    yield member.filename, TOO_LARGE
                    continue
                with archive.open(member) as file:
                    yield member.filename, _read(file)
    except InputError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: expected a zip file that can be read ({reason})") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: expected a zip file. Received: a damaged or encrypted one ({error})") from error


def _check(path: str | os.PathLike, members: Sequence[zipfile.ZipInfo]) -> None:
    """Checks the names and the sizes that a zip file announces."""
    for member in members:
        name = PureWindowsPath(member.filename)  # it reads / and \ alike
        if name.drive or name.root or ".." in name.parts:
            received = f"{member.filename!r}, which leads out of it"
            raise InputError(f"{path}: expected names inside the zip file. Received: {received}")
    total = sum(member.file_size for member in members)
    if total > MAX_ZIP_BYTES:
        raise InputError(f"{path}: expected MIDI files of at most {MAX_ZIP_BYTES} bytes in all. Received: {total}")


def _read(file: IO[bytes]) -> Content:
    """The content of a member, which may be larger than announced."""
    content = file.read(MAX_BYTES + 1)
    return content if len(content) <= MAX_BYTES else TOO_LARGE
