"""Networks that are bound to conditions: rows, gradients, roll-outs and the steps of training."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conditional import SOURCES, TARGETS, B, S, T, U, V, discriminator, encoder, generator, recurrent_discriminator
from exact import all_sequences, sequence_probabilities
from gradients import assert_gradients, tape_norms

from seqgan_tf.core import losses, steps
from seqgan_tf.core.conditions import Conditioned, condition_of, condition_on, differs_from_previous
from seqgan_tf.core.sequences import mask
from seqgan_tf.core.validation import InputError
from seqgan_tf.models.generator import Generator
from seqgan_tf.rewards.rollout import MonteCarloRollout


def test_a_network_without_an_encoder_is_used_as_it_is():
    plain = Generator(V, 3, 4)
    assert condition_on(plain, None) is plain
    assert condition_on(plain, SOURCES) is plain


def test_a_network_with_an_encoder_needs_a_condition():
    with pytest.raises(InputError, match=r"`condition` must be given for .*, which has an encoder. Received: None"):
        condition_on(generator(), None)
    with pytest.raises(InputError, match=r"`context` must be what `encode\(condition\)` returns .* Received: NoneType"):
        generator()(TARGETS)
    with pytest.raises(InputError, match=r"`context` must be what `encode\(condition\)` returns .* Received: NoneType"):
        discriminator()(TARGETS)
    with pytest.raises(InputError, match=r"`context` must be None for this generator\. Received: list"):
        Generator(V, 3, 4)(TARGETS, context=[1])


@pytest.mark.parametrize("network", [generator, discriminator, recurrent_discriminator])
def test_row_r_belongs_to_condition_r_mod_b(network):
    bound = condition_on(network(), SOURCES)
    alone = [condition_on(bound.network, SOURCES[[r % B]])(TARGETS[[r % B]])[0] for r in range(2 * B)]
    if network is not generator:
        np.testing.assert_allclose(bound(np.tile(TARGETS, [2, 1])), alone, rtol=1e-5, atol=1e-6)
    rows = bound.rows(tf.constant([2, 0]))
    np.testing.assert_allclose(rows(TARGETS[[2, 0]]), np.stack([alone[2], alone[0]]), rtol=1e-5, atol=1e-6)
    one = bound(TARGETS[[0, 0, 0]]).numpy()
    assert np.any(one[0] != one[1])


def test_a_condition_differs_from_that_of_the_row_before_if_any_part_does():
    label, source = np.array([1, 1, 2, 1]), np.array([[1, 2], [1, 2], [1, 2], [3, 2]])
    np.testing.assert_array_equal(differs_from_previous(label), [False, False, True, True])
    found = differs_from_previous({"label": label, "source": source})
    np.testing.assert_array_equal(found, [True, False, True, True])


def test_a_bound_network_keeps_its_conditions_and_those_of_its_rows():
    bound = condition_on(generator(), SOURCES)
    assert condition_of(bound) is SOURCES
    np.testing.assert_array_equal(condition_of(bound.rows(tf.constant([2, 0]))), SOURCES[[2, 0]])
    assert condition_of(Generator(V, 3, 4)) is None
    without = Conditioned(bound.network, bound.context)
    assert condition_of(without) is None
    assert condition_of(without.rows(tf.constant([1]))) is None


# Gradients


@pytest.mark.parametrize("attention", [None, "luong"])
def test_the_likelihood_and_the_policy_gradient_reach_the_generators_encoder(attention):
    network = generator(attention=attention, initializer_stddev=0.5)
    advantages = tf.constant(np.random.default_rng(0).normal(size=[B, T]), tf.float32)

    def likelihood():
        log_probs = losses.token_log_probs(condition_on(network, SOURCES)(TARGETS), TARGETS)
        return losses.negative_log_likelihood(log_probs, mask(TARGETS))

    def policy():
        log_probs = losses.token_log_probs(condition_on(network, SOURCES)(TARGETS), TARGETS)
        return losses.policy_gradient_loss(log_probs, advantages, mask(TARGETS))

    assert_gradients(likelihood, network)
    assert_gradients(policy, network)


def test_the_discriminators_loss_reaches_its_encoder():
    network = discriminator(l2=0.0)
    network.matching.kernel.assign(np.random.default_rng(0).normal(size=network.matching.kernel.shape))
    assert min(tape_norms(lambda: tf.reduce_sum(condition_on(network, SOURCES)(TARGETS) ** 2), network.encoder)) > 0


# Roll-outs


@pytest.mark.parametrize("chunk_size", [2, 64])
@pytest.mark.parametrize("kind", ["cnn", "cnn without its scorer", "recurrent"])
def test_roll_outs_given_a_condition_are_the_expectation_by_enumeration(kind, chunk_size):
    policy_network = generator(3, initializer_stddev=1.0)
    judge_network = (recurrent_discriminator if kind == "recurrent" else discriminator)(3, length=3)
    judge_network.matching.kernel.assign(3 * np.random.default_rng(0).normal(size=judge_network.matching.kernel.shape))
    if kind == "cnn without its scorer":
        judge_network.completion_scorer = None
    sequences = all_sequences(3, 3, end_token_id=0)
    chosen, number = sequences[[1, 7, 12]], 600 if chunk_size == 64 else 60
    policy, judge = condition_on(policy_network, SOURCES), condition_on(judge_network, SOURCES)
    estimator = MonteCarloRollout(number, clip=100.0, chunk_size=chunk_size)
    found = tf.function(estimator.estimate)(chosen, policy, judge, tf.constant([1, 0])).numpy()
    for b in range(B):
        alone = condition_on(policy_network, np.repeat(SOURCES[[b]], len(sequences), axis=0))
        p = sequence_probabilities(alone, sequences)
        logits = condition_on(judge_network, np.repeat(SOURCES[[b]], len(sequences), axis=0))(sequences).numpy()
        for t in range(3):
            if chosen[b, t] < 0:
                assert found[b, t] == 0
                continue
            alike = (sequences[:, : t + 1] == chosen[b, : t + 1]).all(axis=1)
            weights = p[alike] / p[alike].sum()
            mean = weights @ logits[alike]
            deviation = np.sqrt(weights @ (logits[alike] - mean) ** 2)
            assert abs(found[b, t] - mean) < 4.5 * deviation / np.sqrt(number) + 1e-4


# Steps


def test_mismatched_sequences_are_real_ones_with_the_condition_of_the_next_row():
    network, generated = discriminator(dropout=0.0, l2=0.0), np.roll(TARGETS, 1, axis=1) * 0 + 2
    same = np.concatenate([SOURCES[:2], SOURCES[1:2]])  # rows 1 and 2 have the same condition
    judge = condition_on(network, same)
    real, fake, wrong = (judge(tokens).numpy() for tokens in (TARGETS, generated, TARGETS[[2, 0, 1]]))
    softplus = lambda x: np.log1p(np.exp(x))  # noqa: E731
    counted = wrong[[0, 1]]  # row 2 has the condition of row 1
    negative = 0.5 * (softplus(fake).mean() + softplus(counted).mean())

    arguments = (tf.constant(TARGETS), tf.constant(generated), same)
    logs = steps.discriminator_step(network, keras.optimizers.SGD(0.1), *arguments)
    assert float(logs["discriminator_loss"]) == pytest.approx(0.5 * (softplus(-real).mean() + negative), rel=1e-5)
    assert float(logs["mismatched_accuracy"]) == pytest.approx((counted <= 0).mean())
    network = discriminator(dropout=0.0, l2=0.0)
    without = steps.discriminator_step(network, keras.optimizers.SGD(0.1), *arguments, mismatched=False)
    assert "mismatched_accuracy" not in without
    expected = 0.5 * (softplus(-real).mean() + softplus(fake).mean())
    assert float(without["discriminator_loss"]) == pytest.approx(expected, rel=1e-5)


def test_encoders_have_the_widths_that_they_name():
    assert (encoder().memory_dim, encoder().summary_dim) == (8, 8)
    memory, found, summary = encoder()(SOURCES)
    assert (memory.shape, found.shape, summary.shape) == ((B, S, 8), (B, S), (B, 8))
    with pytest.raises(InputError, match=rf"`condition` must be in \[0, {U}\), the vocabulary.* Received: {U}"):
        encoder()(np.full([2, 3], U))
