"""Counts of the n-grams of many sequences, as arrays: the base of all n-gram metrics."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from seqgan_tf.core.padding import PADDING
from seqgan_tf.core.validation import InputError

Sequences = Sequence[Sequence[int]] | Sequence[np.ndarray] | np.ndarray
"""Lists of token ids, or an int array [m, T] padded with -1."""


@dataclasses.dataclass(frozen=True)
class NgramCounts:
    """The different n-grams of each sequence: entry i says how often a sequence contains an n-gram.

    Attributes:
        owner: int [m], the number of the sequence.
        key: int [m], the number of the n-gram; equal n-grams have equal keys, numbered from 0.
        count: int [m], how often the sequence contains the n-gram.
        num_sequences: number of sequences.
        num_keys: number of different keys.

    Example:
    ```python
    from seqgan_tf.metrics.ngrams import as_sequences, ngram_counts

    one, two = ngram_counts(as_sequences([[1, 2, 1], [2, 1]], "sequences"), max_n=2)
    print(two.owner, two.key, two.count)  # [0 0 1] [1 2 2] [1 1 1]: (1, 2) has key 1, (2, 1) has key 2
    ```
    """

    owner: np.ndarray
    key: np.ndarray
    count: np.ndarray
    num_sequences: int
    num_keys: int

    def select(self, start: int, stop: int) -> "NgramCounts":
        """The counts of the sequences from start to stop - 1, numbered anew from 0, with the same keys."""
        chosen = (self.owner >= start) & (self.owner < stop)
        return NgramCounts(
            self.owner[chosen] - start, self.key[chosen], self.count[chosen], stop - start, self.num_keys
        )


def as_sequences(sequences: Sequences, name: str) -> list[np.ndarray]:
    """Sequences as a list of int64 arrays without padding.

    Args:
        sequences: lists of token ids, or int array [n, T] padded with -1 after the last token.
        name: name of the caller's argument, for messages.

    Returns:
        One array per sequence.

    Raises:
        InputError: there is no sequence, a sequence holds no token, or a value is not a token id.
    """
    if len(sequences) == 0:
        raise InputError(f"`{name}` must hold at least one sequence. Received: none")
    arrays = []
    for i, sequence in enumerate(sequences):
        array = np.asarray(sequence)
        if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
            raise InputError(f"`{name}` must hold sequences of int token ids. Received: {sequence!r} at {i}")
        array = array[array != PADDING]
        if not array.size:
            raise InputError(f"`{name}` must hold sequences of at least one token. Received: an empty one at {i}")
        if array.min() < 0:
            raise InputError(f"`{name}` must hold token ids of 0 and above. Received: {array.min()} at {i}")
        arrays.append(array.astype(np.int64))
    return arrays


def ngram_counts(sequences: list[np.ndarray], max_n: int) -> list[NgramCounts]:
    """Counts the n-grams of n = 1 to max_n.

    Args:
        sequences: int arrays, as `as_sequences` returns them.
        max_n: the largest n.

    Returns:
        The counts for n = 1, ..., max_n.
    """
    lengths = np.array([len(sequence) for sequence in sequences])
    tokens = np.concatenate(sequences)
    owner = np.repeat(np.arange(len(sequences)), lengths)
    remaining = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(tokens))  # tokens from here to the end
    _, token = np.unique(tokens, return_inverse=True)
    num_tokens = int(token.max()) + 1
    key = token
    counts: list[NgramCounts] = []
    for n in range(1, max_n + 1):
        if n > 1:  # an n-gram is an (n-1)-gram and one more token; renumbered keys stay small enough for int64
            following = np.pad(token, (0, n - 1))[n - 1 :]
            _, key = np.unique(key * num_tokens + following, return_inverse=True)
        whole = remaining >= n
        num_keys = int(key.max()) + 1
        pairs, count = np.unique(owner[whole] * num_keys + key[whole], return_counts=True)
        counts.append(NgramCounts(pairs // num_keys, pairs % num_keys, count, len(sequences), num_keys))
    return counts
