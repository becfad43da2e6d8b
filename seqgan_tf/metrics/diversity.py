"""How varied sequences are, and how much of them is copied."""

import dataclasses

import numpy as np

from seqgan_tf.metrics.ngrams import as_sequences, ngram_counts


@dataclasses.dataclass(frozen=True)
class Share:
    """A part of a whole.

    Attributes:
        share: float, part / whole.
        part, whole: int.
    """

    share: float
    part: int
    whole: int


def distinct(sequences, n):
    """Number of different n-grams / number of n-grams, over all sequences (Li et al., 2016, distinct-n).

    It falls with the number of sequences: compare only equal counts.

    Args:
        sequences: list of lists of token ids, or int array [m, T] padded with -1.
        n: int.

    Returns:
        `Share` in (0, 1]: different n-grams of all n-grams.

    Raises:
        ValueError: no sequence is as long as n.
    """
    counts = ngram_counts(as_sequences(sequences, "sequences"), n)[-1]
    if not len(counts.count):
        raise ValueError(f"`sequences` must hold a sequence of at least {n} tokens. Received: all are shorter")
    different, total = len(np.unique(counts.key)), int(counts.count.sum())
    return Share(different / total, different, total)


def share_copied(sequences, training):
    """`Share` of the sequences that stand, whole, in the training data.

    Args:
        sequences, training: lists of lists of token ids, or int arrays [n, T] padded with -1.

    Raises:
        ValueError: either is empty, or holds an empty sequence.
    """
    known = {tuple(sequence) for sequence in as_sequences(training, "training")}
    found = [tuple(sequence) in known for sequence in as_sequences(sequences, "sequences")]
    return Share(sum(found) / len(found), sum(found), len(found))


@dataclasses.dataclass(frozen=True)
class MsJaccardScores:
    """What was measured, and on how much.

    Attributes:
        ms_jaccard: dict of float, {n: MS-Jaccard-n in [0, 1]}; 1 means equal n-gram statistics.
        num_generated, num_real: int.
    """

    ms_jaccard: dict
    num_generated: int
    num_real: int


def ms_jaccard(generated, real, max_n=5):
    """(prod_k J_k)^(1/n), J_k = sum min(a, b) / sum max(a, b) over k-grams (Alihosseini et al., 2019).

    a and b are the counts of a k-gram in each set, divided by the number of sequences of the set.

    Args:
        generated, real: lists of lists of token ids, or int arrays [n, T] padded with -1.
        max_n: int. Defaults to 5.

    Returns:
        `MsJaccardScores`; MS-Jaccard-1 to -max_n.

    Raises:
        ValueError: a set or a sequence is empty, or no sequence is as long as max_n.
    """
    generated, real = as_sequences(generated, "generated"), as_sequences(real, "real")
    split, total = len(generated), len(generated) + len(real)
    logs, scores = [], {}
    for n, counts in enumerate(ngram_counts(generated + real, max_n), 1):
        if not len(counts.count):
            raise ValueError(f"`max_n` must be at most the longest sequence. Received: {max_n}")
        a, b = (
            np.bincount(part.key, part.count, counts.num_keys) / part.num_sequences
            for part in (counts.select(0, split), counts.select(split, total))
        )
        jaccard = np.minimum(a, b).sum() / np.maximum(a, b).sum()
        logs.append(np.log(jaccard) if jaccard else -np.inf)
        scores[n] = float(np.exp(np.mean(logs)))
    return MsJaccardScores(scores, split, total - split)
