"""A text file as training and validation data: one sequence per line."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.data.lines import Lines, LineSequence, open_lines, read_lines
from seqgan_tf.data.rows import EncodedLines
from seqgan_tf.data.tokenizer import UNKNOWN, TextTokenizer

__all__ = ["TextCorpus", "open_lines", "read_lines", "unknown_note"]

LONGEST_DEFAULT = 100
UNKNOWN_NOTED = 0.01
"""A larger share of unknown tokens is in the notes."""


class TextCorpus:
    """Lines of text as token ids, split into a training and a validation part.

    Args:
        lines: one sequence per item; the training part must have at least `batch_size` of them.
        level: "char", "word", "whitespace" or "bpe", see `TextTokenizer.train`. Defaults to "word".
        sequence_length: T, the end token included; longer lines are cut. Defaults to None: the length that 99 of 100
            training lines do not exceed, and at most 100.
        vocabulary_size: largest number of tokens, see `TextTokenizer.train`. Defaults to 10,000.
        min_frequency: words and characters that are less frequent are unknown. Defaults to 2.
        validation_split: share of the lines that is held out, in (0, 1); `seed` decides which. Defaults to 0.1.
        batch_size: sequences per batch of the datasets. Defaults to 64.
        seed: seed of the split and of the order in training. Defaults to 0.
        tokenizer: a trained `TextTokenizer`. Defaults to None: one is trained on the training part.
        name: name of the data in messages. Defaults to "lines".
        blanks: what blanks are at the level "char", see `TextTokenizer.train`. Defaults to "auto".

    Attributes:
        train: `tf.data.Dataset` of int32 [B, T], padded with -1 after the end token.
        validation: the same for the validation part.
        train_token_ids: int32 array [n, T], the sequences of `train`.
        validation_token_ids: int32 array [m, T], the sequences of `validation`.
        tokenizer: the `TextTokenizer`.
        vocabulary_size: V, the number of tokens.
        sequence_length: T.
        end_token_id: id of the end token.
        unknown_token_id: id of the unknown token, None at the level "bpe".
        num_cut: number of lines that were longer than `sequence_length` tokens and were cut.
        unknown_share: share of unknown tokens among the tokens of the training part, end tokens included, in [0, 1].
        held_out_unknown_share: the same for the validation part.
        digest: SHA-256 of the file that was read; None for lines.

    A large text is not held in memory: of a file of more than 64 MiB, lines are read when they are needed, and arrays
    of more than 64 MiB are memory-mapped temporary files.

    Raises:
        InputError: too few lines for a batch, a vocabulary of fewer than 2 tokens, or a setting outside its range.

    Example:
    ```python
    import seqgan_tf as sg

    corpus = sg.TextCorpus(["the cat sees the dog", "a dog sees a cat"] * 50, level="word")
    print(corpus.vocabulary_size, corpus.sequence_length)  # 7 6
    print(corpus.decode(corpus.validation_token_ids[:1]))
    ```
    """

    def __init__(
        self,
        lines: Sequence[str],
        level: str = "word",
        sequence_length: int | None = None,
        vocabulary_size: int = 10_000,
        min_frequency: int = 2,
        validation_split: float = 0.1,
        batch_size: int = 64,
        seed: int = 0,
        tokenizer: TextTokenizer | None = None,
        name: str = "lines",
        blanks: str = "auto",
    ):
        # TensorFlow is imported here, so that files are read and checked without it.
        from seqgan_tf.data import pipeline

        if isinstance(lines, str):
            raise InputError("`lines` must be a list of str; use `TextCorpus.from_file` for a file. Received: a str")
        if not 0 < validation_split < 1:
            raise InputError(f"`validation_split` must be between 0 and 1. Received: {validation_split}")
        if sequence_length is not None:
            check_at_least(2, sequence_length=sequence_length)
        order = np.random.default_rng(seed).permutation(len(lines))
        held_out = max(1, round(validation_split * len(lines)))
        if len(lines) - held_out < batch_size:
            raise InputError(
                f"{name}: expected at least {batch_size} lines for training, one batch. "
                f"Received: {len(lines)} lines, {held_out} of them held out"
            )
        order = order.astype(np.int32 if len(lines) < 2**31 else np.int64)  # half the memory
        validation, train = (_Part(lines, part) for part in np.split(order, [held_out]))
        if tokenizer is None:
            try:
                tokenizer = TextTokenizer.train(train, level, vocabulary_size, min_frequency, blanks)
            except InputError as error:
                raise InputError(f"{name}: {error}") from error
        self.tokenizer = tokenizer
        encoded = EncodedLines(tokenizer, train, sequence_length or LONGEST_DEFAULT)
        if sequence_length is None:
            longest = np.quantile(encoded.lengths, 0.99, method="higher")
            sequence_length = max(2, min(int(longest), LONGEST_DEFAULT))
        self.sequence_length = sequence_length
        self.vocabulary_size = tokenizer.vocabulary_size
        self.end_token_id = tokenizer.end_token_id
        self.unknown_token_id = tokenizer.unknown_token_id
        encoded_validation = EncodedLines(tokenizer, validation, sequence_length)
        self.train_token_ids = encoded.padded(sequence_length)
        self.validation_token_ids = encoded_validation.padded(sequence_length)
        self.num_cut = sum(
            int(np.count_nonzero(part.lengths > sequence_length)) for part in (encoded, encoded_validation)
        )
        self.unknown_share = tokenizer.unknown_share(self.train_token_ids)
        self.held_out_unknown_share = tokenizer.unknown_share(self.validation_token_ids)
        self.digest = lines.digest if isinstance(lines, Lines) else None
        self._file_notes = lines.notes if isinstance(lines, Lines) else []
        self.train = pipeline.batches(self.train_token_ids, batch_size, shuffle_seed=seed)
        self.validation = pipeline.batches(self.validation_token_ids, batch_size)

    @classmethod
    def from_file(cls, path: str | os.PathLike, **settings: Any) -> "TextCorpus":
        """Reads a UTF-8 text file or a pipe, one sequence per line; empty lines are skipped.

        Args:
            path: the file. It is read once.
            **settings: as for the class.

        Raises:
            InputError: the file cannot be read, is empty or is not UTF-8 text, or as for the class.
        """
        return cls(open_lines(path), name=str(path), **settings)

    @property
    def held_out_token_ids(self) -> np.ndarray:
        """The validation part, int32 array [m, T]: a text file has no test part."""
        return self.validation_token_ids

    @property
    def notes(self) -> list[str]:
        """What a user should know: a table read as text, how blanks were read, cut lines, and unknown tokens."""
        found = list(self._file_notes)
        reading = self.tokenizer.blanks_reading
        if reading is not None and reading.note:
            found.append(reading.note)
        if self.num_cut:
            found.append(f"{self.num_cut} lines are longer than {self.sequence_length - 1} tokens and were cut")
        for share, part in ((self.unknown_share, "training"), (self.held_out_unknown_share, "held-out")):
            if share > UNKNOWN_NOTED:
                found.append(unknown_note(share, f"the {part} lines"))
        return found

    def decode(self, token_ids: np.ndarray | Iterable[Iterable[int]]) -> list[str]:
        """A text for each row of token_ids [n, T]; see `TextTokenizer.decode`."""
        return self.tokenizer.decode(token_ids)


def unknown_note(share: float, lines: str) -> str:
    """The line that reports unknown tokens.

    Args:
        share: the share of unknown tokens, see `TextTokenizer.unknown_share`.
        lines: what the tokens are of, such as "the held-out lines".
    """
    remedy = "a larger vocabulary or a smaller minimal frequency makes it smaller, and so does another level"
    return f"{share:.1%} of the tokens of {lines} are unknown ({UNKNOWN}); {remedy}"


class _Part(LineSequence):
    """Some of the lines, by index."""

    def __init__(self, lines: Sequence[str], indices: np.ndarray) -> None:
        self.lines, self.indices = lines, indices

    def __len__(self) -> int:
        return len(self.indices)

    def line(self, index: int) -> str:
        return self.lines[self.indices[index]]

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self.indices), 8_192):
            for i in self.indices[start : start + 8_192].tolist():
                yield self.lines[i]
