"""A text file as training and validation data: one sequence a line."""

import io
from pathlib import Path

import numpy as np

from seqgan_tf.checks import check_at_least
from seqgan_tf.data import pipeline
from seqgan_tf.data.tokenizer import TextTokenizer

LONGEST_DEFAULT = 100


class TextCorpus:
    """Lines of text as token ids, split into a training and a validation part.

    Args:
        lines: list of str, one sequence each; at least `batch_size` of them in the training part.
        level: "char", "word" or "bpe", see `TextTokenizer.train`. Defaults to "word".
        sequence_length: int, T, the end token included; longer lines are cut. Defaults to None: 99 of 100 lines fit,
            and at most 100.
        vocabulary_size, min_frequency: see `TextTokenizer.train`.
        validation_split: float in (0, 1), share of the lines that is held out, drawn by `seed`. Defaults to 0.1.
        batch_size: int, of the datasets. Defaults to 64.
        seed: int, of the split and of the order in training. Defaults to 0.
        tokenizer: a `TextTokenizer` to use as it is. Defaults to None: one is learnt from the training part.
        name: str, what messages call the data. Defaults to "lines".

    Attributes:
        train, validation: `tf.data.Dataset` of int32 [B, T], padded with -1 after the end token.
        train_token_ids, validation_token_ids: the same as numpy arrays [n, T].
        tokenizer, vocabulary_size, sequence_length, end_token_id, unknown_token_id.
        num_cut: number of lines that were longer than `sequence_length` tokens and were cut.

    Raises:
        ValueError: too few lines for a batch, a vocabulary of one, or settings that make no sense.
    """

    def __init__(
        self,
        lines,
        level="word",
        sequence_length=None,
        vocabulary_size=10_000,
        min_frequency=2,
        validation_split=0.1,
        batch_size=64,
        seed=0,
        tokenizer=None,
        name="lines",
    ):
        if not 0 < validation_split < 1:
            raise ValueError(f"`validation_split` must be between 0 and 1. Received: {validation_split}")
        if sequence_length is not None:
            check_at_least(2, sequence_length=sequence_length)
        order = np.random.default_rng(seed).permutation(len(lines))
        held_out = max(1, round(validation_split * len(lines)))
        if len(lines) - held_out < batch_size:
            raise ValueError(
                f"{name}: expected at least {batch_size} lines for training, one batch. "
                f"Received: {len(lines)} lines, {held_out} of them held out"
            )
        validation, train = ([lines[i] for i in part] for part in np.split(order, [held_out]))
        if tokenizer is None:
            try:
                tokenizer = TextTokenizer.train(train, level, vocabulary_size, min_frequency)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        self.tokenizer = tokenizer
        if sequence_length is None:
            longest = np.quantile([len(ids) + 1 for ids in tokenizer.encode(train)], 0.99, method="higher")
            sequence_length = max(2, min(int(longest), LONGEST_DEFAULT))
        self.sequence_length = sequence_length
        self.vocabulary_size = tokenizer.vocabulary_size
        self.end_token_id = tokenizer.end_token_id
        self.unknown_token_id = tokenizer.unknown_token_id
        self.train_token_ids, cut_train = tokenizer.encode_padded(train, sequence_length)
        self.validation_token_ids, cut_validation = tokenizer.encode_padded(validation, sequence_length)
        self.num_cut = cut_train + cut_validation
        self.train = pipeline.batches(self.train_token_ids, batch_size, shuffle_seed=seed)
        self.validation = pipeline.batches(self.validation_token_ids, batch_size)

    @classmethod
    def from_file(cls, path, **settings):
        """Reads a UTF-8 text file, one sequence a line; empty lines do not count.

        Args:
            path: str or path.
            **settings: as for the class.

        Raises:
            ValueError: the file is missing, empty or no UTF-8 text, or as for the class.
        """
        return cls(read_lines(path), name=str(path), **settings)

    def decode(self, token_ids):
        """Texts of token ids [n, T]; see `TextTokenizer.decode`."""
        return self.tokenizer.decode(token_ids)


def read_lines(path):
    """The lines of a UTF-8 text file that are not empty, without blanks at their ends.

    Raises:
        ValueError: the file can not be read, is no UTF-8 text, or has no such line.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: expected a text file that can be read ({error.strerror})") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: expected UTF-8 text. Received: byte {content[error.start]:#04x} at {error.start}"
        ) from error
    if "\0" in text:
        raise ValueError(f"{path}: expected UTF-8 text. Received: a binary file (it holds NUL)")
    lines = [line.strip() for line in io.StringIO(text, newline=None) if line.strip()]
    if not lines:
        raise ValueError(f"{path}: expected one sequence a line. Received: no line of text")
    return lines
