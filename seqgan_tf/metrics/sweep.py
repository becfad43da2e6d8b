"""The temperature sweep: quality against NLL-test, and two generators compared at equal NLL-test (Caccia et al., 2020).

A generator sampled with its logits times alpha trades diversity for quality, at no training at all. So a better
quality says something only at an equal NLL-test, where each model is scored with the alpha that it is sampled with.
"""

import dataclasses
import math

import numpy as np
import tensorflow_probability as tfp

from seqgan_tf.checks import check_at_least
from seqgan_tf.generation import generate
from seqgan_tf.metrics.likelihood import negative_log_likelihood

ALPHAS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8, 2.0, 2.3)


@dataclasses.dataclass(frozen=True)
class TemperatureSweep:
    """The curve of one generator, or of one way of training over several seeds.

    Attributes:
        alphas: float array [A], ascending; logits are multiplied by them (temperature 1 / alpha).
        nll_test: float array [S, A], nats a token of held-out sequences at alpha.
        quality: float array [S, A], of samples at alpha.
        seeds: tuple of S ints, one a row: of the samples, or of the training, see `sweep_over_runs`.
        num_test, num_generated: int, sequences behind every figure of a row.
    """

    alphas: np.ndarray
    nll_test: np.ndarray
    quality: np.ndarray
    seeds: tuple
    num_test: int
    num_generated: int

    def bands(self):
        """(NLL-test, quality), each as `confidence_band` gives it: (mean [A], half width [A])."""
        return confidence_band(self.nll_test), confidence_band(self.quality)


def temperature_sweep(generator, test, quality, alphas=ALPHAS, num_samples=5_000, seeds=(1,)):
    """Samples and scores a generator at several temperatures.

    Args:
        generator: a `Generator`.
        test: int array [n, T], real sequences that nobody trained on.
        quality: function that gives samples, an int32 array [num_samples, T], a number. With an oracle:
            `lambda samples: negative_log_likelihood(oracle, samples)`.
        alphas: floats above 0. Defaults to 12 from 0.7 to 2.3.
        num_samples: int. Defaults to 5,000.
        seeds: ints; each draws all samples anew. Defaults to (1,).

    Returns:
        `TemperatureSweep`, a row a seed; its bands then hold the chance of sampling alone.

    Raises:
        ValueError: no alpha or seed, an alpha <= 0, a quality that is no finite number, or as
            `negative_log_likelihood`.
    """
    alphas = np.array(sorted(set(alphas)), np.float64)
    if not len(alphas) or not ((alphas > 0) & np.isfinite(alphas)).all():
        raise ValueError(f"`alphas` must hold numbers above 0. Received: {alphas.tolist()}")
    if not len(seeds):
        raise ValueError("`seeds` must hold at least one. Received: none")
    nll_test = [negative_log_likelihood(generator, test, 1 / alpha) for alpha in alphas]
    figures = np.zeros([len(seeds), len(alphas)])
    for i, seed in enumerate(seeds):
        for j, alpha in enumerate(alphas):
            figures[i, j] = quality(generate(generator, num_samples, np.shape(test)[1], seed, temperature=1 / alpha))
            if not math.isfinite(figures[i, j]):
                raise ValueError(f"`quality` must give a finite number. Received: {figures[i, j]} at alpha {alpha}")
    return TemperatureSweep(alphas, np.tile(nll_test, [len(seeds), 1]), figures, tuple(seeds), len(test), num_samples)


