"""Temperature sweep: quality against NLL-test, and two generators compared at equal NLL-test (Caccia et al., 2020).

A generator whose logits are multiplied by alpha > 1 loses diversity and gains quality without any training. So two
generators are compared at equal NLL-test, where NLL-test is measured at the alpha of the samples.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow_probability as tfp

from seqgan_tf.core.conditions import first_rows, takes_condition
from seqgan_tf.core.elements import split_condition
from seqgan_tf.core.generation import generate
from seqgan_tf.core.sampling import SamplingSettings
from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.metrics.likelihood import negative_log_likelihood

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Generator

EVERYWHERE = (-math.inf, math.inf)
ALPHAS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8, 2.0, 2.3)


@dataclasses.dataclass(frozen=True)
class TemperatureSweep:
    """The curve of one generator, or of one training method over several seeds.

    Attributes:
        alphas: float array [A], ascending; logits are multiplied by them (temperature 1 / alpha).
        nll_test: float array [S, A], NLL of held-out sequences at each alpha, nats per token.
        quality: float array [S, A], quality metric of samples at each alpha.
        seeds: S ints, one per row: seeds of the samples, or of the training, see `sweep_over_runs`.
        num_test: number of held-out sequences that each NLL-test was computed from.
        num_generated: number of samples that each quality was computed from.

    Example:
    ```python
    import numpy as np

    from seqgan_tf import Generator
    from seqgan_tf.metrics import bleu, temperature_sweep

    test = np.random.default_rng(0).integers(0, 10, (50, 6))
    sweep = temperature_sweep(
        Generator(10, 8, 8, seed=1), test, lambda samples: bleu(samples, test).bleu[4], (0.7, 1.0, 1.5), num_samples=50
    )
    print(sweep.nll_test.shape, sweep.quality.shape)  # (1, 3) (1, 3)
    ```
    """

    alphas: np.ndarray
    nll_test: np.ndarray
    quality: np.ndarray
    seeds: tuple[int, ...]
    num_test: int
    num_generated: int

    def bands(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """`confidence_band` of NLL-test and of quality over the rows: mean [A] and half width [A] of each."""
        return confidence_band(self.nll_test), confidence_band(self.quality)


def temperature_sweep(
    generator: "Generator",
    test: Any,
    quality: Callable[[np.ndarray], float],
    alphas: Sequence[float] = ALPHAS,
    num_samples: int = 5_000,
    seeds: Sequence[int] = (1,),
) -> TemperatureSweep:
    """NLL-test and quality of a generator at several temperatures.

    Args:
        generator: the policy that is measured.
        test: int array [n, T] of real sequences that were not used in training, padded with -1. For a generator with an
            encoder: (conditions, sequences), the conditions a nest of arrays [n, ...].
        quality: function from samples, an int32 array [num_samples, T], to a number. With an oracle:
            `lambda samples: negative_log_likelihood(oracle, samples)`.
        alphas: numbers above 0 that the logits are multiplied by. Defaults to 12 numbers from 0.7 to 2.3.
        num_samples: samples at each alpha; with conditions at most n, for the first of them. Defaults to 5,000.
        seeds: one set of samples is drawn with each. Defaults to (1,).

    Returns:
        The curve, with one row per seed. Its bands contain the variation of the samples, not that of the training.

    Raises:
        InputError: there is no alpha or no seed, an alpha is not above 0, a quality is not finite, or as
            `negative_log_likelihood`.
    """
    condition, token_ids = split_condition(test) if takes_condition(generator) else (None, test)
    if condition is not None:
        condition = first_rows(condition, num_samples)
        num_samples = min(num_samples, len(token_ids))

    def samples(temperature: float, seed: int) -> np.ndarray:
        settings = SamplingSettings(temperature)
        return generate(generator, num_samples, np.shape(token_ids)[1], seed, settings, condition=condition)

    def nll_test(temperature: float) -> float:
        return negative_log_likelihood(generator, test, temperature)

    return sweep_of(nll_test, samples, quality, alphas, seeds, len(token_ids), num_samples)


def sweep_of(
    nll_test: Callable[[float], float],
    samples: Callable[[float, int], np.ndarray],
    quality: Callable[[np.ndarray], float],
    alphas: Sequence[float],
    seeds: Sequence[int],
    num_test: int,
    num_generated: int,
) -> TemperatureSweep:
    """The curve of anything that has a likelihood and can be sampled at a temperature.

    Args:
        nll_test: function of the temperature: NLL of the held-out sequences, nats per token.
        samples: function of (temperature, seed): int32 array [num_generated, T].
        quality: function from such samples to a number.
        alphas: numbers above 0, the temperatures are 1 / alpha.
        seeds: one set of samples is drawn with each.
        num_test: number of held-out sequences.
        num_generated: number of samples.

    Raises:
        InputError: there is no alpha or no seed, an alpha is not above 0, or a quality is not finite.
    """
    values = np.array(sorted(set(alphas)), np.float64)
    if not len(values) or not ((values > 0) & np.isfinite(values)).all():
        raise InputError(f"`alphas` must hold numbers above 0. Received: {values.tolist()}")
    if not len(seeds):
        raise InputError("`seeds` must hold at least one. Received: none")
    nlls = [nll_test(1 / alpha) for alpha in values]
    qualities = np.zeros([len(seeds), len(values)])
    for i, seed in enumerate(seeds):
        for j, alpha in enumerate(values):
            qualities[i, j] = quality(samples(1 / alpha, seed))
            if not math.isfinite(qualities[i, j]):
                raise InputError(f"`quality` must give a finite number. Received: {qualities[i, j]} at alpha {alpha}")
    return TemperatureSweep(values, np.tile(nlls, [len(seeds), 1]), qualities, tuple(seeds), num_test, num_generated)


def sweep_over_runs(sweeps: Sequence[TemperatureSweep], seeds: Sequence[int]) -> TemperatureSweep:
    """One curve of several runs of the same method: the mean over the rows of each run becomes one row.

    Args:
        sweeps: one sweep per run, all at the same alphas and with the same numbers of sequences.
        seeds: the training seed of each run.

    Returns:
        The curve, with one row per run.

    Raises:
        InputError: there is no sweep, the number of seeds is another, or alphas or numbers of sequences differ.
    """
    if not len(sweeps) or len(sweeps) != len(seeds):
        raise InputError(f"`sweeps` must hold one sweep per seed. Received: {len(sweeps)} sweeps, {len(seeds)} seeds")
    first = sweeps[0]
    for sweep in sweeps:
        same = (list(sweep.alphas), sweep.num_test, sweep.num_generated)
        if same != (list(first.alphas), first.num_test, first.num_generated):
            raise InputError(
                "`sweeps` must agree in alphas and counts. Received: "
                f"{first.alphas.tolist()}, {first.num_test}, {first.num_generated} and "
                f"{sweep.alphas.tolist()}, {sweep.num_test}, {sweep.num_generated}"
            )
    return dataclasses.replace(
        first,
        nll_test=np.stack([sweep.nll_test.mean(axis=0) for sweep in sweeps]),
        quality=np.stack([sweep.quality.mean(axis=0) for sweep in sweeps]),
        seeds=tuple(seeds),
    )


def confidence_band(
    rows: Sequence[Sequence[float]] | np.ndarray, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Mean over rows, and half the width of its confidence interval by Student's t.

    Args:
        rows: float array [S, ...], S >= 1.
        confidence: the probability that the interval covers the mean, in (0, 1). Defaults to 0.95.

    Returns:
        Mean [...] and half width [...]; the half width is NaN where S = 1.

    Raises:
        InputError: `confidence` is not in (0, 1).
    """
    _check_confidence(confidence)
    rows = np.asarray(rows, np.float64)
    count = len(rows)
    if count < 2:
        return rows.mean(axis=0), np.full(rows.shape[1:], np.nan)
    return rows.mean(axis=0), _t_quantile(confidence, count - 1) * rows.std(axis=0, ddof=1) / math.sqrt(count)


