"""The model that resampled sequences follow: its likelihood, and its temperature sweep.

Axes: n sequences, P particles.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from seqgan_tf.core.conditions import takes_condition
from seqgan_tf.core.log_odds import CLIP
from seqgan_tf.core.padding import PADDING
from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.metrics.held_out import discriminator_logits
from seqgan_tf.metrics.likelihood import negative_log_likelihood
from seqgan_tf.metrics.sweep import ALPHAS, TemperatureSweep, sweep_of

DRAWS = 10_000
"""Sets of other particles that the likelihood is averaged over."""


def resampling_log_ratios(
    values: Sequence[float] | np.ndarray, sampled: Sequence[float] | np.ndarray, particles: int, seed: int = 0
) -> np.ndarray:
    """log Q(Y) / G(Y), where Q takes one of P samples of G with a probability in proportion to exp(value).

    Y is taken from its place with probability exp(v) / (exp(v) + S), S the sum of exp(value) over the other
    P - 1. So Q(Y) = G(Y) P exp(v) E[1 / (exp(v) + S)], where the expectation is over samples of G. It is averaged over
    10,000 sets of P - 1 of the sampled values, drawn with replacement. This is the density for this P, not its limit
    G exp(v) / Z.

    Args:
        values: float array [n], the value of each sequence Y.
        sampled: float array [m], m >= 1, the values of independent samples of G.
        particles: P >= 1. With 1 all ratios are 0.
        seed: of the sets. Defaults to 0.

    Returns:
        float64 array [n], nats per sequence.

    Raises:
        InputError: a value is not finite, there is no sampled one, or `particles` < 1.

    Example:
    ```python
    from seqgan_tf.metrics import resampling_log_ratios

    # Half of the samples have twice the weight of the others, so with two particles they are taken 7 times of 12.
    print(resampling_log_ratios([0.0, 0.693147], [0.0, 0.693147], particles=2))  # about log(5 / 6) and log(7 / 6)
    ```
    """
    check_at_least(1, particles=particles)
    arrays = []
    for name, given in (("values", values), ("sampled", sampled)):
        array = np.asarray(given, np.float64)
        if array.ndim != 1 or not np.isfinite(array).all() or (name == "sampled" and not len(array)):
            raise InputError(f"`{name}` must hold finite numbers, one per sequence. Received: {given!r:.80}")
        arrays.append(array)
    own, others = arrays
    draws = np.random.default_rng(seed).integers(0, len(others), [DRAWS, particles - 1])
    sums = np.exp(others)[draws].sum(axis=1)  # [DRAWS]
    return np.array([v + np.log(np.mean(particles / (np.exp(v) + sums))) for v in own])


def resampled_sweep(
    gan: Any,
    test: Any,
    quality: Callable[[np.ndarray], float],
    alphas: Sequence[float] = ALPHAS,
    num_samples: int = 5_000,
    seeds: Sequence[int] = (1,),
    particles: int = 32,
) -> TemperatureSweep:
    """`temperature_sweep` of the samples that the discriminator chooses: `generate(strategy="resample")`.

    The discriminator stays the same at all temperatures. NLL-test is that of the model that such samples follow, see
    `resampling_log_ratios`, so the curve can be compared with that of the generator alone at equal NLL-test.

    Args:
        gan: a `SeqGAN` whose generator takes no condition.
        test: int array [n, T] of real sequences that were not used in training, padded with -1.
        quality: function from samples, an int32 array [num_samples, T], to a number.
        alphas: numbers above 0 that the generator's logits are multiplied by. Defaults to 12 numbers from 0.7 to 2.3.
        num_samples: samples at each alpha. The discriminator scores (particles + 1) times as many. Defaults to 5,000.
        seeds: one set of samples is drawn with each. Defaults to (1,).
        particles: samples of the generator for one of these. Defaults to 32.

    Raises:
        InputError: the generator takes a condition, `particles` < 1, or as `temperature_sweep`.

    Example:
    ```python
    import numpy as np
    import seqgan_tf as sg
    from seqgan_tf.metrics import resampled_sweep

    test = np.random.default_rng(0).integers(0, 10, (50, 6))
    gan = sg.SeqGAN(sg.Generator(10, 8, 8, seed=1), sg.Discriminator(10, 6, seed=1), sg.MonteCarloRollout())
    sweep = resampled_sweep(
        gan, test, lambda samples: sg.metrics.bleu(samples, test).bleu[4], (0.7, 1.5), num_samples=20, particles=4
    )
    print(sweep.nll_test.shape, sweep.quality.shape)  # (1, 2) (1, 2)
    ```
    """
    check_at_least(1, particles=particles)
    if takes_condition(gan.generator):
        raise InputError("`gan` must have a generator without conditions. Received: one that takes them")
    test = np.asarray(test, np.int32)
    num_tokens = int(np.sum(test != PADDING))
    values = np.clip(discriminator_logits(gan.discriminator, test), -CLIP, CLIP)

    def nll_test(temperature: float) -> float:
        fresh = gan.generate(num_samples, seeds[0], temperature=temperature)
        sampled = np.clip(discriminator_logits(gan.discriminator, fresh), -CLIP, CLIP)
        nll = negative_log_likelihood(gan.generator, test, temperature)
        return nll - float(resampling_log_ratios(values, sampled, particles).sum()) / num_tokens

    def samples(temperature: float, seed: int) -> np.ndarray:
        return gan.generate(num_samples, seed, temperature=temperature, strategy="resample", particles=particles)

    return sweep_of(nll_test, samples, quality, alphas, seeds, len(test), num_samples)
