"""Metrics of a training run on held-out data: likelihoods, and the accuracy of the discriminator."""

from typing import TYPE_CHECKING

import numpy as np

from seqgan_tf.core.sequences import check_token_ids
from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.metrics.likelihood import negative_log_likelihood

if TYPE_CHECKING:
    import keras

    from seqgan_tf.core.protocols import Generator

BATCH_SIZE = 250


def discriminator_logits(discriminator: "keras.Model", token_ids: np.ndarray) -> np.ndarray:
    """Logits of P(real), dropout off.

    Args:
        discriminator: a `Discriminator`.
        token_ids: int array [n, T], n >= 1, padded with -1.

    Returns:
        float array [n].

    Raises:
        InputError: `token_ids` has another shape, or holds ids outside the vocabulary.
    """
    check_token_ids(token_ids, discriminator.vocabulary_size)
    if np.ndim(token_ids) != 2 or not len(token_ids):
        raise InputError(f"`token_ids` must be of shape [n, T], n >= 1. Received: shape {np.shape(token_ids)}")
    return discriminator.predict(token_ids, batch_size=BATCH_SIZE, verbose=0)


def held_out_metrics(
    generator: "Generator",
    discriminator: "keras.Model | None",
    held_out: np.ndarray,
    generated: np.ndarray,
    oracle: "Generator | None" = None,
    max_scored: int = 1_000,
) -> dict[str, float]:
    """NLL-test, NLL-oracle, and the accuracy of a discriminator on data that it was not trained on.

    Args:
        generator: the policy that is measured.
        discriminator: a `Discriminator`, or None: its accuracies are left out.
        held_out: int array [n, T] of real sequences that neither model was trained on, padded with -1.
        generated: int array [m, T] of new samples of the generator.
        oracle: the model that wrote the real data. Defaults to None: NLL-oracle is left out.
        max_scored: the discriminator scores the first `max_scored` sequences of `held_out` and of `generated`, since
            it costs more than the likelihoods. Defaults to 1,000.

    Returns:
        A dict with "nll_test"; "nll_oracle" with an oracle; "held_out_real_accuracy" (share of logits above 0) and
        "held_out_generated_accuracy" (share of logits of at most 0) with a discriminator. For units see `METRICS`.

    Raises:
        InputError: an array is empty or has another shape, holds ids outside the vocabulary, or a likelihood is not
            finite; `max_scored` < 1.
    """
    check_at_least(1, max_scored=max_scored)
    values = {"nll_test": negative_log_likelihood(generator, held_out)}
    if oracle is not None:
        values["nll_oracle"] = negative_log_likelihood(oracle, generated)
    if discriminator is not None:
        real_logits = discriminator_logits(discriminator, held_out[:max_scored])
        generated_logits = discriminator_logits(discriminator, generated[:max_scored])
        values["held_out_real_accuracy"] = float(np.mean(real_logits > 0))
        values["held_out_generated_accuracy"] = float(np.mean(generated_logits <= 0))
    return values
