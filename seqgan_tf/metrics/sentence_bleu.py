"""BLEU and Self-BLEU of many sequences against many; equal to nltk's sentence BLEU with smoothing method 1."""

import dataclasses

import numpy as np

from seqgan_tf.checks import check_at_least
from seqgan_tf.metrics.ngrams import as_sequences, ngram_counts

EPSILON = 0.1  # nltk's SmoothingFunction().method1


@dataclasses.dataclass(frozen=True)
class BleuScores:
    """What was measured, and on how much.

    Attributes:
        bleu: dict of float, {n: mean over the hypotheses of sentence BLEU-n}, uniform weights.
        sentences: dict of float arrays [hypotheses], {n: sentence BLEU-n}.
        num_hypotheses, num_references: int. Self-BLEU: the references are the other hypotheses.
        smoothing: str.
    """

    bleu: dict
    sentences: dict
    num_hypotheses: int
    num_references: int
    smoothing: str = "method 1 (a precision of 0 counts as 0.1 n-grams)"


def bleu(hypotheses, references, max_n=5):
    """Sentence BLEU of each hypothesis against all references (Papineni et al., 2002; Chen and Cherry, 2014, method 1).

    Args:
        hypotheses, references: lists of lists of token ids, or int arrays [n, T] padded with -1.
        max_n: int; BLEU-2 to BLEU-max_n are given. Defaults to 5.

    Returns:
        `BleuScores`. A hypothesis shorter than n has no n-gram: its precision of order n counts as 0.1 of 1.

    Raises:
        ValueError: no hypothesis or reference, or an empty one.
    """
    check_at_least(2, max_n=max_n)
    hypotheses, references = as_sequences(hypotheses, "hypotheses"), as_sequences(references, "references")
    split, total = len(hypotheses), len(hypotheses) + len(references)
    matches = []
    for counts in ngram_counts(hypotheses + references, max_n):
        theirs, own = counts.select(split, total), counts.select(0, split)
        most = np.zeros(counts.num_keys, np.int64)
        np.maximum.at(most, theirs.key, theirs.count)
        matches.append(np.bincount(own.owner, np.minimum(own.count, most[own.key]), split))
    lengths = _lengths(hypotheses)
    closest = _closest_lengths(lengths, np.bincount(_lengths(references)))
    return _scores(matches, lengths, closest, len(references))


def self_bleu(sequences, max_n=5):
    """Sentence BLEU of each sequence against all others, itself excluded (Zhu et al., 2018); high: little diversity.

    Args:
        sequences: list of lists of token ids, or int array [n, T] padded with -1; at least two.
        max_n: int. Defaults to 5.

    Returns:
        `BleuScores`.

    Raises:
        ValueError: fewer than two sequences, or an empty one.
    """
    check_at_least(2, max_n=max_n)
    sequences = as_sequences(sequences, "sequences")
    if len(sequences) < 2:
        raise ValueError("`sequences` must hold at least 2 sequences for Self-BLEU. Received: 1")
    matches = []
    for counts in ngram_counts(sequences, max_n):
        # The most that another sequence holds is the most of all, or the second most for the one that holds the most.
        order = np.lexsort((-counts.count, counts.key))
        key, count, owner = counts.key[order], counts.count[order], counts.owner[order]
        first = np.flatnonzero(np.diff(key, prepend=-1))
        most, second, holder = (np.zeros(counts.num_keys, np.int64) for _ in range(3))
        most[key[first]], holder[key[first]] = count[first], owner[first]
        has_second = np.append(first[1:], len(key)) - first > 1
        second[key[first[has_second]]] = count[first[has_second] + 1]
        others = np.where(holder[counts.key] == counts.owner, second[counts.key], most[counts.key])
        matches.append(np.bincount(counts.owner, np.minimum(counts.count, others), len(sequences)))
    lengths = _lengths(sequences)
    closest = np.empty_like(lengths)
    histogram = np.bincount(lengths)
    for length in np.unique(lengths):
        others = histogram.copy()
        others[length] -= 1
        closest[lengths == length] = _closest_lengths(np.array([length]), others)
    return _scores(matches, lengths, closest, len(sequences) - 1)


def _scores(matches, lengths, closest, num_references):
    brevity = np.where(lengths > closest, 1.0, np.exp(1.0 - closest / lengths))
    log_precisions, sentences = np.zeros(len(lengths)), {}
    for n, matched in enumerate(matches, 1):
        possible = np.maximum(lengths - n + 1, 1)
        log_precisions = log_precisions + np.log(np.where(matched > 0, matched, EPSILON) / possible)
        if n > 1:
            sentences[n] = np.where(matches[0] > 0, brevity * np.exp(log_precisions / n), 0.0)
    means = {n: float(np.mean(values)) for n, values in sentences.items()}
    return BleuScores(means, sentences, len(lengths), num_references)


def _closest_lengths(lengths, histogram):
    """For each length the nearest one in the histogram; of two equally near ones the shorter."""
    present = np.flatnonzero(histogram)
    distance = np.abs(present[np.newaxis] - lengths[:, np.newaxis])
    return present[np.argmin(distance, axis=1)]


def _lengths(sequences):
    return np.array([len(sequence) for sequence in sequences])
