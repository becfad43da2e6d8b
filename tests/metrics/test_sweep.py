"""The temperature sweep against enumeration, and its comparison against scipy's t tests on constructed curves."""

import numpy as np
import pytest
import scipy.stats
from exact import all_sequences, log_softmax, sequence_probabilities

from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.sweep import (
    TemperatureSweep,
    compare_at_equal_nll,
    confidence_band,
    sweep_over_runs,
    temperature_sweep,
)
from seqgan_tf.models.generator import Generator

V, T = 4, 3
TEST = np.array([[1, 2, 3], [2, 0, -1], [0, -1, -1], [3, 3, 1], [1, 0, -1]], np.int32)


def make_generator():
    return Generator(V, 3, 4, end_token_id=0, initializer_stddev=0.8, seed=5)


def count_of_twos(samples):
    return np.mean(np.sum(samples == 2, axis=1))


# The sweep


def test_nll_test_is_that_of_the_logits_times_alpha():
    generator = make_generator()
    found = temperature_sweep(generator, TEST, count_of_twos, alphas=(2.0, 0.5, 1, 1.0), num_samples=8, seeds=(3, 4))
    assert found.alphas.tolist() == [0.5, 1.0, 2.0]
    expected = []
    for alpha in found.alphas:
        log_probs = log_softmax(alpha * np.asarray(generator(TEST), np.float64))
        expected.append(-np.mean([log_probs[b, t, TEST[b, t]] for b, t in np.argwhere(TEST >= 0)]))
    np.testing.assert_allclose(found.nll_test, [expected, expected], rtol=1e-5)
    assert (found.num_test, found.num_generated, found.seeds) == (5, 8, (3, 4))


def test_quality_is_that_of_samples_at_alpha():
    generator, num_samples, shapes = make_generator(), 4_000, []

    def quality(samples):
        shapes.append(samples.shape)
        return count_of_twos(samples)

    found = temperature_sweep(generator, TEST, quality, (0.5, 1.0, 2.5), num_samples, seeds=(1, 2))
    assert shapes == [(num_samples, T)] * 6
    sequences = all_sequences(V, T, 0)
    counts, means = np.sum(sequences == 2, axis=1), []
    for j, alpha in enumerate(found.alphas):
        p = sequence_probabilities(lambda token_ids, alpha=alpha: alpha * generator(token_ids), sequences)
        means.append(p @ counts)
        error = np.sqrt(p @ (counts - means[-1]) ** 2 / num_samples)
        assert np.all(np.abs(found.quality[:, j] - means[-1]) < 4.5 * error)
    assert np.ptp(means) > 0.2  # the temperatures can be told apart
    assert np.all(found.quality[0] != found.quality[1])


def test_a_seed_gives_the_same_row_at_any_place():
    generator = make_generator()
    first, second = (
        temperature_sweep(generator, TEST, count_of_twos, (0.7, 1.3), 300, seeds) for seeds in ((1, 2), (2, 5, 1))
    )
    np.testing.assert_array_equal(first.quality[[0, 1]], second.quality[[2, 0]])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alphas": (1.0, 0.0)}, r"`alphas` must hold numbers above 0. Received: \[0\.0, 1\.0\]"),
        ({"alphas": (-0.5,)}, r"`alphas` must hold numbers above 0. Received: \[-0\.5\]"),
        ({"alphas": (float("nan"),)}, r"`alphas` must hold numbers above 0. Received: \[nan\]"),
        ({"alphas": (float("inf"),)}, r"`alphas` must hold numbers above 0. Received: \[inf\]"),
        ({"test": TEST[0]}, r"`token_ids` must be of shape \[n, T\]"),
        ({"alphas": ()}, r"`alphas` must hold numbers above 0. Received: \[\]"),
        ({"seeds": ()}, "`seeds` must hold at least one. Received: none"),
        ({"num_samples": 0}, "`n` must be at least 1. Received: 0"),
        ({"quality": lambda samples: np.nan}, r"`quality` must give a finite number. Received: nan at alpha 0\.5"),
        ({"quality": lambda samples: np.inf}, r"`quality` must give a finite number. Received: inf at alpha 0\.5"),
        ({"test": TEST + 1}, r"`token_ids` must be in \[0, 4\), the vocabulary"),
        ({"test": np.full((2, T), -1)}, "`token_ids` must hold at least one token"),
    ],
)
def test_invalid_arguments_are_refused(settings, message):
    arguments = {"test": TEST, "quality": count_of_twos, "alphas": (0.5,), "num_samples": 2} | settings
    with pytest.raises(InputError, match=message):
        temperature_sweep(make_generator(), **arguments)


# Over seeds