@dataclasses.dataclass(frozen=True)
class EqualNllComparison:
    """Quality of a first curve less that of a second one at equal NLL-test.

    Attributes:
        nll_test: float array [P], the points of comparison; empty where the curves have no NLL-test in common.
        difference: float array [P], quality of the first less that of the second.
        half_width: float array [P], half the width of the confidence interval of the difference; NaN with one seed.
        paired: True where both curves have the same seeds and differences were taken seed by seed.
        confidence: of the interval.

    Example:
    ```python
    import numpy as np

    from seqgan_tf.metrics import compare_at_equal_nll
    from seqgan_tf.metrics.sweep import TemperatureSweep

    alphas, nll_test = np.array([1.0, 1.5, 2.0]), np.array([[2.0, 2.5, 3.0]])
    first = TemperatureSweep(alphas, nll_test, np.array([[0.5, 0.6, 0.7]]), seeds=(1,), num_test=50, num_generated=50)
    second = TemperatureSweep(alphas, nll_test, np.array([[0.4, 0.5, 0.6]]), seeds=(1,), num_test=50, num_generated=50)
    print(compare_at_equal_nll(first, second).difference)  # 0.1 at each of nine points
    ```
    """

    nll_test: np.ndarray
    difference: np.ndarray
    half_width: np.ndarray
    paired: bool
    confidence: float


