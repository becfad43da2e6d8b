"""Diversity of generated sequences, their n-gram similarity to real ones, and how many are copies of training data."""

import dataclasses

import numpy as np

from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.metric import DISTINCT_ORDERS
from seqgan_tf.metrics.ngrams import Sequences, as_sequences, ngram_counts


@dataclasses.dataclass(frozen=True)
class Share:
    """A share, with the counts that it was computed from.

    Attributes:
        share: part / whole.
        part: the number of those that count.
        whole: the number of all.

    Example:
    ```python
    from seqgan_tf.metrics import distinct

    print(distinct([[1, 2, 1, 2]], 2))  # Share(share=0.667, part=2, whole=3): (1, 2) and (2, 1) of three 2-grams
    ```
    """

    share: float
    part: int
    whole: int


def distinct(sequences: Sequences, n: int) -> Share:
    """Number of different n-grams / number of n-grams, over all sequences (Li et al., 2016, distinct-n).

    It falls with the number of sequences: compare it only between sets of equal size.

    Args:
        sequences: lists of token ids, or int array [m, T] padded with -1.
        n: number of tokens of an n-gram.

    Returns:
        Share, in (0, 1], of different n-grams among all n-grams.

    Raises:
        InputError: every sequence is shorter than n, or as `as_sequences`.
    """
    counts = ngram_counts(as_sequences(sequences, "sequences"), n)[-1]
    if not len(counts.count):
        raise InputError(f"`sequences` must hold a sequence of at least {n} tokens. Received: all are shorter")
    different, total = len(np.unique(counts.key)), int(counts.count.sum())
    return Share(different / total, different, total)


def share_copied(sequences: Sequences, training: Sequences) -> Share:
    """Share of the sequences that occur, as a whole, in the training data.

    Args:
        sequences: lists of token ids, or int array [n, T] padded with -1.
        training: the same: the training sequences.

    Returns:
        Share, in [0, 1], of copies among all sequences.

    Raises:
        InputError: either is empty, or holds an empty sequence.
    """
    known = {tuple(sequence) for sequence in as_sequences(training, "training")}
    found = [tuple(sequence) in known for sequence in as_sequences(sequences, "sequences")]
    return Share(sum(found) / len(found), sum(found), len(found))


@dataclasses.dataclass(frozen=True)
class MsJaccardScores:
    """MS-Jaccard of two sets of sequences, with the sizes of the sets.

    Attributes:
        ms_jaccard: {n: MS-Jaccard-n in [0, 1]}; 1 means equal n-gram frequencies.
        num_generated: number of generated sequences.
        num_real: number of real sequences.

    Example:
    ```python
    from seqgan_tf.metrics import ms_jaccard

    scores = ms_jaccard(generated=[[1, 2, 3], [2, 3]], real=[[1, 2, 3], [3, 1]], max_n=2)
    print(scores.ms_jaccard[2])  # 0.577
    ```
    """

    ms_jaccard: dict[int, float]
    num_generated: int
    num_real: int


def distinct_shares(sequences: Sequences) -> dict[str, float]:
    """distinct-1 and distinct-2 by the keys of `METRICS`; NaN where every sequence is shorter.

    Args:
        sequences: see `distinct`.
    """
    rows = as_sequences(sequences, "sequences")
    longest = max(len(row) for row in rows)
    return {f"distinct_{n}": distinct(rows, n).share if longest >= n else float("nan") for n in DISTINCT_ORDERS}


def ms_jaccard(generated: Sequences, real: Sequences, max_n: int = 5) -> MsJaccardScores:
    """(prod_k J_k)^(1/n), J_k = sum min(a, b) / sum max(a, b) over k-grams (Alihosseini et al., 2019).

    a and b are the counts of a k-gram in each set, divided by the number of sequences of the set.

    Args:
        generated: lists of token ids, or int array [n, T] padded with -1.
        real: the same, of real sequences.
        max_n: the largest n. Defaults to 5.

    Returns:
        MS-Jaccard-1 to MS-Jaccard-max_n.

    Raises:
        InputError: a set or a sequence is empty, or every sequence is shorter than max_n.
    """
    written, wanted = as_sequences(generated, "generated"), as_sequences(real, "real")
    split, total = len(written), len(written) + len(wanted)
    logs: list[float] = []
    scores: dict[int, float] = {}
    for n, counts in enumerate(ngram_counts(written + wanted, max_n), 1):
        if not len(counts.count):
            raise InputError(f"`max_n` must be at most the longest sequence. Received: {max_n}")
        a, b = (
            np.bincount(part.key, part.count, counts.num_keys) / part.num_sequences
            for part in (counts.select(0, split), counts.select(split, total))
        )
        jaccard = np.minimum(a, b).sum() / np.maximum(a, b).sum()
        logs.append(np.log(jaccard) if jaccard else -np.inf)
        scores[n] = float(np.exp(np.mean(logs)))
    return MsJaccardScores(scores, split, total - split)