def curve(nll_test, quality, seeds=None, alphas=None):
    nll_test, quality = np.array(nll_test, float), np.array(quality, float)
    seeds = tuple(range(len(nll_test))) if seeds is None else seeds
    alphas = np.arange(1.0, nll_test.shape[1] + 1) if alphas is None else alphas
    return TemperatureSweep(alphas, nll_test, quality, seeds, num_test=5, num_generated=8)


def test_a_run_becomes_a_row():
    runs = [curve([[1, 2], [3, 6]], [[0, 1], [2, 5]]), curve([[7, 8]], [[4, 3]]), curve([[5, 9]], [[6, 7]])]
    found = sweep_over_runs(runs, seeds=[11, 12, 13])
    np.testing.assert_array_equal(found.nll_test, [[2, 4], [7, 8], [5, 9]])
    np.testing.assert_array_equal(found.quality, [[1, 3], [4, 3], [6, 7]])
    assert found.seeds == (11, 12, 13)
    np.testing.assert_array_equal(found.alphas, runs[0].alphas)
    assert (found.num_test, found.num_generated) == (5, 8)


def test_runs_at_other_alphas_or_counts_are_refused():
    first = curve([[1, 2]], [[0, 1]])
    others = curve([[1, 2]], [[0, 1]], alphas=np.array([1.0, 3.0]))
    with pytest.raises(InputError, match=r"`sweeps` must agree in.* Received: \[1\.0, 2\.0\], 5, 8 and \[1\.0, 3\.0\]"):
        sweep_over_runs([first, others], seeds=[1, 2])
    fewer = TemperatureSweep(first.alphas, first.nll_test, first.quality, (0,), num_test=4, num_generated=8)
    with pytest.raises(InputError, match=r"`sweeps` must agree in.*, 5, 8 and .*, 4, 8"):
        sweep_over_runs([first, fewer], seeds=[1, 2])


@pytest.mark.parametrize(("count", "seeds"), [(0, []), (1, [1, 2]), (2, [1])])
def test_runs_need_a_seed_each(count, seeds):
    with pytest.raises(InputError, match=f"one sweep per seed. Received: {count} sweeps, {len(seeds)} seeds"):
        sweep_over_runs([curve([[1, 2]], [[0, 1]])] * count, seeds)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("count", [2, 3, 11])
def test_the_band_is_students(rng, count, confidence):
    rows = rng.normal(size=(count, 4, 2))
    mean, half_width = confidence_band(rows, confidence)
    low, high = scipy.stats.t.interval(
        confidence, count - 1, loc=rows.mean(axis=0), scale=scipy.stats.sem(rows, axis=0)
    )
    np.testing.assert_allclose(mean - half_width, low, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(mean + half_width, high, rtol=1e-6, atol=1e-9)


def test_one_row_has_no_band():
    mean, half_width = confidence_band([[1.0, 4.0]])
    np.testing.assert_array_equal(mean, [1, 4])
    np.testing.assert_array_equal(half_width, [np.nan, np.nan])


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_outside_0_and_1_is_refused(confidence):
    with pytest.raises(InputError, match=f"`confidence` must be between 0 and 1. Received: {confidence}"):
        confidence_band([[1.0], [2.0]], confidence)


# At equal NLL-test


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"confidence": 2}, "`confidence` must be between 0 and 1. Received: 2"),
        ({"num_points": 0}, "`num_points` must be at least 1. Received: 0"),
    ],
)
def test_invalid_arguments_of_a_comparison_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        compare_at_equal_nll(curve([[1, 2]], [[0, 1]]), curve([[1, 3]], [[0, 1]]), **settings)


def test_parallel_curves_differ_by_the_shift_between_them():
    # quality = 2 nll + 1 and 2 nll + 1.5, at other points of other ranges.
    first = curve([[1, 2, 4, 5]], [[3, 5, 9, 11]])
    second = curve([[2, 3, 6]], [[5.5, 7.5, 13.5]])
    found = compare_at_equal_nll(first, second, num_points=4)
    np.testing.assert_allclose(found.nll_test, [2, 3, 4, 5])
    np.testing.assert_allclose(found.difference, [-0.5] * 4)
    np.testing.assert_array_equal(found.half_width, [np.nan] * 4)
    assert not found.paired
    np.testing.assert_allclose(compare_at_equal_nll(second, first, 4).difference, [0.5] * 4)


def test_between_alphas_a_curve_is_a_line():
    found = compare_at_equal_nll(curve([[0, 1, 4]], [[0, 3, 0]]), curve([[0, 4]], [[0, 0]]), num_points=9)
    np.testing.assert_allclose(found.nll_test, np.arange(9) / 2)
    np.testing.assert_allclose(found.difference, [0, 1.5, 3, 2.5, 2, 1.5, 1, 0.5, 0])