def check_range(nll_range: tuple[float, float]) -> None:
    """Checks a range of NLL-test.

    Raises:
        InputError: it is not two numbers, the first below the second.
    """
    if not nll_range[0] < nll_range[1]:
        raise InputError(f"`nll_range` must be two numbers, the lower one first. Received: {nll_range}")


def compare_at_equal_nll(
    first: TemperatureSweep,
    second: TemperatureSweep,
    num_points: int = 9,
    confidence: float = 0.95,
    nll_range: tuple[float, float] = EVERYWHERE,
) -> EqualNllComparison:
    """The difference in quality of two curves at equal NLL-test, with its confidence band over seeds.

    NLL-test is convex in alpha, so that a curve has two branches. The branch from the lowest NLL-test towards higher
    alpha is compared, by linear interpolation between alphas, over the range that all rows of both curves cover.
    Curves of the same seeds are compared by a paired t interval, other curves by Welch's t interval.

    Args:
        first: a curve.
        second: the curve that it is compared with.
        num_points: points of comparison, evenly spaced over the common range. Defaults to 9.
        confidence: of the interval, in (0, 1). Defaults to 0.95.
        nll_range: compare over the part of the common range that lies within these two numbers. Defaults to
            (-inf, inf): over all of it.

    Returns:
        The differences and their bands.

    Raises:
        InputError: `num_points` < 1, `confidence` is not in (0, 1), or `nll_range` does not increase.
    """
    _check_confidence(confidence)
    check_at_least(1, num_points=num_points)
    check_range(nll_range)
    branches = [[_upper_branch(*row) for row in zip(c.nll_test, c.quality, strict=True)] for c in (first, second)]
    low = max(nll[0] for branch in branches for nll, _ in branch)
    high = min(nll[-1] for branch in branches for nll, _ in branch)
    low, high = max(low, nll_range[0]), min(high, nll_range[1])
    points = np.linspace(low, high, num_points) if low < high else np.zeros(0)
    a, b = (np.stack([np.interp(points, nll, quality) for nll, quality in branch]) for branch in branches)
    paired = len(a) > 1 and first.seeds == second.seeds
    if paired:
        difference, half_width = confidence_band(a - b, confidence)
    else:
        difference = a.mean(axis=0) - b.mean(axis=0)
        half_width = _welch_half_width(a, b, confidence)
    return EqualNllComparison(points, difference, half_width, paired, confidence)


def _upper_branch(nll_test: np.ndarray, quality: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of a row from the lowest NLL-test towards higher alpha."""
    start = int(np.argmin(nll_test))
    return nll_test[start:], quality[start:]


def _welch_half_width(a: np.ndarray, b: np.ndarray, confidence: float) -> np.ndarray:
    """Half the width of the confidence interval of the difference of two means of rows [S, P], by Welch's t."""
    if min(len(a), len(b)) < 2:
        return np.full(a.shape[1:], np.nan)
    terms = [rows.var(axis=0, ddof=1) / len(rows) for rows in (a, b)]
    variance = sum(terms)
    spread = sum(term**2 / (len(rows) - 1) for term, rows in zip(terms, (a, b), strict=True))
    with np.errstate(invalid="ignore"):
        freedom = np.where(spread > 0, variance**2 / spread, 1.0)
    return np.array([_t_quantile(confidence, f) for f in freedom]) * np.sqrt(variance)


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise InputError(f"`confidence` must be between 0 and 1. Received: {confidence}")


def _t_quantile(confidence: float, freedom: float) -> float:
    """The number that |t| is below with probability `confidence`."""
    return float(tfp.distributions.StudentT(np.float64(freedom), 0.0, 1.0).quantile((1 + confidence) / 2))
