"""The lines of a text file, read once: from a small file they are held in memory, from a large one read when needed."""

import contextlib
import hashlib
import os
import re
import select
import stat
import tempfile
import time
from array import array
from collections.abc import Iterator
from typing import BinaryIO

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.line_sequence import LineSequence

IN_MEMORY = 2**26
"""A text of more bytes is not held in memory."""
BLOCK = 2**23
PIPE_TIMEOUT = 10.0
"""Seconds until a named pipe must have a writer."""

_RAW_LINE = re.compile(rb"[^\r\n]+")
_BLANKS = b" \t\x0b\x0c\x1c\x1d\x1e\x1f"
_MARK = b"\xef\xbb\xbf"


class Lines(LineSequence):
    """Lines of a text, without blanks at their ends and without empty lines. Create them with `open_lines`.

    Args:
        path: name of the text in messages.
        content: the text, as bytes, or a file to read it from.
        starts: position of each line in the text.
        sizes: number of bytes of each line.
        digest: SHA-256 of the text.

    Example:
    ```python
    import pathlib
    from seqgan_tf.data.lines import open_lines

    pathlib.Path("colours.txt").write_text("red\\n\\ngreen\\n")
    lines = open_lines("colours.txt")
    print(len(lines), lines[1])  # 2 green
    ```
    """

    def __init__(
        self, path: str | os.PathLike, content: bytes | BinaryIO, starts: array, sizes: array, digest: str
    ) -> None:
        self.path = path
        self.digest = digest
        self._content, self._starts, self._sizes = content, starts, sizes

    def __len__(self) -> int:
        return len(self._starts)

    def line(self, index: int) -> str:
        """The line of an index.

        Raises:
            InputError: the file has changed since it was opened.
        """
        try:
            return self._read(self._starts[index], self._sizes[index]).decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path}: expected a file that stays as it is. Received: it has changed") from error

    def place(self, index: int) -> str:
        """The file, and the number of the line in it: empty lines count too."""
        number, start, last = 1, 0, b""
        while block := self._read(start, min(BLOCK, self._starts[index] - start)):
            number += block.count(b"\n") + block.count(b"\r") - (last + block).count(b"\r\n")
            start, last = start + len(block), block[-1:]
        return f"{self.path}: line {number}"

    def _read(self, start: int, size: int) -> bytes:
        if isinstance(self._content, bytes):
            return self._content[start : start + size]
        return os.pread(self._content.fileno(), size, start)


class _Texts(Lines):
    """Texts of a file that is no plain text: their place is their number."""

    def place(self, index: int) -> str:
        return f"{self.path}: text {index + 1}"


def open_lines(path: str | os.PathLike) -> Lines:
    """Reads a UTF-8 text file or a pipe, one sequence per line.

    Lines end with a line feed, a carriage return or both. Blanks at both ends of a line are removed, and empty lines
    are skipped. The file is read once, from its beginning to its end.

    Args:
        path: the file, or a pipe.

    Raises:
        InputError: the file cannot be read, is neither a regular file nor a pipe, is not UTF-8 text, or has no line
            that is not empty.
    """
    blocks, file = open_blocks(path)
    return _index(path, blocks, file)


def open_blocks(path: str | os.PathLike) -> tuple[Iterator[bytes], BinaryIO | None]:
    """The content of a file or a pipe, in blocks, and the file where it can be read again (not a pipe).

    Args:
        path: the file, or a pipe.

    Raises:
        InputError: the file cannot be read, or is neither a regular file nor a pipe.
    """
    with _readable(path):
        mode = os.stat(path).st_mode
        if stat.S_ISFIFO(mode):
            return _guarded(path, _pipe_blocks(path)), None
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            file = open(path, "rb")  # noqa: SIM115 lines of a large file are read later
            return _guarded(path, iter(lambda: file.read(BLOCK), b"")), file
    raise InputError(f"{path}: expected a text file or a pipe. Received: a device")


def _guarded(path: str | os.PathLike, blocks: Iterator[bytes]) -> Iterator[bytes]:
    with _readable(path):
        yield from blocks


@contextlib.contextmanager
def _readable(path: str | os.PathLike) -> Iterator[None]:
    """Turns an error of reading into one line."""
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name that holds NUL
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: expected a text file that can be read ({reason})") from error


def read_lines(path: str | os.PathLike) -> list[str]:
    """The lines of a text file as a list, see `open_lines`.

    Args:
        path: the file, or a pipe.

    Raises:
        InputError: as for `open_lines`.
    """
    return list(open_lines(path))


