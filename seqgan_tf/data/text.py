"""A text file as training and validation data: one sequence per line."""

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.data.array_corpus import ArrayCorpus
from seqgan_tf.data.line_sequence import LineError
from seqgan_tf.data.lines import open_lines, read_lines
from seqgan_tf.data.parts import Parts
from seqgan_tf.data.records import TEXT, Records, combined_digest, read_records
from seqgan_tf.data.rows import LONGEST_DEFAULT, EncodedLines, fitting_length
from seqgan_tf.data.tokenizer import UNKNOWN, TextTokenizer

if TYPE_CHECKING:
    from seqgan_tf.data.hub_tokenizer import HubTokenizer

__all__ = ["TextCorpus", "open_lines", "read_lines", "unknown_note"]

UNKNOWN_NOTED = 0.01
"""A larger share of unknown tokens is in the notes."""


class TextCorpus(ArrayCorpus):
    """Lines of text as token ids, split into a training and a validation part.

    Args:
        lines: one sequence per item; the training part must have at least `batch_size` of them.
        level: "char", "word", "whitespace", "bpe" or "ids", see `TextTokenizer.train`. Defaults to "word".
        sequence_length: T, the end token included; longer lines are cut. Defaults to None: the length that 99 of 100
            training lines do not exceed, and at most 100.
        vocabulary_size: largest number of tokens, see `TextTokenizer.train`. Defaults to None: 10,000; at the level
            "ids" the largest id, plus 1.
        min_frequency: words and characters that are less frequent are unknown. Defaults to 2.
        validation_split: share of the lines that is held out, in (0, 1); `seed` decides which. Defaults to 0.1.
        batch_size: sequences per batch of the datasets. Defaults to 64.
        seed: seed of the split and of the order in training. Defaults to 0.
        tokenizer: a trained `TextTokenizer`, or a `HubTokenizer`. Defaults to None: a `TextTokenizer` is trained on the
            training part. At the level "ids" it has the ids of all parts.
        name: name of the data in messages. Defaults to "lines".
        blanks: what blanks are at the level "char", see `TextTokenizer.train`. Defaults to "auto".
        validation: lines that are held out, instead of a part of `lines`. Defaults to None.
        test: lines that metrics are reported on, and that choose nothing. Defaults to None: the validation part.
        groups: int array, of each line the group that it belongs to; groups are not split. Defaults to None.

    Attributes:
        train: `tf.data.Dataset` of int32 [B, T], padded with -1 after the end token.
        validation: the same for the validation part.
        train_token_ids: int32 array [n, T], the sequences of `train`.
        validation_token_ids: int32 array [m, T], the sequences of `validation`.
        test_token_ids: int32 array [k, T], or None where there is no test part.
        conditions, train_condition, validation_condition, held_out_condition: None, see `PairCorpus`.
        tokenizer: the tokenizer.
        vocabulary_size: V, the number of tokens.
        sequence_length: T.
        end_token_id: id of the end token. None where there is none: at the level "ids", if all sequences have the same
            length.
        unknown_token_id: id of the unknown token, None at the levels "bpe" and "ids".
        num_cut: number of lines that were longer than `sequence_length` tokens and were cut.
        unknown_share: share of unknown tokens among the tokens of the training part, end tokens included, in [0, 1].
        held_out_unknown_share: the same for the held-out part.
        task: the task of the data, see `data.records`.
        digest: SHA-256 of the files that were read; None for lines.
        data_notes: what the reader of the file has noted.

    A large text is not held in memory: of a file of more than 64 MiB, lines are read when they are needed, and arrays
    of more than 64 MiB are memory-mapped temporary files.

    Raises:
        InputError: too few lines for a batch, a vocabulary of fewer than 2 tokens, or a setting outside its range; at
            the level "ids" also a line that does not consist of ids of the vocabulary, or one that is shorter than T
            where there is no end token.

    Example:
    ```python
    import seqgan_tf as sg

    corpus = sg.TextCorpus(["the cat sees the dog", "a dog sees a cat"] * 50, level="word")
    print(corpus.vocabulary_size, corpus.sequence_length)  # 7 6
    print(corpus.decode(corpus.validation_token_ids[:1]))
    ```
    """

    task = TEXT
    unit, fate = "lines", "cut"  # what sequences are, and what becomes of those that are too long, in messages

    def __init__(
        self,
        lines: Sequence[str],
        level: str = "word",
        sequence_length: int | None = None,
        vocabulary_size: int | None = None,
        min_frequency: int = 2,
        validation_split: float = 0.1,
        batch_size: int = 64,
        seed: int = 0,
        tokenizer: "TextTokenizer | HubTokenizer | None" = None,
        name: str = "lines",
        blanks: str = "auto",
        validation: Sequence[str] | None = None,
        test: Sequence[str] | None = None,
        groups: np.ndarray | None = None,
    ):
        if isinstance(lines, str):
            raise InputError("`lines` must be a list of str; use `TextCorpus.from_file` for a file. Received: a str")
        if sequence_length is not None:
            check_at_least(2, sequence_length=sequence_length)
        self.name, self.batch_size, self.seed = name, batch_size, seed
        self.digest: str | None = None
        self.data_notes: list[str] = []
        self.parts = Parts.of(lines, validation, test, validation_split, seed, groups)
        if len(self.parts.train) < batch_size:
            held_out = len(lines) - len(self.parts.train)
            raise InputError(
                f"{name}: expected at least {batch_size} {self.unit} for training, one batch. "
                f"Received: {len(lines)} {self.unit}, {held_out} of them held out"
            )
        if tokenizer is None:
            lines_of_vocabulary = self.parts.vocabulary_lines(level)
            tokenizer = self.train_tokenizer(lines_of_vocabulary, level, vocabulary_size, min_frequency, blanks)
        self.tokenizer: Any = tokenizer
        encoded = EncodedLines(tokenizer.ended_tokens, self.parts.train, sequence_length or LONGEST_DEFAULT)
        if sequence_length is None:
            sequence_length = fitting_length(encoded.lengths)
        self.sequence_length = sequence_length
        self.vocabulary_size = tokenizer.vocabulary_size
        self.end_token_id = tokenizer.end_token_id
        self.unknown_token_id = tokenizer.unknown_token_id
        all_encoded = [encoded]
        for part in (self.parts.validation, self.parts.test):
            if part is not None:
                all_encoded.append(EncodedLines(tokenizer.ended_tokens, part, sequence_length))
        if self.end_token_id is None:
            shortest = min(int(part.lengths.min()) for part in all_encoded)
            if shortest < sequence_length:
                raise InputError(
                    f"{name}: expected at least {sequence_length} ids in every line, the sequence length, since there "
                    f"is no end token. Received: a line with {shortest}"
                )
        self.train_token_ids, self.validation_token_ids, *test_token_ids = (
            self.rows(part, sequence_length) for part in all_encoded
        )
        self.test_token_ids = test_token_ids[0] if test_token_ids else None
        self.num_cut = sum(int(np.count_nonzero(part.lengths > sequence_length)) for part in all_encoded)
        self.unknown_share = tokenizer.unknown_share(self.train_token_ids)
        self.held_out_unknown_share = tokenizer.unknown_share(self.held_out_token_ids)

    @staticmethod
    def rows(encoded: EncodedLines, sequence_length: int) -> np.ndarray:
        """Lines as sequences, the longer ones cut: int32 array [n, T]."""
        return encoded.padded(sequence_length)

    def train_tokenizer(self, lines: Iterable[str], *rules: Any) -> TextTokenizer:
        """`TextTokenizer.train`, with the name of the data in its errors."""
        try:
            return TextTokenizer.train(lines, *rules)
        except LineError:
            raise
        except InputError as error:
            raise InputError(f"{self.name}: {error}") from error

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike,
        validation: str | os.PathLike | None = None,
        test: str | os.PathLike | None = None,
        **settings: Any,
    ) -> Self:
        """Reads a file, or a pipe, once.

        Args:
            path: a UTF-8 text file, one sequence per line, in which empty lines are skipped; or a table with the fields
                of the task, see `data.records`.
            validation: a file of the same kind, instead of a part of the lines. Defaults to None.
            test: a file of the same kind; metrics are then reported on it. Defaults to None.
            **settings: as for the class.

        Raises:
            InputError: a file cannot be read, is empty or is not UTF-8 text, or as for the class.
        """
        read = (None if name is None else read_records(name, task=cls.task) for name in (validation, test))
        return cls.from_records(read_records(path, task=cls.task), *read, **({"name": str(path)} | settings))

    @classmethod
    def from_records(
        cls, records: Records, validation: Records | None = None, test: Records | None = None, **settings: Any
    ) -> Self:
        """The corpus of records that were read from files.

        Args:
            records: see `data.records.read_records`.
            validation, test: records of the same task. Default to None.
            **settings: as for the class.
        """
        corpus = cls._of(records, validation, test, **settings)
        read = [part for part in (records, validation, test) if part is not None]
        corpus.digest = combined_digest([part.digest for part in read])
        corpus.data_notes = [note for part in read for note in part.notes]
        return corpus

    @classmethod
    def _of(cls, records: Records, validation: Records | None, test: Records | None, **settings: Any) -> Self:
        own, own_test = (None if part is None else part.texts for part in (validation, test))
        return cls(records.texts, validation=own, test=own_test, groups=records.groups, **settings)

    @property
    def notes(self) -> list[str]:
        """What a user should know: skipped records, how blanks were read, cut lines, and unknown tokens."""
        found = list(self.data_notes)
        reading = self.tokenizer.blanks_reading
        if reading is not None and reading.note:
            found.append(reading.note)
        if self.num_cut:
            room = self.tokenizer.capacity(self.sequence_length)
            found.append(f"{self.num_cut} {self.unit} are longer than {room} tokens and were {self.fate}")
        for share, part in ((self.unknown_share, "training"), (self.held_out_unknown_share, "held-out")):
            if share > UNKNOWN_NOTED:
                found.append(unknown_note(share, f"the {part} {self.unit}"))
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
