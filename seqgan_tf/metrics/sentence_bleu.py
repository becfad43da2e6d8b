"""BLEU and Self-BLEU of sets of sequences; they equal nltk's sentence BLEU with smoothing method 1."""

import dataclasses

import numpy as np

from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.metrics.ngrams import Sequences, as_sequences, ngram_counts

EPSILON = 0.1  # nltk's SmoothingFunction().method1


@dataclasses.dataclass(frozen=True)
class BleuScores:
    """BLEU of a set of hypotheses, with the numbers of sequences.

    Attributes:
        bleu: {n: mean over the hypotheses of sentence BLEU-n}, uniform weights.
        sentences: {n: sentence BLEU-n of each hypothesis, float array [hypotheses]}.
        num_hypotheses: number of hypotheses.
        num_references: number of references of each hypothesis; for Self-BLEU these are the other hypotheses.
        smoothing: the smoothing of precisions that are 0.

    Example:
    ```python
    from seqgan_tf.metrics import bleu

    scores = bleu(hypotheses=[[1, 2, 3], [1, 3]], references=[[1, 2, 3, 4], [1, 3]], max_n=2)
    print(scores.bleu[2], scores.sentences[2])  # 1.0 [1. 1.]
    ```
    """

    bleu: dict[int, float]
    sentences: dict[int, np.ndarray]
    num_hypotheses: int
    num_references: int
    smoothing: str = "method 1 (a precision of 0 counts as 0.1 n-grams)"


def bleu(hypotheses: Sequences, references: Sequences, max_n: int = 5) -> BleuScores:
    """Sentence BLEU of each hypothesis against all references (Papineni et al., 2002; Chen and Cherry, 2014, method 1).

    Args:
        hypotheses: lists of token ids, or int array [n, T] padded with -1.
        references: the same.
        max_n: the largest n. Defaults to 5.

    Returns:
        BLEU-2 to BLEU-max_n. A hypothesis shorter than n has no n-gram: its precision of order n counts as 0.1 of 1.

    Raises:
        InputError: there is no hypothesis or reference, or one is empty; `max_n` < 2.
    """
    check_at_least(2, max_n=max_n)
    judged, expected = as_sequences(hypotheses, "hypotheses"), as_sequences(references, "references")
    split, total = len(judged), len(judged) + len(expected)
    matches = []
    for counts in ngram_counts(judged + expected, max_n):
        theirs, own = counts.select(split, total), counts.select(0, split)
        most = np.zeros(counts.num_keys, np.int64)
        np.maximum.at(most, theirs.key, theirs.count)
        matches.append(np.bincount(own.owner, np.minimum(own.count, most[own.key]), split))
    lengths = _lengths(judged)
    closest = _closest_lengths(lengths, np.bincount(_lengths(expected)))
    return _scores(matches, lengths, closest, len(expected))


def self_bleu(sequences: Sequences, max_n: int = 5) -> BleuScores:
    """Sentence BLEU of each sequence against all others (Zhu et al., 2018, Self-BLEU); high means little diversity.

    Args:
        sequences: lists of token ids, or int array [n, T] padded with -1; at least two.
        max_n: the largest n. Defaults to 5.

    Returns:
        Self-BLEU-2 to Self-BLEU-max_n.

    Raises:
        InputError: there are fewer than two sequences, or one is empty; `max_n` < 2.
    """
    check_at_least(2, max_n=max_n)
    judged = as_sequences(sequences, "sequences")
    if len(judged) < 2:
        raise InputError("`sequences` must hold at least 2 sequences for Self-BLEU. Received: 1")
    matches = []
    for counts in ngram_counts(judged, max_n):
        # The largest count in another sequence is the largest of all; for the sequence that has the largest, it is the
        # second largest.
        order = np.lexsort((-counts.count, counts.key))
        key, count, owner = counts.key[order], counts.count[order], counts.owner[order]
        first = np.flatnonzero(np.diff(key, prepend=-1))
        most, second, holder = (np.zeros(counts.num_keys, np.int64) for _ in range(3))
        most[key[first]], holder[key[first]] = count[first], owner[first]
        has_second = np.append(first[1:], len(key)) - first > 1
        second[key[first[has_second]]] = count[first[has_second] + 1]
        others = np.where(holder[counts.key] == counts.owner, second[counts.key], most[counts.key])
        matches.append(np.bincount(counts.owner, np.minimum(counts.count, others), len(judged)))
    lengths = _lengths(judged)
    closest = np.empty_like(lengths)
    histogram = np.bincount(lengths)
    for length in np.unique(lengths):
        others = histogram.copy()
        others[length] -= 1
        closest[lengths == length] = _closest_lengths(np.array([length]), others)
    return _scores(matches, lengths, closest, len(judged) - 1)


def _scores(matches: list[np.ndarray], lengths: np.ndarray, closest: np.ndarray, num_references: int) -> BleuScores:
    """BLEU from the matching n-grams [hypotheses] of each order, lengths, and closest reference lengths."""
    brevity = np.where(lengths > closest, 1.0, np.exp(1.0 - closest / lengths))
    log_precisions = np.zeros(len(lengths))
    sentences: dict[int, np.ndarray] = {}
    for n, matched in enumerate(matches, 1):
        possible = np.maximum(lengths - n + 1, 1)
        log_precisions = log_precisions + np.log(np.where(matched > 0, matched, EPSILON) / possible)
        if n > 1:
            sentences[n] = np.where(matches[0] > 0, brevity * np.exp(log_precisions / n), 0.0)
    means = {n: float(np.mean(values)) for n, values in sentences.items()}
    return BleuScores(means, sentences, len(lengths), num_references)


def _closest_lengths(lengths: np.ndarray, histogram: np.ndarray) -> np.ndarray:
    """For each length the nearest one in the histogram; of two equally near lengths the shorter."""
    present = np.flatnonzero(histogram)
    distance = np.abs(present[np.newaxis] - lengths[:, np.newaxis])
    return present[np.argmin(distance, axis=1)]


def _lengths(sequences: list[np.ndarray]) -> np.ndarray:
    return np.array([len(sequence) for sequence in sequences])