def _pipe_blocks(path: str | os.PathLike) -> Iterator[bytes]:
    """The content of a pipe. A pipe that has no writer for some seconds is an error."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        events = select.poll()
        events.register(descriptor, select.POLLIN)
        end = time.monotonic() + PIPE_TIMEOUT
        first = b""
        while not events.poll(50):  # there is nothing to read, and no writer has left
            first = file.read(BLOCK)
            if first is None or first:  # None: a writer has written nothing yet
                break
            if time.monotonic() > end:
                raise InputError(f"{path}: expected a text file. Received: a pipe that nothing writes to")
        os.set_blocking(descriptor, True)
        if first:
            yield first
        yield from iter(lambda: file.read(BLOCK), b"")


def _index(path: str | os.PathLike, blocks: Iterator[bytes], file: BinaryIO | None) -> Lines:
    """Finds the lines in the blocks of a text; `file` is where it can be read again, None for a pipe."""
    starts, sizes, digest = array("q"), array("q"), hashlib.sha256()
    store = _Store(file)
    rest: list[bytes] = []  # the beginning of a line whose end was not read yet
    position = 0
    for block in blocks:
        digest.update(block)
        store.write(block)
        if b"\0" in block:
            raise InputError(f"{path}: expected UTF-8 text. Received: a binary file (it holds NUL)")
        end = max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
        if end:
            whole = b"".join([*rest, block[:end]])
            _add_lines(path, whole, position, starts, sizes)
            position += len(whole)
            rest = []
        rest.append(block[end:])
    _add_lines(path, b"".join(rest), position, starts, sizes)
    if not starts:
        raise InputError(f"{path}: expected one sequence per line. Received: no line of text")
    return Lines(path, store.content(), starts, sizes, digest.hexdigest())


def _add_lines(path: str | os.PathLike, text: bytes, position: int, starts: array, sizes: array) -> None:
    """Adds the lines of a part of the text that begins at `position`."""
    try:
        is_ascii = text.isascii() or not text.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = f"byte {text[error.start]:#04x} at {position + error.start}"
        raise InputError(f"{path}: expected UTF-8 text. Received: {byte}") from error
    if not position and text.startswith(_MARK):
        text, position = text[len(_MARK) :], len(_MARK)
    for match in _RAW_LINE.finditer(text):
        line = match.group().strip(_BLANKS)
        if line and (is_ascii or line[0] < 0x80 or line.decode("utf-8").strip()):
            # A line that begins with ASCII that is no blank has text. Others may hold blanks of Unicode alone.
            starts.append(position + match.start())
            sizes.append(match.end() - match.start())


class _Store:
    """Keeps a text for later: in memory, or where it is large, in its file or in a temporary file."""

    def __init__(self, file: BinaryIO | None) -> None:
        self.file, self.is_file = file, file is not None
        self.blocks: list[bytes] | None = []
        self.size = 0

    def write(self, block: bytes) -> None:
        self.size += len(block)
        if self.blocks is not None:
            self.blocks.append(block)
            if self.size > IN_MEMORY:
                if not self.is_file:
                    self.file = tempfile.TemporaryFile()  # noqa: SIM115 it is closed with the lines
                    self.file.writelines(self.blocks)
                self.blocks = None
        elif not self.is_file:
            assert self.file is not None
            self.file.write(block)

    def content(self) -> bytes | BinaryIO:
        if self.blocks is not None:
            if self.file is not None:
                self.file.close()
            return b"".join(self.blocks)
        assert self.file is not None
        if not self.is_file:
            self.file.flush()
        return self.file


class LinesWriter:
    """Texts that arrive one after the other, as `Lines`: in memory, or where they are large, in a temporary file.

    Args:
        path: name of the texts in messages.

    Example:
    ```python
    from seqgan_tf.data.lines import LinesWriter

    writer = LinesWriter("poems.csv")
    writer.add("red cat")
    print(writer.lines("")[0])  # red cat
    ```
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = path
        self._store, self._starts, self._sizes = _Store(None), array("q"), array("q")

    def add(self, text: str) -> None:
        """Adds a text."""
        raw = text.encode("utf-8")
        self._starts.append(self._store.size)
        self._sizes.append(len(raw))
        self._store.write(raw)

    def lines(self, digest: str) -> Lines:
        """All texts.

        Args:
            digest: SHA-256 of the file that they are from.
        """
        return _Texts(self.path, self._store.content(), self._starts, self._sizes, digest)
