"""Losses and baselines, and the policy gradient against the exact gradient."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from exact import all_sequences, log_softmax

from seqgan_tf.core import losses, sequences

TOKEN_IDS = np.array([[3, 1, 0, 2], [4, 2, 2, -1], [0, -1, -1, -1]], np.int32)  # B 3, T 4
MASK = (TOKEN_IDS >= 0).astype(np.float32)
LOGITS = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32) * 3  # V 5


def numpy_log_probs():
    taken = np.take_along_axis(log_softmax(LOGITS), np.maximum(TOKEN_IDS, 0)[..., None], axis=-1)
    return taken[..., 0] * MASK


def test_token_log_probs_are_those_of_the_softmax():
    result = losses.token_log_probs(LOGITS, TOKEN_IDS)
    np.testing.assert_allclose(result * MASK, numpy_log_probs(), rtol=1e-5)


def test_the_gradient_of_token_log_probs_is_one_hot_less_the_softmax(rng):
    upstream = rng.normal(size=(3, 4)).astype(np.float32) * MASK
    logits = tf.constant(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        total = tf.reduce_sum(losses.token_log_probs(logits, TOKEN_IDS) * upstream)
    one_hot = np.eye(5)[np.maximum(TOKEN_IDS, 0)]
    expected = (one_hot - np.exp(log_softmax(LOGITS))) * upstream[..., None]
    np.testing.assert_allclose(tape.gradient(total, logits), expected, atol=1e-6)


def test_token_log_probs_and_their_gradient_are_finite_for_huge_logits():
    logits = tf.constant([[[3e4, 0.0, -3e4], [0.0, 1e30, 0.0]]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        log_probs = losses.token_log_probs(logits, tf.constant([[2, 1]]))
    np.testing.assert_allclose(log_probs, [[-6e4, 0.0]])
    np.testing.assert_allclose(tape.gradient(log_probs, logits), [[[-1, 0, 1], [0, 0, 0]]], atol=1e-6)


def test_likelihood_is_divided_by_the_number_of_tokens():
    result = losses.negative_log_likelihood(losses.token_log_probs(LOGITS, TOKEN_IDS), MASK)
    assert float(result) == pytest.approx(-numpy_log_probs().sum() / 8, rel=1e-5)
    assert float(losses.negative_log_likelihood(tf.fill([3, 4], -2.0), MASK)) == 2.0


def test_adversarial_cross_entropy_is_that_of_the_two_labels(rng):
    real, generated = rng.normal(size=4) * 2, rng.normal(size=6) * 2
    d_real, d_generated = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-generated))
    expected = -(np.log(d_real).mean() + np.log(1 - d_generated).mean()) / 2
    assert float(losses.adversarial_cross_entropy(real, generated)) == pytest.approx(expected, rel=1e-6)


def test_adversarial_cross_entropy_calls_real_one():
    assert float(losses.adversarial_cross_entropy(tf.constant([9.0]), tf.constant([-9.0]))) < 1e-3
    assert float(losses.adversarial_cross_entropy(tf.constant([-9.0]), tf.constant([9.0]))) > 8
    assert float(losses.adversarial_cross_entropy(tf.zeros(3), tf.zeros(3))) == pytest.approx(np.log(2))


def test_policy_gradient_loss_against_a_hand_worked_constant():
    log_probs = tf.constant([[-1.0, -2.0, -3.0], [-0.5, -4.0, np.nan]])
    advantages = tf.constant([[2.0, -1.0, 0.5], [4.0, 1.0, 7.0]])
    mask = tf.constant([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    # -((-2 + 2 - 1.5) + (-2 - 4)) / 2 sequences
    assert float(losses.policy_gradient_loss(log_probs, advantages, mask)) == 3.75


def test_no_gradient_flows_into_the_advantages():
    log_probs, advantages = tf.Variable([[-1.0, -2.0]]), tf.Variable([[3.0, 4.0]])
    with tf.GradientTape() as tape:
        loss = losses.policy_gradient_loss(log_probs, advantages, tf.ones([1, 2]))
    to_log_probs, to_advantages = tape.gradient(loss, [log_probs, advantages])
    assert to_advantages is None
    np.testing.assert_array_equal(to_log_probs, [[-3.0, -4.0]])


def test_entropy_is_that_of_each_distribution():
    p = np.exp(log_softmax(LOGITS))
    np.testing.assert_allclose(losses.entropy(LOGITS), -(p * np.log(p)).sum(-1), rtol=1e-5)
    np.testing.assert_allclose(losses.entropy(tf.zeros([1, 2, 7])), np.full([1, 2], np.log(7)), rtol=1e-6)


def plain_baseline(rewards, leave_out):
    """Mean over the (other) sequences with a token at the position; else over all tokens of the others."""
    result = np.zeros(rewards.shape)
    for b, t in itertools.product(*map(range, rewards.shape)):
        others = [i for i in range(len(rewards)) if not (leave_out and i == b)]
        here = [rewards[i, t] for i in others if MASK[i, t]]
        tokens = [rewards[i, s] for i in others for s in range(rewards.shape[1]) if MASK[i, s]]
        result[b, t] = np.mean(here) if here else np.mean(tokens)
    return result


def test_leave_one_out_baseline_against_a_plain_loop(rng):
    rewards = rng.normal(size=MASK.shape).astype(np.float32)
    result = losses.leave_one_out_baseline(np.where(MASK, rewards, np.nan).astype(np.float32), MASK)
    np.testing.assert_allclose(result, plain_baseline(rewards, leave_out=True), rtol=1e-5)


def test_where_no_other_sequence_has_a_token_the_mean_over_the_others_is_used():
    rewards = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 99.0], [9.0, 99.0, 99.0, 99.0]], np.float32)
    result = losses.leave_one_out_baseline(rewards, MASK).numpy()
    assert result[0, 3] == pytest.approx((5 + 6 + 7 + 9) / 4)  # only sequence 0 has a fourth token
    np.testing.assert_allclose(result[:, 0], [7.0, 5.0, 3.0])


def test_leave_one_out_baseline_does_not_depend_on_its_own_rewards(rng):
    rewards = rng.normal(size=MASK.shape).astype(np.float32)
    before = losses.leave_one_out_baseline(rewards, MASK).numpy()
    for b in range(len(rewards)):
        changed = rewards.copy()
        changed[b] += [1.0, -7.0, 3.0, 0.5]
        after = losses.leave_one_out_baseline(changed, MASK).numpy()
        np.testing.assert_allclose(after[b], before[b], atol=1e-6)
        assert np.abs(after - before).max() > 0.1  # and the others' do depend on it


def test_batch_mean_baseline_against_a_plain_loop(rng):
    rewards = rng.normal(size=MASK.shape).astype(np.float32)
    result = losses.batch_mean_baseline(rewards, MASK)
    assert result.shape == (1, 4)
    np.testing.assert_allclose(result[0], plain_baseline(rewards, leave_out=False)[0], rtol=1e-5)


def test_moving_average_moves_a_tenth_of_the_way_to_the_mean_over_tokens():
    rewards = tf.where(MASK > 0, 3.0, 99.0)
    assert float(losses.moving_average(1.0, rewards, MASK)) == pytest.approx(1.2)
    assert float(losses.moving_average(1.0, rewards, MASK, decay=0.5)) == pytest.approx(2.0)


# REINFORCE against the exact gradient. The policy consists of two tables: the logits of the first token, and the logits
# of each next token given the one before it. All sequences are enumerated; their rewards are arbitrary numbers.


class TablePolicy:
    def __init__(self, vocabulary_size, sequence_length, end_token_id):
        rng = np.random.default_rng(3)
        self.tables = [tf.Variable(0.5 * rng.normal(size=shape), dtype=tf.float32) for shape in ((1, 3), (3, 3))]
        self.sequences = all_sequences(vocabulary_size, sequence_length, end_token_id)
        self.mask = sequences.mask(self.sequences)
        self.rewards = 2 * rng.normal(size=len(self.sequences))

    def log_probs(self, token_ids):
        first = tf.repeat(self.tables[0][tf.newaxis], len(token_ids), axis=0)
        later = tf.gather(self.tables[1], np.maximum(token_ids[:, :-1], 0))
        return losses.token_log_probs(tf.concat([first, later], axis=1), token_ids)

    def probabilities(self):
        return tf.exp(sequences.masked_sum(self.log_probs(self.sequences), self.mask, axis=1))

    def action_values(self):
        """Q(Y_1:t), the exact expected reward of the sequences with the same first t tokens as Y: [count, T]."""
        p, q = self.probabilities().numpy(), np.zeros(self.sequences.shape)
        for s, t in itertools.product(*map(range, q.shape)):
            begins_alike = (self.sequences[:, : t + 1] == self.sequences[s, : t + 1]).all(axis=1)
            q[s, t] = (p * self.rewards)[begins_alike].sum() / p[begins_alike].sum()
        return q.astype(np.float32)

    def exact_gradient(self):
        with tf.GradientTape() as tape:
            expected_reward = tf.reduce_sum(self.probabilities() * self.rewards)
        return flat(tape.gradient(expected_reward, self.tables))

    def expected_policy_gradient(self, batch_size, baseline):
        """The gradient that `policy_gradient_loss` gives, averaged over all possible batches."""
        q, p = self.action_values(), self.probabilities().numpy()
        with tf.GradientTape() as tape:
            loss = 0.0
            for batch in map(list, itertools.product(range(len(p)), repeat=batch_size)):
                mask = tf.gather(self.mask, batch)
                advantages = q[batch] - baseline(q[batch], mask)
                log_probs = self.log_probs(self.sequences[batch])
                loss += p[batch].prod() * losses.policy_gradient_loss(log_probs, advantages, mask)
        return -flat(tape.gradient(loss, self.tables))


def flat(gradients):
    return np.concatenate([np.ravel(tf.convert_to_tensor(g)) for g in gradients])


@pytest.mark.parametrize("end_token_id", [None, 0])
def test_with_action_values_the_policy_gradient_is_that_of_the_expected_reward(end_token_id):
    policy = TablePolicy(3, 3, end_token_id)
    exact = policy.exact_gradient()
    assert np.abs(exact).max() > 0.05
    np.testing.assert_allclose(policy.expected_policy_gradient(1, lambda q, mask: 0.0), exact, atol=1e-6)


def test_a_constant_baseline_does_not_change_the_gradient():
    policy = TablePolicy(3, 3, None)
    gradient = policy.expected_policy_gradient(1, lambda q, mask: np.float32([0.7, -2.0, 5.0]))
    np.testing.assert_allclose(gradient, policy.exact_gradient(), atol=1e-5)


@pytest.mark.parametrize("end_token_id", [None, 0])
def test_the_leave_one_out_baseline_does_not_change_the_gradient(end_token_id):
    policy = TablePolicy(3, 2, end_token_id)
    gradient = policy.expected_policy_gradient(2, losses.leave_one_out_baseline)
    np.testing.assert_allclose(gradient, policy.exact_gradient(), atol=1e-6)


def test_the_batch_mean_baseline_scales_the_gradient():
    policy = TablePolicy(3, 2, None)
    gradient = policy.expected_policy_gradient(2, losses.batch_mean_baseline)
    np.testing.assert_allclose(gradient, policy.exact_gradient() / 2, atol=1e-6)


@pytest.mark.parametrize("end_token_id", [None, 0])
def test_the_policy_gradient_of_the_divergence_to_go_is_that_of_the_divergence(end_token_id):
    policy, reference = TablePolicy(3, 3, end_token_id), TablePolicy(3, 3, end_token_id)
    for table in reference.tables:
        table.assign(-0.5 * table)
    fixed = reference.log_probs(policy.sequences)
    whole = sequences.masked_sum(fixed, policy.mask, axis=1)
    with tf.GradientTape() as tape:
        p = policy.probabilities()
        divergence = tf.reduce_sum(p * (tf.math.log(p) - whole))
    exact = flat(tape.gradient(divergence, policy.tables))
    with tf.GradientTape() as tape:
        log_probs = policy.log_probs(policy.sequences)
        to_go = losses.divergence_to_go(log_probs, fixed, policy.mask)
        loss = 0.0
        for i, weight in enumerate(p.numpy()):
            one = slice(i, i + 1)
            loss += weight * losses.policy_gradient_loss(log_probs[one], -to_go[one], policy.mask[one])
    assert np.abs(exact).max() > 0.05
    assert float(tf.reduce_sum(p * to_go[:, 0])) == pytest.approx(float(divergence), rel=1e-5)
    np.testing.assert_allclose(flat(tape.gradient(loss, policy.tables)), exact, atol=1e-6)


def test_divergence_to_go_against_a_plain_loop(rng):
    log_probs, others = rng.normal(size=(2, 3, 4)).astype(np.float32)
    found = losses.divergence_to_go(log_probs, others, MASK)
    for b, t in itertools.product(range(3), range(4)):
        expected = sum(log_probs[b, s] - others[b, s] for s in range(t, 4) if MASK[b, s])
        assert float(found[b, t]) == pytest.approx(expected, abs=1e-6)


def test_log_probs_and_their_gradient_take_ids_of_any_integer_type(rng):
    logits = tf.constant(rng.normal(size=(2, 3, 5)).astype(np.float32))
    gradients = []
    for dtype in (np.int32, np.int64):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            total = tf.reduce_sum(losses.token_log_probs(logits, tf.constant([[0, 4, 2], [1, 1, -1]], dtype)))
        gradients.append(tape.gradient(total, logits).numpy())
    np.testing.assert_array_equal(*gradients)
