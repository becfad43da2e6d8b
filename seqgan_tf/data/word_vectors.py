"""Word vectors from a text file in the layout of GloVe or word2vec: a word and its numbers per line."""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.lines import open_blocks
from seqgan_tf.data.tokenizer_file import END

LONGEST = 2**20
"""Bytes of the longest line."""
_MARK = b"\xef\xbb\xbf"


@dataclasses.dataclass(frozen=True)
class WordVectors:
    """The vectors of the tokens of a vocabulary.

    Attributes:
        matrix: float32 array [V, E], a vector per token.
        found: bool array [V], whether the file has the token. The vectors of the others are drawn.
        is_word: bool array [V], whether the token can be in a file; the end token cannot.

    Example:
    ```python
    import pathlib

    import numpy as np
    import seqgan_tf as sg

    pathlib.Path("vectors.txt").write_text("cat 0.1 0.2 0.3\\ndog 0.4 0.5 0.6\\n")
    tokenizer = sg.TextTokenizer.train(["a cat and a dog"], min_frequency=1)
    vectors = sg.WordVectors.read("vectors.txt", tokenizer.tokens)
    print(vectors.matrix.shape, vectors.coverage)
    generator = sg.Generator(tokenizer.vocabulary_size, embedding_dim=3, end_token_id=tokenizer.end_token_id)
    generator.start_from_embeddings(vectors.matrix)
    ```
    """

    matrix: np.ndarray
    found: np.ndarray
    is_word: np.ndarray

    @classmethod
    def read(cls, path: str | os.PathLike, tokens: Sequence[str], seed: int = 0) -> Self:
        """Reads a file, once and as a stream: only the vectors of the vocabulary are kept.

        A first line of two integers, as word2vec writes it, is no vector. A word may have blanks inside: the last E
        fields of a line are its numbers. Of a word that occurs twice the first vector is taken. The vectors of tokens
        that are not in the file are drawn from N(0, s), s the standard deviation of all numbers that were found.

        Args:
            path: the file, UTF-8.
            tokens: the vocabulary by id, such as `corpus.tokenizer.tokens`. Upper and lower case differ.
            seed: seed of what is drawn. Defaults to 0.

        Raises:
            InputError: the file cannot be read, is no UTF-8 text or no file of vectors, has lines of different widths,
                or has no token of the vocabulary.
        """
        ids = {token.encode("utf-8", "surrogatepass"): i for i, token in enumerate(tokens)}
        rows: dict[int, np.ndarray] = {}
        for number, word, numbers in _vectors(path):
            i = ids.get(word)
            if i is not None and i not in rows:
                rows[i] = _row(path, number, numbers)
        is_word = np.array([token != END for token in tokens])
        if not rows:
            some = ", ".join(repr(token) for token, is_one in zip(tokens, is_word, strict=True) if is_one)[:80]
            raise InputError(f"{path}: expected vectors of words of the vocabulary, {some} ... Received: none of them")
        known = np.stack(list(rows.values()))
        shape = (len(tokens), known.shape[1])
        matrix = np.random.default_rng(seed).normal(0.0, known.std(dtype=np.float64), shape).astype(np.float32)
        matrix[list(rows)] = known
        return cls(matrix, np.isin(np.arange(len(tokens)), list(rows)), is_word)

    @property
    def coverage(self) -> float:
        """Share of the words of the vocabulary that have a vector, in [0, 1]."""
        return float(self.found.sum() / self.is_word.sum())

    def coverage_of(self, token_ids: np.ndarray) -> float:
        """Share of the words of sequences that have a vector, in [0, 1].

        Args:
            token_ids: int array [n, T], padded with -1.
        """
        counts = np.zeros(len(self.found), np.int64)
        for start in range(0, len(token_ids), 100_000):  # no large temporary arrays
            part = np.asarray(token_ids[start : start + 100_000])
            counts += np.bincount(part[part >= 0], minlength=len(counts))
        return float(counts[self.found].sum() / max(counts[self.is_word].sum(), 1))


def _vectors(path: str | os.PathLike) -> Iterator[tuple[int, bytes, bytes]]:
    """(number of the line, word, its numbers as text) of each line; all have as many numbers."""
    dimension = 0
    for number, line in enumerate(_lines(path), start=1):
        if number == 1:
            line = line.removeprefix(_MARK)
            fields = line.split()
            if len(fields) == 2 and all(field.isdigit() for field in fields):  # word2vec: number of words, and E
                continue
        if not line:
            continue
        dimension = dimension or _dimension(path, number, line)
        count = line.count(b" ")
        if count == dimension:
            word, numbers = line.split(b" ", 1)
        else:
            word, *rest = line.rsplit(b" ", dimension)
            if count < dimension or _is_number(word.rsplit(b" ", 1)[-1]):
                received = count if count < dimension else len(_numbers(line))
                raise InputError(
                    f"{path}: line {number}: expected {dimension} numbers after the word, as in the first line. "
                    f"Received: {received}"
                )
            numbers = b" ".join(rest)
        if not word.isascii():
            _check_utf8(path, number, word)
        yield number, word, numbers


def _lines(path: str | os.PathLike) -> Iterator[bytes]:
    """The lines of a file, without blanks at their ends."""
    rest = b""
    for block in open_blocks(path)[0]:
        if b"\0" in block:
            raise InputError(f"{path}: expected UTF-8 text. Received: a binary file (it holds NUL)")
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            yield line.rstrip()
        if len(rest) > LONGEST:
            raise InputError(f"{path}: expected a word and its numbers per line. Received: a line of {len(rest)} bytes")
    yield rest.rstrip()


def _dimension(path: str | os.PathLike, number: int, line: bytes) -> int:
    """The number of numbers of a line."""
    found = len(_numbers(line))
    if not found:
        shown = line[:40].decode("utf-8", "replace")
        raise InputError(
            f"{path}: line {number}: expected a word and its numbers, separated by blanks. Received: {shown!r}"
        )
    return found


def _numbers(line: bytes) -> list[bytes]:
    """The numbers at the end of a line; its first field is no number, it belongs to the word."""
    found: list[bytes] = []
    for field in reversed(line.split(b" ")[1:]):
        if not _is_number(field):
            break
        found.append(field)
    return found[::-1]


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _row(path: str | os.PathLike, number: int, numbers: bytes) -> np.ndarray:
    try:
        row = np.array([float(field) for field in numbers.split(b" ")], np.float32)
    except ValueError:
        row = np.array([np.nan], np.float32)
    if not np.isfinite(row).all():
        raise InputError(f"{path}: line {number}: expected finite numbers. Received: {numbers[:40]!r}")
    return row


def _check_utf8(path: str | os.PathLike, number: int, word: bytes) -> None:
    try:
        word.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = f"byte {word[error.start]:#04x}"
        raise InputError(f"{path}: line {number}: expected UTF-8 text. Received: {byte}") from error