def test_only_the_branch_right_of_the_minimum_counts():
    whole = curve([[6, 3, 1, 2, 4]], [[900, -900, 1, 2, 4]])
    other = curve([[9, 0, 5]], [[-900, 0, 5]])
    found = compare_at_equal_nll(whole, other)
    np.testing.assert_allclose(found.nll_test, np.linspace(1, 4, 9))
    np.testing.assert_allclose(found.difference, np.zeros(9), atol=1e-12)


def test_the_range_is_what_all_rows_have():
    first = curve([[1, 5], [2, 6]], [[1, 5], [2, 6]])
    second = curve([[0, 4], [1.5, 9]], [[0, 4], [1.5, 9]])
    np.testing.assert_allclose(compare_at_equal_nll(first, second, 3).nll_test, [2, 3, 4])


def test_a_range_is_cut_to_what_both_curves_have():
    flat, steep = curve([[1, 3]], [[5, 5]]), curve([[2, 4]], [[0, 20]])
    found = compare_at_equal_nll(flat, steep, num_points=3, nll_range=(2.5, 9.0))
    np.testing.assert_allclose(found.nll_test, [2.5, 2.75, 3.0])
    np.testing.assert_allclose(found.difference, [0, -2.5, -5])
    assert not len(compare_at_equal_nll(flat, steep, nll_range=(3.5, 9.0)).nll_test)


@pytest.mark.parametrize("nll_range", [(2.0, 2.0), (3.0, 2.0), (2.0, float("nan"))])
def test_a_range_that_does_not_increase_is_refused(nll_range):
    with pytest.raises(ValueError, match="`nll_range` must be two numbers, the lower one first"):
        compare_at_equal_nll(curve([[1, 3]], [[5, 5]]), curve([[1, 3]], [[5, 5]]), nll_range=nll_range)


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_curves_without_a_common_range_have_no_points(seeds):
    count = len(seeds)
    for lower in ([[1, 2]], [[3.5, 2]]):  # the second has its minimum at its end
        found = compare_at_equal_nll(curve(lower * count, [[0, 1]] * count), curve([[3, 4]] * count, [[0, 1]] * count))
        assert found.nll_test.shape == found.difference.shape == found.half_width.shape == (0,)


def lines(rng, count, seeds):
    """Straight curves of random slopes and heights, and a function of NLL-test that gives their quality."""
    slope, height = rng.normal(2, 1, (count, 1)), rng.normal(size=(count, 1))
    nll = np.sort(rng.uniform(0, 1, (count, 3)), axis=1) + [0, 3, 6]
    return curve(nll, slope * nll + height, seeds), lambda x: slope * x + height


def check_interval(found, result, a, b, confidence):
    interval = result.confidence_interval(confidence)
    np.testing.assert_allclose(found.difference, a.mean(axis=0) - b.mean(axis=0))
    np.testing.assert_allclose(found.difference - found.half_width, interval.low, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.difference + found.half_width, interval.high, rtol=1e-5, atol=1e-7)
    assert found.confidence == confidence


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_equal_seeds_are_paired(rng, confidence):
    (first, at_first), (second, at_second) = (lines(rng, 4, (3, 1, 4, 5)) for _ in range(2))
    found = compare_at_equal_nll(first, second, 5, confidence)
    a, b = at_first(found.nll_test), at_second(found.nll_test)
    assert found.paired
    assert found.nll_test.shape == (5,)
    check_interval(found, scipy.stats.ttest_rel(a, b), a, b, confidence)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
@pytest.mark.parametrize("seeds", [(7, 8, 9, 10, 11), (3, 1, 4, 6), (1, 3, 4, 5)])
def test_other_seeds_are_compared_by_welchs_t(rng, seeds, confidence):
    (first, at_first), (second, at_second) = lines(rng, 4, (3, 1, 4, 5)), lines(rng, len(seeds), seeds)
    found = compare_at_equal_nll(first, second, 5, confidence)
    a, b = at_first(found.nll_test), at_second(found.nll_test)
    assert not found.paired
    check_interval(found, scipy.stats.ttest_ind(a, b, equal_var=False), a, b, confidence)


def test_equal_rows_have_a_band_of_width_0():
    first, second = curve([[1, 2]] * 2, [[1, 2]] * 2, (1, 2)), curve([[1, 2]] * 3, [[0, 1]] * 3, (1, 2, 3))
    found = compare_at_equal_nll(first, second, 3)
    np.testing.assert_allclose(found.difference, [1, 1, 1])
    np.testing.assert_array_equal(found.half_width, [0, 0, 0])
