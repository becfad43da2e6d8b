"""Losses, baselines, masked means and steps refuse tensors that broadcasting would accept."""

import re

import numpy as np
import pytest
import tensorflow as tf

from seqgan_tf.core import losses, sequences, steps
from seqgan_tf.core.validation import InputError

N = 3  # B and T, so that a transposed or broadcast tensor fits by its sizes
V = 5
IDS = np.ones([N, N], np.int32)
ROWS = tf.ones([N, N])  # [B, T]
LOGITS = tf.ones([N, N, V])


def shape_of(*sizes):
    return f"Received: shape {tuple(sizes)}"


def expect_one_line(message):
    return pytest.raises(InputError, match=f"^{re.escape(message)}$")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((LOGITS[0], IDS), f"`logits` must be of shape [B, T, V]. {shape_of(N, V)}"),
        ((LOGITS, IDS[0]), f"`token_ids` must be of shape [B, T]. {shape_of(N)}"),
        ((LOGITS, IDS[:, :1]), f"`token_ids` must be of shape [B, T] with T = {N}. {shape_of(N, 1)}"),
        ((LOGITS, IDS[:1]), f"`token_ids` must be of shape [B, T] with B = {N}. {shape_of(1, N)}"),
        (
            (tf.ones([2, N, V]), np.ones([N, 2], int)),
            f"`token_ids` must be of shape [B, T] with B = 2. {shape_of(N, 2)}",
        ),
        ((LOGITS, ROWS), "`token_ids` must hold integers. Received: dtype float32"),
        ((tf.ones([N, N, V], tf.int32), IDS), "`logits` must hold floats. Received: dtype int32"),
    ],
)
def test_log_probs_of_wrong_tensors(arguments, message):
    with expect_one_line(message):
        losses.token_log_probs(*arguments)


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (LOGITS[0], f"`logits` must be of shape [B, T, V]. {shape_of(N, V)}"),
        (tf.ones([N, N, V], tf.int32), "`logits` must hold floats. Received: dtype int32"),
    ],
)
def test_the_entropy_of_wrong_tensors(logits, message):
    with expect_one_line(message):
        losses.entropy(logits)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (tf.ones([N, 1]), f"be of shape [B]. {shape_of(N, 1)}"),
        (tf.ones([1, N]), f"be of shape [B]. {shape_of(1, N)}"),
        (tf.ones([]), f"be of shape [B]. {shape_of()}"),
        (tf.ones([N], tf.int32), "hold floats. Received: dtype int32"),
    ],
)
def test_the_cross_entropy_and_accuracies_of_wrong_tensors(which, wrong, problem):
    name = ("real_logits", "generated_logits")[which]
    arguments = (wrong, tf.ones([N])) if which == 0 else (tf.ones([N]), wrong)
    for function in (losses.adversarial_cross_entropy, steps.accuracies):
        with expect_one_line(f"`{name}` must {problem}"):
            function(*arguments)
        function(tf.ones([N]), tf.ones([N + 2]))  # their numbers may differ


def moving_average(rewards, mask):
    return losses.moving_average(0.5, rewards, mask)


def loss_of_advantages(advantages, mask):
    return losses.policy_gradient_loss(ROWS, advantages, mask)


WRONG_ROWS = [
    (tf.ones([N]), f"be of shape [B, T]. {shape_of(N)}"),  # [B] against [B, T] with B == T
    (tf.ones([N, N, 1]), f"be of shape [B, T]. {shape_of(N, N, 1)}"),
    (tf.ones([]), f"be of shape [B, T]. {shape_of()}"),
    (tf.ones([N, N], tf.int32), "hold floats. Received: dtype int32"),
]


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (losses.negative_log_likelihood, "log_probs"),
        (lambda log_probs, mask: losses.policy_gradient_loss(log_probs, ROWS, mask), "log_probs"),
        (loss_of_advantages, "advantages"),
        (losses.batch_mean_baseline, "rewards"),
        (losses.leave_one_out_baseline, "rewards"),
        (moving_average, "rewards"),
        (sequences.masked_mean, "values"),
        (sequences.masked_sum, "values"),
    ],
)
def test_values_and_masks_of_different_ranks(function, name):
    of_any_rank = name == "values"
    for wrong, problem in WRONG_ROWS:
        if not of_any_rank or "floats" in problem:
            with expect_one_line(f"`{name}` must {problem}"):
                function(wrong, ROWS)
        with expect_one_line(f"`mask` must {problem}"):
            function(ROWS, wrong)