def sweep_over_runs(sweeps, seeds):
    """One curve of several runs of the same method: each run's mean over its own rows becomes a row.

    Args:
        sweeps: list of `TemperatureSweep` at the same alphas.
        seeds: the runs' training seeds, in the same order.

    Raises:
        ValueError: there is no sweep, not one seed a sweep, or the alphas or the counts differ.
    """
    if not len(sweeps) or len(sweeps) != len(seeds):
        raise ValueError(f"`sweeps` must hold one sweep a seed. Received: {len(sweeps)} sweeps, {len(seeds)} seeds")
    first = sweeps[0]
    for sweep in sweeps:
        same = (list(sweep.alphas), sweep.num_test, sweep.num_generated)
        if same != (list(first.alphas), first.num_test, first.num_generated):
            raise ValueError(
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


def confidence_band(rows, confidence=0.95):
    """Mean over rows and half the width of its confidence interval, by Student's t.

    Args:
        rows: float array [S, ...].
        confidence: float in (0, 1). Defaults to 0.95.

    Returns:
        (mean [...], half width [...]); the latter is NaN where S = 1.
    """
    _check_confidence(confidence)
    rows = np.asarray(rows, np.float64)
    count = len(rows)
    if count < 2:
        return rows.mean(axis=0), np.full(rows.shape[1:], np.nan)
    return rows.mean(axis=0), _t_quantile(confidence, count - 1) * rows.std(axis=0, ddof=1) / math.sqrt(count)


@dataclasses.dataclass(frozen=True)
class EqualNllComparison:
    """Quality of one curve less that of another at equal NLL-test.

    Attributes:
        nll_test: float array [P], where they are compared; empty where the curves have no NLL-test in common.
        difference: float array [P], first less second.
        half_width: float array [P], of the confidence interval; NaN with one seed.
        paired: bool, whether the curves have the same seeds and differences were taken seed by seed.
        confidence: float.
    """

    nll_test: np.ndarray
    difference: np.ndarray
    half_width: np.ndarray
    paired: bool
    confidence: float


def compare_at_equal_nll(first, second, num_points=9, confidence=0.95):
    """The difference of two curves at equal NLL-test, with its band over seeds.

    NLL-test is convex in alpha. Of its two branches the one from the minimum towards higher alpha is compared, by
    linear interpolation between alphas, where all rows of both curves have it.

    Args:
        first, second: `TemperatureSweep`.
        num_points: int, evenly spaced over the common range. Defaults to 9.
        confidence: float. Defaults to 0.95. Seeds that are not the same are compared by Welch's t.

    Returns:
        `EqualNllComparison`.
    """
    _check_confidence(confidence)
    check_at_least(1, num_points=num_points)
    branches = [[_sharp_branch(*row) for row in zip(c.nll_test, c.quality, strict=True)] for c in (first, second)]
    low = max(nll[0] for branch in branches for nll, _ in branch)
    high = min(nll[-1] for branch in branches for nll, _ in branch)
    points = np.linspace(low, high, num_points) if low < high else np.zeros(0)
    a, b = (np.stack([np.interp(points, nll, quality) for nll, quality in branch]) for branch in branches)
    paired = len(a) > 1 and first.seeds == second.seeds
    if paired:
        difference, half_width = confidence_band(a - b, confidence)
    else:
        difference = a.mean(axis=0) - b.mean(axis=0)
        half_width = _welch_half_width(a, b, confidence)
    return EqualNllComparison(points, difference, half_width, paired, confidence)


def _sharp_branch(nll_test, quality):
    """The part of a row from the lowest NLL-test on."""
    start = int(np.argmin(nll_test))
    return nll_test[start:], quality[start:]


def _welch_half_width(a, b, confidence):
    if min(len(a), len(b)) < 2:
        return np.full(a.shape[1:], np.nan)
    terms = [rows.var(axis=0, ddof=1) / len(rows) for rows in (a, b)]
    variance = sum(terms)
    spread = sum(term**2 / (len(rows) - 1) for term, rows in zip(terms, (a, b), strict=True))
    with np.errstate(invalid="ignore"):
        freedom = np.where(spread > 0, variance**2 / spread, 1.0)
    return np.array([_t_quantile(confidence, f) for f in freedom]) * np.sqrt(variance)


def _check_confidence(confidence):
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must be between 0 and 1. Received: {confidence}")


def _t_quantile(confidence, freedom):
    return float(tfp.distributions.StudentT(np.float64(freedom), 0.0, 1.0).quantile((1 + confidence) / 2))
