"""n-gram counts of many sequences at once, as arrays: what the metrics over n-grams share."""

import dataclasses

import numpy as np

from seqgan_tf.sequences import PADDING


@dataclasses.dataclass(frozen=True)
class NgramCounts:
    """The different n-grams of each sequence.

    Attributes:
        owner: int [m], which sequence.
        key: int [m], which n-gram; equal n-grams have equal keys, numbered from 0.
        count: int [m], how often the sequence holds it.
        num_sequences: int.
        num_keys: int.
    """

    owner: np.ndarray
    key: np.ndarray
    count: np.ndarray
    num_sequences: int
    num_keys: int

    def select(self, start, stop):
        """The counts of the sequences start to stop, numbered from 0; keys stay."""
        chosen = (self.owner >= start) & (self.owner < stop)
        return NgramCounts(
            self.owner[chosen] - start, self.key[chosen], self.count[chosen], stop - start, self.num_keys
        )


def as_sequences(sequences, name):
    """Any collection of sequences as a list of int arrays without padding.

    Args:
        sequences: list of lists of int, or int array [n, T] padded with -1 after the last token.
        name: what the caller calls it, for messages.

    Raises:
        ValueError: there is no sequence, or one holds no token or something that is no token id.
    """
    if len(sequences) == 0:
        raise ValueError(f"`{name}` must hold at least one sequence. Received: none")
    arrays = []
    for i, sequence in enumerate(sequences):
        array = np.asarray(sequence)
        if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
            raise ValueError(f"`{name}` must hold sequences of int token ids. Received: {sequence!r} at {i}")
        array = array[array != PADDING]
        if not array.size:
            raise ValueError(f"`{name}` must hold sequences of at least one token. Received: an empty one at {i}")
        if array.min() < 0:
            raise ValueError(f"`{name}` must hold token ids of 0 and above. Received: {array.min()} at {i}")
        arrays.append(array.astype(np.int64))
    return arrays


def ngram_counts(sequences, max_n):
    """Counts the n-grams of n = 1 to max_n.

    Args:
        sequences: list of int arrays.
        max_n: int.

    Returns:
        list of `NgramCounts`, for n = 1, ..., max_n.
    """
    lengths = np.array([len(sequence) for sequence in sequences])
    tokens = np.concatenate(sequences)
    owner = np.repeat(np.arange(len(sequences)), lengths)
    remaining = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(tokens))  # tokens from here to the end
    _, token = np.unique(tokens, return_inverse=True)
    num_tokens = int(token.max()) + 1
    key, counts = token, []
    for n in range(1, max_n + 1):
        if n > 1:  # an n-gram is an (n-1)-gram and one token more: its key is numbered anew, so that it stays small
            following = np.pad(token, (0, n - 1))[n - 1 :]
            _, key = np.unique(key * num_tokens + following, return_inverse=True)
        whole = remaining >= n
        num_keys = int(key.max()) + 1
        pairs, count = np.unique(owner[whole] * num_keys + key[whole], return_counts=True)
        counts.append(NgramCounts(pairs // num_keys, pairs % num_keys, count, len(sequences), num_keys))
    return counts