@pytest.mark.parametrize(
    "function",
    [
        losses.negative_log_likelihood,
        lambda log_probs, mask: losses.policy_gradient_loss(log_probs, tf.ones(tf.shape(log_probs)), mask),
        losses.batch_mean_baseline,
        losses.leave_one_out_baseline,
        moving_average,
        sequences.masked_mean,
        sequences.masked_sum,
    ],
)
@pytest.mark.parametrize(
    ("shape", "mask_shape", "axis"),
    [
        ((2, 3), (2, 1), "T = 3"),
        ((2, 3), (1, 3), "B = 2"),
        ((2, 3), (3, 2), "B = 2"),  # transposed
        ((2, 1), (2, 3), "T = 1"),
        ((1, 3), (2, 3), "B = 1"),
    ],
)
def test_values_and_masks_of_different_sizes(function, shape, mask_shape, axis):
    with expect_one_line(f"`mask` must be of shape [B, T] with {axis}. {shape_of(*mask_shape)}"):
        function(tf.ones(shape), tf.ones(mask_shape))


def test_masked_means_take_any_rank_and_unknown_dimensions():
    assert float(sequences.masked_mean(np.float32(3.0), np.float32(1.0))) == 3.0
    assert float(sequences.masked_sum(np.ones([2]), np.ones([2]))) == 2.0
    assert sequences.masked_mean(tf.ones([2, 3, 4]), tf.ones([2, 3, 4]), axis=(0, 1)).shape == (4,)
    for spec in (None, [None, None]):
        traced = tf.function(sequences.masked_mean, input_signature=[tf.TensorSpec(spec)] * 2)
        assert float(traced(tf.ones([2, 3]), tf.ones([2, 3]))) == 1.0
    with expect_one_line(f"`mask` must be of shape [B]. {shape_of(2, 1)}"):
        sequences.masked_sum(np.ones([2]), np.ones([2, 1]))


def test_the_value_of_a_moving_average_is_a_scalar():
    for average in (1, 1.0, np.float32(1.0), tf.constant(1.0), tf.Variable(1.0)):
        assert float(losses.moving_average(average, ROWS, ROWS)) == 1.0
    with expect_one_line(f"`average` must be of shape []. {shape_of(N)}"):
        losses.moving_average(tf.ones([N]), ROWS, ROWS)


# Steps


@pytest.mark.parametrize(
    ("logits", "problem"),
    [
        (tf.ones([2 * N, 1]), f"be of shape [B]. {shape_of(2 * N, 1)}"),
        (tf.ones([2 * N, 2]), f"be of shape [B]. {shape_of(2 * N, 2)}"),
        (tf.ones([]), f"be of shape [B]. {shape_of()}"),
        (tf.ones([N]), f"be of shape [B] with B = {2 * N}. {shape_of(N)}"),
        (tf.ones([2 * N], tf.int32), "hold floats. Received: dtype int32"),
    ],
)
def test_a_discriminator_must_return_one_float_per_sequence(logits, problem):
    with expect_one_line(f"`discriminator(token_ids)` must {problem}"):
        steps.discriminator_step(lambda token_ids, training: logits, None, IDS, IDS)


@pytest.mark.parametrize(
    ("real", "generated", "message"),
    [
        (IDS, IDS[:2], f"`generated` must be of shape [B, T] with B = {N}. {shape_of(2, N)}"),
        (IDS, IDS[:, :2], f"`generated` must be of shape [B, T] with T = {N}. {shape_of(N, 2)}"),
        (IDS[0], IDS, f"`real` must be of shape [B, T]. {shape_of(N)}"),
        (IDS, ROWS, "`generated` must hold integers. Received: dtype float32"),
    ],
)
def test_a_discriminator_step_takes_as_many_real_as_generated_sequences(real, generated, message):
    with expect_one_line(message):
        steps.discriminator_step(lambda token_ids, training: tf.ones([2 * N]), None, real, generated)


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (LOGITS[:, 0], f"`logits` must be of shape [B, T, V]. {shape_of(N, V)}"),
        (LOGITS[:, 1:], f"`token_ids` must be of shape [B, T] with T = {N - 1}. {shape_of(N, N)}"),
        (LOGITS[:1], f"`token_ids` must be of shape [B, T] with B = 1. {shape_of(N, N)}"),
        (tf.ones([N, N, V], tf.int32), "`logits` must hold floats. Received: dtype int32"),
    ],
)
def test_a_generator_must_return_logits_for_every_position(logits, message):
    def generator(token_ids, training):
        return logits

    with expect_one_line(message):
        steps.likelihood_step(generator, None, IDS)
    with expect_one_line(message):
        steps.likelihood_metrics(generator, IDS)


@pytest.mark.parametrize("name", ["rewards", "advantages"])
@pytest.mark.parametrize(
    ("wrong", "problem"), [*WRONG_ROWS, (tf.ones([N, 1]), f"be of shape [B, T] with T = {N}. {shape_of(N, 1)}")]
)
def test_a_policy_gradient_step_takes_a_float_per_token(name, wrong, problem):
    inputs = {"rewards": ROWS, "advantages": ROWS} | {name: wrong}
    with expect_one_line(f"`{name}` must {problem}"):
        steps.policy_gradient_step(lambda token_ids, training: LOGITS, None, IDS, **inputs)
