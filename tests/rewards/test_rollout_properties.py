"""Roll-outs of a policy that always continues in one way: its completions, and so all rewards, are known exactly."""

import hypothesis.strategies as st
import numpy as np
import tensorflow as tf
from hypothesis import given

from seqgan_tf.rewards.rollout import MonteCarloRollout


class Chain:
    """Always continues a token y by (factor * y + step + number of tokens before it) mod V.

    Args:
        has_scalar: whether the number is a scalar, as the position in a key-value cache is, instead of one per row.
    """

    start_token_id = 0

    def __init__(self, vocabulary_size, end_token_id, factor, step, has_scalar):
        self.vocabulary_size, self.end_token_id = vocabulary_size, end_token_id
        self.factor, self.increment, self.has_scalar = factor, step, has_scalar

    def initial_state(self, batch_size):
        return [tf.zeros([] if self.has_scalar else [batch_size], tf.int32)]

    def step(self, token_ids, state):
        (number,) = state
        following = (self.factor * token_ids + self.increment + number) % self.vocabulary_size
        return 1e4 * tf.one_hot(following, self.vocabulary_size), [number + 1]

    def completed(self, prefix, length):
        """The prefix with what follows it, in plain Python."""
        tokens = list(prefix)
        while len(tokens) < length:
            if self.end_token_id in tokens:
                tokens.append(-1)
            else:
                tokens.append((self.factor * tokens[-1] + self.increment + len(tokens)) % self.vocabulary_size)
        return tokens


def number(tokens):
    """A number for each sequence, small enough that no reward is clipped."""
    return sum((t + 2) ** 2 * (i + 1) for i, t in enumerate(tokens)) / 1000


def discriminator(token_ids, training=False):
    places = tf.range(1.0, token_ids.shape[1] + 1.0)
    return tf.reduce_sum((tf.cast(token_ids, tf.float32) + 2.0) ** 2 * places, axis=1) / 1000


@st.composite
def cases(draw):
    """A policy, sequences [B, T] that it might have drawn, and settings of the roll-outs."""
    vocabulary_size, length = draw(st.integers(2, 6)), draw(st.integers(1, 6))
    end_token_id = draw(st.one_of(st.none(), st.integers(0, vocabulary_size - 1)))
    policy = Chain(vocabulary_size, end_token_id, draw(st.integers(0, 4)), draw(st.integers(0, 4)), draw(st.booleans()))
    tokens = st.lists(st.integers(0, vocabulary_size - 1), min_size=length, max_size=length)
    rows = draw(st.lists(tokens, min_size=1, max_size=4))
    for row in rows:
        if end_token_id in row:
            row[row.index(end_token_id) + 1 :] = [-1] * (length - row.index(end_token_id) - 1)
    names = {"num_rollouts": st.integers(1, 3), "stride": st.integers(1, 7), "chunk_size": st.integers(1, 13)}
    return policy, np.array(rows, np.int32), {name: draw(values) for name, values in names.items()}


@given(cases())
def test_each_token_gets_the_value_of_the_completion_of_its_prefix(case):
    policy, rows, chosen = case
    estimator = MonteCarloRollout(**chosen, clip=1e3)
    found = estimator.estimate(rows, policy, discriminator, tf.constant([1, 0])).numpy()
    length, stride = rows.shape[1], chosen["stride"]
    for b, row in enumerate(rows.tolist()):
        for t, token in enumerate(row):
            prefix = min(-(-(t + 1) // stride) * stride, length)  # the shortest completed one that contains it
            expected = number(policy.completed(row[:prefix], length)) if token >= 0 else 0.0
            np.testing.assert_allclose(found[b, t], expected, rtol=1e-4, err_msg=f"{row}, {t}, {chosen}")
