"""Divergences of a generator from the oracle that wrote its training data, in both directions."""

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from seqgan_tf.core.padding import PADDING
from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.likelihood import sequence_log_likelihoods

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Generator


@dataclasses.dataclass(frozen=True)
class Divergences:
    """Monte Carlo estimates over sequences of the oracle O and of the generator G, with their standard errors.

    Attributes:
        nll_test: -E_O log G, nats per token.
        nll_oracle: -E_G log O, nats per token.
        oracle_entropy: -E_O log O, nats per token. It is NLL-test and NLL-oracle of the oracle itself.
        generator_entropy: -E_G log G, nats per token. Below that of the oracle, G is less diverse than O.
        kl_oracle_generator: KL(O||G) = E_O[log O - log G], nats per sequence; large where G rarely writes what O
            writes.
        kl_generator_oracle: KL(G||O) = E_G[log G - log O], nats per sequence; large where G writes what O rarely
            writes.
        jensen_shannon: (KL(O||M) + KL(G||M)) / 2, M = (O + G) / 2, of whole sequences, nats per sequence, in
            [0, log 2] up to sampling error.
        standard_errors: standard error of each of the above, by its name.
        num_real: number of sequences of the oracle.
        num_generated: number of sequences of the generator.

    Example:
    ```python
    from seqgan_tf import Generator, Oracle
    from seqgan_tf.core.generation import generate
    from seqgan_tf.metrics import divergences

    oracle, generator = Oracle(20, 4, 4, seed=1), Generator(20, 4, 4, seed=2)
    real, generated = generate(oracle, 100, 5, seed=1), generate(generator, 100, 5, seed=2)
    found = divergences(oracle, generator, real, generated)
    print(found.kl_oracle_generator, "+-", found.standard_errors["kl_oracle_generator"])
    ```
    """

    nll_test: float
    nll_oracle: float
    oracle_entropy: float
    generator_entropy: float
    kl_oracle_generator: float
    kl_generator_oracle: float
    jensen_shannon: float
    standard_errors: dict[str, float]
    num_real: int
    num_generated: int


def divergences(
    oracle: "Generator",
    generator: "Generator",
    real: np.ndarray,
    generated: np.ndarray,
    temperature: float = 1.0,
) -> Divergences:
    """Divergences of a generator from an oracle, and the likelihoods that they consist of.

    With sequences of one length T, KL(O||G) = T * (NLL-test - H(O)) and KL(G||O) = T * (NLL-oracle - H(G)).

    Args:
        oracle: the model that wrote the real data.
        generator: the policy that is measured.
        real: int array [n, T], n >= 2, sequences of the oracle that were not used in training, padded with -1.
        generated: int array [m, T], m >= 2, sequences of the generator at `temperature`.
        temperature: temperature of the generator. Defaults to 1.0.

    Returns:
        The estimates and their standard errors.

    Raises:
        InputError: the vocabularies differ, a set has fewer than two sequences or no token, or as
            `sequence_log_likelihoods`.
    """
    if oracle.vocabulary_size != generator.vocabulary_size:
        raise InputError(
            "`oracle` and `generator` must have the same vocabulary. "
            f"Received: {oracle.vocabulary_size} and {generator.vocabulary_size} tokens"
        )
    for name, token_ids in (("real", real), ("generated", generated)):
        if len(token_ids) < 2:
            raise InputError(f"`{name}` must hold at least two sequences. Received: {len(token_ids)}")
        if not np.any(np.asarray(token_ids) != PADDING):
            raise InputError(f"`{name}` must hold at least one token. Received: only padding")
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
    estimates = {
        "nll_test": _per_token(-generator_real, real_lengths),
        "nll_oracle": _per_token(-oracle_generated, generated_lengths),
        "oracle_entropy": _per_token(-oracle_real, real_lengths),
        "generator_entropy": _per_token(-generator_generated, generated_lengths),
        "kl_oracle_generator": _mean(oracle_real - generator_real),
        "kl_generator_oracle": _mean(generator_generated - oracle_generated),
    }
    (real_mean, real_error), (generated_mean, generated_error) = _mean(from_real), _mean(from_generated)
    estimates["jensen_shannon"] = (real_mean + generated_mean) / 2, math.hypot(real_error, generated_error) / 2
    return Divergences(
        **{name: mean for name, (mean, _) in estimates.items()},
        standard_errors={name: error for name, (_, error) in estimates.items()},
        num_real=len(real),
        num_generated=len(generated),
    )


def _log_mixture(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """log((exp(a) + exp(b)) / 2)."""
    return np.logaddexp(a, b) - math.log(2)


def _per_token(totals: np.ndarray, lengths: np.ndarray) -> tuple[float, float]:
    """Sum of totals [n] / sum of lengths [n], and its standard error by the delta method."""
    ratio = totals.sum() / lengths.sum()
    return float(ratio), _mean(totals - ratio * lengths)[1] / float(lengths.mean())


def _mean(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard error of values [n]."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(len(values)))
