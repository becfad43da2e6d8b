"""How far a generator is from the oracle that wrote its data, in both directions."""

import dataclasses
import math

import numpy as np

from seqgan_tf.metrics.likelihood import sequence_log_likelihoods
from seqgan_tf.sequences import PADDING


@dataclasses.dataclass(frozen=True)
class Divergences:
    """Monte Carlo estimates from real sequences (O's) and generated ones (G's), with their standard errors.

    Attributes:
        nll_test: -E_O log G, nats a token.
        nll_oracle: -E_G log O, nats a token.
        oracle_entropy: -E_O log O, nats a token: NLL-test and NLL-oracle of the oracle itself.
        generator_entropy: -E_G log G, nats a token. Below the oracle's, diversity is lost.
        kl_oracle_generator: KL(O||G) = E_O[log O - log G], nats a sequence; large where G misses what O writes.
        kl_generator_oracle: KL(G||O) = E_G[log G - log O], nats a sequence; large where G writes what O does not.
        jensen_shannon: (KL(O||M) + KL(G||M)) / 2, M = (O + G) / 2, of whole sequences, nats, in [0, log 2] but for
            chance.
        standard_errors: dict of float, of each of the above.
        num_real, num_generated: int, sequences.
    """

    nll_test: float
    nll_oracle: float
    oracle_entropy: float
    generator_entropy: float
    kl_oracle_generator: float
    kl_generator_oracle: float
    jensen_shannon: float
    standard_errors: dict
    num_real: int
    num_generated: int


def divergences(oracle, generator, real, generated, temperature=1.0):
    """Divergences of a generator from an oracle, and the likelihoods that they are made of.

    With sequences of one length T, KL(O||G) = T * (NLL-test - H(O)) and KL(G||O) = T * (NLL-oracle - H(G)).

    Args:
        oracle, generator: as for `sequence_log_likelihoods`.
        real: int array [n, T], written by the oracle, not seen in training.
        generated: int array [m, T], written by the generator at `temperature`.
        temperature: float, of the generator. Defaults to 1.0.

    Returns:
        `Divergences`.

    Raises:
        ValueError: the vocabularies differ, fewer than two sequences, or as `sequence_log_likelihoods`.
    """
    if oracle.vocabulary_size != generator.vocabulary_size:
        raise ValueError(
            "`oracle` and `generator` must have the same vocabulary. "
            f"Received: {oracle.vocabulary_size} and {generator.vocabulary_size} tokens"
        )
    for name, token_ids in (("real", real), ("generated", generated)):
        if len(token_ids) < 2:
            raise ValueError(f"`{name}` must hold at least two sequences. Received: {len(token_ids)}")
        if not np.any(np.asarray(token_ids) != PADDING):
            raise ValueError(f"`{name}` must hold at least one token. Received: only padding")
    oracle_real, generator_real = (
        sequence_log_likelihoods(oracle, real),
        sequence_log_likelihoods(generator, real, temperature),
    )
    oracle_generated, generator_generated = (
        sequence_log_likelihoods(oracle, generated),
        sequence_log_likelihoods(generator, generated, temperature),
    )
    real_lengths, generated_lengths = (np.sum(np.asarray(part) != PADDING, axis=1) for part in (real, generated))
    from_real = oracle_real - _log_mixture(oracle_real, generator_real)
    from_generated = generator_generated - _log_mixture(oracle_generated, generator_generated)
    figures = {
        "nll_test": _per_token(-generator_real, real_lengths),
        "nll_oracle": _per_token(-oracle_generated, generated_lengths),
        "oracle_entropy": _per_token(-oracle_real, real_lengths),
        "generator_entropy": _per_token(-generator_generated, generated_lengths),
        "kl_oracle_generator": _mean(oracle_real - generator_real),
        "kl_generator_oracle": _mean(generator_generated - oracle_generated),
    }
    (real_mean, real_error), (generated_mean, generated_error) = _mean(from_real), _mean(from_generated)
    figures["jensen_shannon"] = (real_mean + generated_mean) / 2, math.hypot(real_error, generated_error) / 2
    return Divergences(
        **{name: mean for name, (mean, _) in figures.items()},
        standard_errors={name: error for name, (_, error) in figures.items()},
        num_real=len(real),
        num_generated=len(generated),
    )


def _log_mixture(a, b):
    """log((exp(a) + exp(b)) / 2)."""
    return np.logaddexp(a, b) - math.log(2)


def _per_token(totals, lengths):
    """(sum of totals / sum of lengths, its standard error by the delta method) of sequences [n]."""
    ratio = totals.sum() / lengths.sum()
    return float(ratio), _mean(totals - ratio * lengths)[1] / float(lengths.mean())


def _mean(values):
    """(mean, standard error) of values [n]."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(len(values)))
