"""The categorical draw."""

import numpy as np
import pytest
import tensorflow as tf
from exact import chi_square_p_value, log_softmax
from tensorflow_probability import distributions as tfd

from seqgan_tf.core.categorical import InverseCDFCategorical, draw

SEED = tf.constant([1, 0])


@pytest.mark.parametrize("vocabulary_size", [2, 7, 100, 230])  # below, at and above the block size of 100
def test_draws_follow_the_distribution(vocabulary_size, rng):
    logits = rng.normal(size=(2, vocabulary_size)).astype(np.float32) * 2
    drawn = InverseCDFCategorical(logits=logits, dtype=tf.int32).sample(20_000, seed=SEED).numpy()
    assert drawn.shape == (20_000, 2)
    assert drawn.dtype == np.int32
    for row in range(2):
        assert chi_square_p_value(drawn[:, row], np.exp(log_softmax(logits[row]))) > 1e-3
    assert np.abs(np.corrcoef(drawn.T)[0, 1]) < 0.03  # rows are independent


def test_tokens_of_probability_zero_are_never_drawn(rng):
    logits = rng.normal(size=(1, 330)).astype(np.float32)
    logits[0, [0, 150, 229, 329]] = -np.inf
    logits[0, 230:300] = -np.inf
    drawn = InverseCDFCategorical(logits=logits).sample(20_000, seed=SEED).numpy()
    assert np.isfinite(logits[0, drawn]).all()
    assert chi_square_p_value(drawn, np.exp(log_softmax(logits[0]))) > 1e-3


@pytest.mark.parametrize("vocabulary_size", [7, 100, 230])
@pytest.mark.parametrize(("bits", "end"), [(0, 0), (2**32 - 1, -1)])
def test_the_ends_of_the_uniform_range_give_the_first_and_last_token(monkeypatch, vocabulary_size, bits, end, rng):
    def constant_bits(shape, *args, **kwargs):
        return tf.fill(shape, tf.constant(bits, tf.uint32))

    monkeypatch.setattr(tf.random, "stateless_uniform", constant_bits)
    logits = rng.normal(size=(50, vocabulary_size)).astype(np.float32)
    first, last = vocabulary_size // 2, vocabulary_size - 3
    logits[:, :first] = logits[:, last + 1 :] = -np.inf
    drawn = InverseCDFCategorical(logits=logits).sample(seed=SEED)
    np.testing.assert_array_equal(drawn, np.full(50, (first, last)[end]))


def test_huge_logits_do_not_overflow():
    logits = np.zeros((3, 120), np.float32)
    logits[0, 119], logits[1, 0], logits[2] = 1e30, 5e4, -1e30
    logits[2, 60] = -9e29
    drawn = InverseCDFCategorical(logits=logits).sample(50, seed=SEED)
    np.testing.assert_array_equal(drawn, np.tile([119, 0, 60], (50, 1)))


def test_it_is_a_tfp_categorical(rng):
    logits = rng.normal(size=(4, 3, 6)).astype(np.float32)
    distribution = InverseCDFCategorical(logits=logits)
    assert isinstance(distribution, tfd.Categorical)
    assert distribution.sample(seed=SEED).shape == (4, 3)
    assert distribution.sample([5, 2], seed=SEED).shape == (5, 2, 4, 3)
    np.testing.assert_allclose(distribution.log_prob(np.full((4, 3), 2)), log_softmax(logits)[..., 2], rtol=1e-5)


def test_draws_depend_on_the_seed_alone(rng):
    logits = rng.normal(size=(500, 9)).astype(np.float32)
    first = draw(logits, tf.constant([7, 0]))
    assert first.dtype == tf.int32
    np.testing.assert_array_equal(first, draw(logits, tf.constant([7, 0])))
    assert np.any(first != draw(logits, tf.constant([8, 0])))
    assert np.any(first != draw(logits, tf.constant([7, 1])))


@pytest.mark.parametrize("vocabulary_size", [7, 230])
def test_draws_are_the_same_with_and_without_xla(vocabulary_size, rng):
    logits = rng.normal(size=(1000, vocabulary_size)).astype(np.float32)
    compiled = tf.function(draw, jit_compile=True)
    np.testing.assert_array_equal(compiled(logits, SEED), draw(logits, SEED))


def test_the_quantile_of_a_uniform_number_is_a_token_of_the_cumulative_distribution():
    logits = np.log([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]]).astype(np.float32)
    distribution = InverseCDFCategorical(logits=logits)
    np.testing.assert_array_equal(distribution.quantile([0.6, 0.6]), [1, 2])
    np.testing.assert_array_equal(
        distribution.quantile([[0.0, 0.0], [0.49, 0.2], [0.8, 0.99]]), [[0, 0], [0, 1], [2, 2]]
    )
