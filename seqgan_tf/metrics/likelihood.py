"""Log-likelihoods of sequences under a model: nats per sequence, and nats per token."""

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from seqgan_tf.core.conditions import check_rows, condition_on, padded_rows, takes_condition
from seqgan_tf.core.elements import split_condition
from seqgan_tf.core.graphs import graph_function
from seqgan_tf.core.losses import token_log_probs
from seqgan_tf.core.padding import PADDING
from seqgan_tf.core.sequences import check_token_ids, mask
from seqgan_tf.core.validation import InputError

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Generator

BATCH_SIZE = 250


@graph_function
def _log_likelihoods(generator: "Generator", token_ids: tf.Tensor, temperature: tf.Tensor, condition: Any) -> tf.Tensor:
    logits = condition_on(generator, condition)(token_ids, training=False) / temperature
    return tf.reduce_sum(token_log_probs(logits, token_ids) * mask(token_ids), axis=1)


def sequence_log_likelihoods(generator: "Generator", token_ids: Any, temperature: float = 1.0) -> np.ndarray:
    """log G(Y) = sum_t log G(y_t | Y_1:t-1) of each sequence, dropout off.

    Args:
        generator: a `Generator` or an `Oracle`.
        token_ids: int array [n, T], n >= 1, padded with -1; padding does not count. For a generator with an encoder:
            (conditions, token_ids), the conditions a nest of arrays [n, ...].
        temperature: a number above 0; the logits are divided by it. Defaults to 1.0.

    Returns:
        float64 array [n], nats per sequence.

    Raises:
        InputError: an id is outside the vocabulary, the array has another shape, or a log-likelihood is not finite.
    """
    condition, token_ids = _split(generator, token_ids)
    check_token_ids(token_ids, generator.vocabulary_size)
    token_ids = np.asarray(token_ids, np.int32)
    if token_ids.ndim != 2 or not len(token_ids):
        raise InputError(f"`token_ids` must be of shape [n, T], n >= 1. Received: shape {token_ids.shape}")
    if not 0 < temperature < float("inf"):
        raise InputError(f"`temperature` must be a number above 0. Received: {temperature}")
    check_rows(generator, condition, len(token_ids))
    parts = []
    for start in range(0, len(token_ids), BATCH_SIZE):
        batch = token_ids[start : start + BATCH_SIZE]
        size = len(batch)
        batch = np.pad(batch, [[0, BATCH_SIZE - size], [0, 0]], constant_values=PADDING)  # one shape, one trace
        given = padded_rows(condition, start, BATCH_SIZE)
        parts.append(_log_likelihoods(generator, batch, tf.constant(temperature, tf.float32), given).numpy()[:size])
    totals = np.concatenate(parts).astype(np.float64)
    if not np.isfinite(totals).all():
        first = int(np.argmin(np.isfinite(totals)))
        raise InputError(
            f"`generator` must give finite likelihoods. Received: {totals[first]} for sequence {first} of `token_ids`"
        )
    return totals


def negative_log_likelihood(generator: "Generator", token_ids: Any, temperature: float = 1.0) -> float:
    """-sum log G(y_t | Y_1:t-1) / (number of tokens), dropout off.

    With real sequences and the trained generator this is NLL-test; with generated sequences and the oracle as
    `generator` it is NLL-oracle (paper, section 4.1). Padding does not count.

    Args:
        generator: a `Generator` or an `Oracle`.
        token_ids: int array [n, T], n >= 1, padded with -1; or (conditions, token_ids), see `sequence_log_likelihoods`.
        temperature: a number above 0; the logits are divided by it. Defaults to 1.0.

    Returns:
        Nats per token.

    Raises:
        InputError: there is no token, or as `sequence_log_likelihoods`.
    """
    total = sequence_log_likelihoods(generator, token_ids, temperature).sum()
    num_tokens = np.sum(np.asarray(_split(generator, token_ids)[1]) != PADDING)
    if not num_tokens:
        raise InputError("`token_ids` must hold at least one token. Received: only padding")
    return float(-total / num_tokens)


def _split(generator: "Generator", data: Any) -> tuple[Any, Any]:
    """(condition, token_ids); a tuple for a generator without conditions is rows of token ids."""
    return split_condition(data) if takes_condition(generator) else (None, data)
