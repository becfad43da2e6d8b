"""Likelihoods, in nats a token, of any number of sequences."""

import numpy as np
import tensorflow as tf

from seqgan_tf.sequences import PADDING, check_token_ids, mask

BATCH_SIZE = 250


@tf.function
def _log_likelihood_and_tokens(generator, token_ids):
    return tf.reduce_sum(generator.log_probs(token_ids)), tf.reduce_sum(mask(token_ids))


def negative_log_likelihood(generator, token_ids):
    """-sum log G(y_t | Y_1:t-1) / (number of tokens), dropout off.

    With real sequences and the trained generator this is NLL-test; with generated sequences and the oracle as
    `generator` it is NLL-oracle (paper, section 4.1). Padding does not count.

    Args:
        generator: a `Generator` or `Oracle`.
        token_ids: int array [n, T], n >= 1, padded with -1.

    Returns:
        float, nats a token.

    Raises:
        ValueError: there is no token, an id is outside the vocabulary, or the shape is another.
    """
    check_token_ids(token_ids, generator.vocabulary_size)
    token_ids = np.asarray(token_ids, np.int32)
    if token_ids.ndim != 2:
        raise ValueError(f"`token_ids` must be of shape [n, T]. Received: shape {token_ids.shape}")
    total, tokens = 0.0, 0.0
    for start in range(0, len(token_ids), BATCH_SIZE):
        batch = token_ids[start : start + BATCH_SIZE]
        batch = np.pad(batch, [[0, BATCH_SIZE - len(batch)], [0, 0]], constant_values=PADDING)  # one shape, one trace
        batch_total, batch_tokens = _log_likelihood_and_tokens(generator, batch)
        total, tokens = total + float(batch_total), tokens + float(batch_tokens)
    if not tokens:
        raise ValueError("`token_ids` must hold at least one token. Received: only padding")
    return -total / tokens
