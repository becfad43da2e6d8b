"""Encoded lines as one int32 array [n, T]: in memory, or where it is large, in a temporary file.

Nothing here keeps all lines, or all their tokens, as Python lists.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import numpy as np

from seqgan_tf.core.padding import PADDING
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.line_sequence import LineError, place
from seqgan_tf.data.memory import IN_MEMORY, release

LONGEST_DEFAULT = 100
"""Tokens of the longest sequences, where no length is set."""
CHUNK_LINES, CHUNK_CHARACTERS = 8_192, 2**20
FLUSH = 2**25


class EncodedLines:
    """The first tokens of each line, one line after the other.

    Args:
        encode: function of lines and of `limit` that returns the token ids of each line, the end token included; of a
            longer line it may return the first ones alone, at least one more than `limit`.
        lines: the lines; they are read once.
        limit: number of tokens per line that are kept, the end token included.

    Attributes:
        lengths: int32 [n], number of tokens of each line, the end token included; of a longer line a number above
            `limit`.

    Raises:
        LineError: `encode` raises an `InputError` for a line.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.data.rows import EncodedLines

    tokenizer = sg.TextTokenizer.train(["a b", "b a a"], min_frequency=1)
    print(EncodedLines(tokenizer.ended_tokens, ["a b", "b a a"], limit=3).padded(3))  # two rows of 3 token ids
    ```
    """

    def __init__(self, encode: Callable[[list[str], int], list[list[int]]], lines: Iterable[str], limit: int) -> None:
        self.limit = limit
        lengths: list[np.ndarray] = []
        read = 0
        self._parts: list[np.ndarray] = []
        self._file: BinaryIO | None = None
        size = 0
        for chunk in _chunks(lines):
            rows = _encoded(encode, chunk, limit, lines, read)
            read += len(chunk)
            lengths.append(np.fromiter(map(len, rows), np.int32, len(rows)))
            kept = (itertools.islice(row, limit) for row in rows)
            part = np.fromiter(itertools.chain.from_iterable(kept), np.int32)
            size += part.nbytes
            self._add(part, size)
        self.lengths = np.concatenate(lengths) if lengths else np.zeros(0, np.int32)

    def _add(self, part: np.ndarray, size: int) -> None:
        if self._file is None and size > IN_MEMORY:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 `padded` reads it
            for earlier in self._parts:
                self._file.write(earlier.data)
            self._parts = []
        if self._file is None:
            self._parts.append(part)
        else:
            self._file.write(part.data)

    def padded(self, sequence_length: int) -> np.ndarray:
        """The lines cut or padded to one length: int32 [n, T], a `numpy.memmap` where it is large.

        Args:
            sequence_length: T, at most `limit`.
        """
        shape = (len(self.lengths), sequence_length)
        is_large = 4 * shape[0] * shape[1] > IN_MEMORY
        padded: np.ndarray
        if is_large:
            with tempfile.TemporaryFile() as file:  # it is deleted at once, and its content when the array is
                padded = np.memmap(file, np.int32, "w+", shape=shape)
        else:
            padded = np.empty(shape, np.int32)
        if self._file is not None:
            self._file.flush()
            self._file.seek(0)
        tokens = np.concatenate([np.zeros(0, np.int32), *self._parts])
        position = 0
        rows = max(1, FLUSH // (4 * self.limit))
        for start in range(0, len(self.lengths), rows):
            kept = np.minimum(self.lengths[start : start + rows], self.limit)
            count = int(kept.sum())
            if self._file is not None:
                flat = np.frombuffer(self._file.read(4 * count), np.int32)
            else:
                flat = tokens[position : position + count]
                position += count
            padded[start : start + rows] = _pad(flat, kept, sequence_length)
            release(padded)
        return padded


def fitting_length(lengths: np.ndarray) -> int:
    """The length that 99 of 100 sequences do not exceed: at least 2, and at most `LONGEST_DEFAULT`.

    Args:
        lengths: int array [n], see `EncodedLines`.
    """
    return max(2, min(int(np.quantile(lengths, 0.99, method="higher")), LONGEST_DEFAULT))


def _encoded(
    encode: Callable[[list[str], int], list[list[int]]], chunk: list[str], limit: int, lines: Iterable[str], first: int
) -> list[list[int]]:
    """The tokens of a chunk, which begins at line `first` of the lines; an error names its line."""
    try:
        return encode(chunk, limit)
    except InputError:
        for i, line in enumerate(chunk):
            try:
                encode([line], limit)
            except InputError as error:
                raise LineError(f"{place(lines, first + i)}: {error}") from error
        raise


def _pad(flat: np.ndarray, lengths: np.ndarray, sequence_length: int) -> np.ndarray:
    """Rows of different lengths, one after the other, as an array [n, T]."""
    padded = np.full([len(lengths), sequence_length], PADDING, np.int32)
    position = np.arange(sequence_length)
    is_token = position < lengths[:, None]
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    padded[is_token] = flat[(starts[:, None] + position)[is_token]]
    return padded


def _chunks(lines: Iterable[str]) -> Iterator[list[str]]:
    """Lists of lines that the library encodes at a time: it needs about 300 bytes per token."""
    chunk: list[str] = []
    size = 0
    for line in lines:
        chunk.append(line)
        size += len(line)
        if len(chunk) == CHUNK_LINES or size > CHUNK_CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
