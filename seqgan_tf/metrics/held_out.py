"""Metrics of a training run on held-out data: likelihoods, and the accuracy of the discriminator."""

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from seqgan_tf.core.conditions import (
    check_rows,
    condition_on,
    differs_from_previous,
    first_rows,
    padded_rows,
    takes_condition,
)
from seqgan_tf.core.elements import join_condition, split_condition
from seqgan_tf.core.graphs import graph_function
from seqgan_tf.core.sequences import check_token_ids
from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.metrics.gain import held_out_gain
from seqgan_tf.metrics.likelihood import negative_log_likelihood

if TYPE_CHECKING:
    import keras

    from seqgan_tf.core.protocols import Generator

BATCH_SIZE = 250


def discriminator_logits(discriminator: "keras.Model", token_ids: Any) -> np.ndarray:
    """Logits of P(real), dropout off.

    Args:
        discriminator: a `Discriminator`.
        token_ids: int array [n, T], n >= 1, padded with -1. For a discriminator with an encoder: (conditions,
            token_ids), the conditions a nest of arrays [n, ...].

    Returns:
        float array [n].

    Raises:
        InputError: `token_ids` has another shape, or holds ids outside the vocabulary.
    """
    condition, token_ids = split_condition(token_ids) if takes_condition(discriminator) else (None, token_ids)
    check_token_ids(token_ids, discriminator.vocabulary_size)
    if np.ndim(token_ids) != 2 or not len(token_ids):
        raise InputError(f"`token_ids` must be of shape [n, T], n >= 1. Received: shape {np.shape(token_ids)}")
    if not takes_condition(discriminator):
        return discriminator.predict(token_ids, batch_size=BATCH_SIZE, verbose=0)
    check_rows(discriminator, condition, len(token_ids))
    token_ids, parts = np.asarray(token_ids, np.int32), []
    for first in range(0, len(token_ids), BATCH_SIZE):  # parts of one size, for one trace
        given, rows = padded_rows((condition, token_ids), first, BATCH_SIZE)
        parts.append(_logits(discriminator, given, rows).numpy())
    return np.concatenate(parts)[: len(token_ids)]


@graph_function
def _logits(discriminator: "keras.Model", condition: Any, token_ids: tf.Tensor) -> tf.Tensor:
    return condition_on(discriminator, condition)(token_ids, training=False)


def held_out_metrics(
    generator: "Generator",
    discriminator: "keras.Model | None",
    held_out: Any,
    generated: np.ndarray,
    oracle: "Generator | None" = None,
    max_scored: int = 1_000,
) -> dict[str, float]:
    """NLL-test, NLL-oracle, and the accuracy of a discriminator on data that it was not trained on.

    Args:
        generator: the policy that is measured.
        discriminator: a `Discriminator`, or None: its accuracies are left out.
        held_out: int array [n, T] of real sequences that neither model was trained on, padded with -1. For a generator
            with an encoder: (conditions, sequences), the conditions a nest of arrays [n, ...].
        generated: int array [m, T] of new samples of the generator; with conditions, for the first m of them.
        oracle: the model that wrote the real data. Defaults to None: NLL-oracle is left out.
        max_scored: the discriminator scores the first `max_scored` sequences of `held_out` and of `generated`, since
            it costs more than the likelihoods. Defaults to 1,000.

    Returns:
        A dict with "nll_test"; "nll_oracle" with an oracle; "held_out_real_accuracy" (share of logits above 0) and
        "held_out_generated_accuracy" (share of logits of at most 0) with a discriminator, and for two sequences or more
        of each kind "held_out_gain" (see `held_out_gain`); and
        "held_out_mismatched_accuracy" (share of logits of at most 0, of real sequences with the condition of the next
        row, where it differs) with a discriminator that takes conditions. For units see `METRICS`.

    Raises:
        InputError: an array is empty or has another shape, holds ids outside the vocabulary, or a likelihood is not
            finite; `max_scored` < 1.
    """
    check_at_least(1, max_scored=max_scored)
    values = {"nll_test": negative_log_likelihood(generator, held_out)}
    if oracle is not None:
        values["nll_oracle"] = negative_log_likelihood(oracle, generated)
    if discriminator is not None:
        given, real = split_condition(held_out) if takes_condition(generator) else (None, held_out)
        given = first_rows(given, max_scored) if takes_condition(discriminator) else None

        def score(condition: Any, token_ids: np.ndarray) -> np.ndarray:
            return discriminator_logits(discriminator, join_condition(condition, token_ids))

        real, generated = real[:max_scored], generated[:max_scored]
        of_real, of_generated = score(given, real), score(first_rows(given, len(generated)), generated)
        values["held_out_real_accuracy"] = float(np.mean(of_real > 0))
        values["held_out_generated_accuracy"] = float(np.mean(of_generated <= 0))
        if min(len(of_real), len(of_generated)) > 1:
            values["held_out_gain"] = held_out_gain(of_real, of_generated)
        if given is not None:
            mismatched = mismatched_accuracy(discriminator, (given, real))
            values |= {} if mismatched is None else {"held_out_mismatched_accuracy": mismatched}
    return values


def mismatched_accuracy(discriminator: "keras.Model", data: Any) -> float | None:
    """Share of real sequences with the condition of the next row, where it differs, that are recognised.

    Args:
        discriminator: a `Discriminator`.
        data: (conditions, token_ids), see `discriminator_logits`.

    Returns:
        Share of logits of at most 0; None for a discriminator without an encoder, and where no condition differs.
    """
    condition, token_ids = split_condition(data)
    if not takes_condition(discriminator):
        return None
    differs = differs_from_previous(condition).numpy()
    if not differs.any():
        return None
    return float(np.mean(discriminator_logits(discriminator, (condition, np.roll(token_ids, 1, axis=0)))[differs] <= 0))
