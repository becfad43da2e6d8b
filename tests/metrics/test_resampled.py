"""The model of resampled sequences against enumeration of all its particles."""

import itertools

import numpy as np
import pytest
import small_models
from exact import all_sequences, sequence_probabilities

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics import resampled_sweep, resampling_log_ratios

V, T, END = 3, 4, 0


def make_gan():
    """Some logits of the discriminator are beyond the bound of the log-odds."""
    generator = sg.Generator(V, 3, 4, end_token_id=END, initializer_stddev=0.8, seed=5)
    discriminator = sg.NgramDiscriminator(V, T, 4, seed=2)
    draw = np.random.default_rng(7)
    for variable in discriminator.trainable_variables:
        variable.assign(draw.normal(size=variable.shape))
    return sg.SeqGAN(generator, discriminator, sg.TerminalReward())


def exact_model(gan, alpha, particles):
    """All sequences, and Q of each: every tuple of particles, and every one of them taken."""
    sequences = all_sequences(V, T, END)
    p = sequence_probabilities(lambda token_ids: alpha * gan.generator(token_ids), sequences)
    logits = gan.discriminator(sequences).numpy().astype(np.float64)
    assert 0 < np.mean(np.abs(logits) > 3) < 0.5
    weights = np.exp(np.clip(logits, -3, 3))
    q = np.zeros(len(p))
    for drawn in itertools.product(range(len(p)), repeat=particles):
        drawn = list(drawn)
        np.add.at(q, drawn, p[drawn].prod() * weights[drawn] / weights[drawn].sum())
    assert q.sum() == pytest.approx(1.0)
    return sequences, p, q, weights


@pytest.mark.parametrize("particles", [1, 2, 3])
def test_ratios_are_those_of_all_tuples_of_particles(particles):
    _, p, q, weights = exact_model(make_gan(), 1.0, particles)
    sampled = np.random.default_rng(4).choice(np.log(weights), 200_000, p=p)
    found = resampling_log_ratios(np.log(weights), sampled, particles, seed=1)
    # 10,000 sets: the mean of 1 / (exp(v) + S) has a relative error of below 1%
    np.testing.assert_allclose(found, np.log(q / p), atol=0.04)
    assert np.ptp(found) > 1.0 if particles > 1 else (np.abs(found) < 1e-12).all()


def test_the_sweep_is_that_of_the_resampled_model():
    gan, particles, alphas, n = make_gan(), 2, (0.5, 1.0, 2.0), 8_000
    test = np.array([[1, 2, 2, 1], [2, 0, -1, -1], [0, -1, -1, -1]], np.int32)
    found = resampled_sweep(
        gan, test, lambda samples: np.mean(np.sum(samples == 2, axis=1)), alphas, n, seeds=(3, 4), particles=particles
    )
    assert (found.num_test, found.num_generated, found.seeds) == (3, n, (3, 4))
    for j, alpha in enumerate(alphas):
        sequences, p, q, _ = exact_model(gan, alpha, particles)
        places = [sequences.tolist().index(row) for row in test.tolist()]
        expected = -np.log(q[places]).sum() / 7  # tokens
        plain = -np.log(p[places]).sum() / 7
        np.testing.assert_allclose(found.nll_test[:, j], expected, atol=0.01)
        assert abs(expected - plain) > 0.02
        counts = np.sum(sequences == 2, axis=1)
        error = np.sqrt(q @ (counts - q @ counts) ** 2 / n)
        assert np.all(np.abs(found.quality[:, j] - q @ counts) < 4.5 * error)
        assert abs(q @ counts - p @ counts) > 9 * error


def test_without_a_difference_of_values_it_is_the_sweep_of_the_generator():
    gan = make_gan()
    for variable in gan.discriminator.trainable_variables:
        variable.assign(0 * variable)
    test = np.array([[1, 2, 2, 1], [2, 0, -1, -1]], np.int32)
    found = resampled_sweep(gan, test, np.mean, (1.0, 1.5), 10, particles=5)
    expected = [
        -np.log(sequence_probabilities(lambda token_ids, a=a: a * gan.generator(token_ids), test)).sum() / 6
        for a in (1.0, 1.5)
    ]
    np.testing.assert_allclose(found.nll_test[0], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("values", "sampled", "particles", "message"),
    [
        ([1.0], [1.0], 0, "`particles` must be at least 1. Received: 0"),
        ([np.nan], [1.0], 2, "`values` must hold finite numbers"),
        ([1.0], [], 2, "`sampled` must hold finite numbers, one per sequence. Received: []"),
        ([[1.0]], [1.0], 2, "`values` must hold finite numbers"),
    ],
)
def test_wrong_values(values, sampled, particles, message):
    with pytest.raises(InputError) as raised:
        resampling_log_ratios(values, sampled, particles)
    assert message in str(raised.value)


def test_a_generator_with_conditions_is_refused():
    gan, *_ = small_models.on_pairs()
    with pytest.raises(InputError) as raised:
        resampled_sweep(gan, np.ones([2, 3], np.int32), np.mean)
    assert str(raised.value) == "`gan` must have a generator without conditions. Received: one that takes them"
