"""What the tests compare the package with: enumeration over a tiny vocabulary, numpy, a chi-square test."""

import itertools

import numpy as np
import tensorflow as tf


def all_sequences(vocabulary_size, sequence_length, end_token_id=None):
    """All sequences of T tokens, padded with -1 after the end token: int32 [count, T]."""
    rows = {}
    for row in itertools.product(range(vocabulary_size), repeat=sequence_length):
        if end_token_id in row:
            length = row.index(end_token_id) + 1
            row = row[:length] + (-1,) * (sequence_length - length)
        rows[row] = None
    return np.array(list(rows), np.int32)


def log_softmax(logits):
    logits = np.asarray(logits, np.float64)
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def sequence_probabilities(generator, sequences):
    """G(Y) of each sequence, float64 [count], from the teacher-forced logits."""
    log_probs = log_softmax(generator(sequences))
    taken = np.take_along_axis(log_probs, np.maximum(sequences, 0)[..., None], axis=-1)[..., 0]
    return np.exp(np.where(sequences >= 0, taken, 0.0).sum(axis=1))


def index_of(rows, sequences):
    """The index of each row in `sequences`; raises KeyError for a row that is not among them."""
    numbers = {tuple(sequence): number for number, sequence in enumerate(np.asarray(sequences).tolist())}
    return np.array([numbers[tuple(row)] for row in np.asarray(rows).tolist()])


def chi_square_p_value(drawn, probabilities):
    """The p-value of draws (indices of categories) under the probabilities. Rare categories are pooled."""
    probabilities = np.asarray(probabilities, np.float64)
    expected = probabilities / probabilities.sum() * np.size(drawn)
    observed = np.bincount(np.ravel(drawn), minlength=len(probabilities)).astype(np.float64)
    assert not observed[expected == 0].any(), "a category of probability 0 was drawn"
    rare = expected < 5
    if rare.any():
        expected, observed = (np.append(x[~rare], x[rare].sum()) for x in (expected, observed))
    expected, observed = expected[expected > 0], observed[expected > 0]
    if len(expected) == 1:
        return 1.0
    statistic = ((observed - expected) ** 2 / expected).sum()
    return float(tf.math.igammac(np.float64(len(expected) - 1) / 2, statistic / 2))
