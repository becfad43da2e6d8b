"""Monte Carlo search: the action value of every token, from completions of every prefix (paper, equation 4).

All prefixes and all roll-outs of a batch are completed in one compiled loop. No prefix is run twice: the state
after each is computed once, by teacher forcing, and branched from. A prefix of k tokens lacks T - k, so the prefixes
1 to T-1 cost T (T - 1) / 2 steps a sequence and roll-out; to spend just that many in tensors of a static shape, short
completions follow each other in one lane (`pack_lanes`).
"""

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf import sampling
from seqgan_tf.checks import check_at_least
from seqgan_tf.rewards.transforms import TRANSFORMS
from seqgan_tf.sequences import PADDING, check_token_ids, mask


def pack_lanes(durations):
    """Packs jobs into lanes of equal capacity so that lanes * capacity, the cost, is smallest.

    First fit, longest job first, tried for every capacity from the longest job to twice that. For the durations
    1, ..., n it wastes nothing.

    Args:
        durations: list of positive ints.

    Returns:
        (capacity, placements), placements[j] = (lane, offset) of job j.
    """
    longest = max(durations)
    order = sorted(range(len(durations)), key=lambda j: -durations[j])
    best = None
    for capacity in range(longest, 2 * longest + 1):
        used, placements = [], [None] * len(durations)
        for j in order:
            lane = next((i for i, u in enumerate(used) if u + durations[j] <= capacity), len(used))
            if lane == len(used):
                used.append(0)
            placements[j] = (lane, used[lane])
            used[lane] += durations[j]
        if best is None or len(used) * capacity < best[0]:
            best = (len(used) * capacity, capacity, placements)
    return best[1], best[2]


@keras.saving.register_keras_serializable(package="seqgan_tf")
class MonteCarloRollout:
    """Q(Y_1:t-1, y_t) = 1/N sum_n r(D(Y^n)), Y^n completed from Y_1:t by the roll-out policy; r(D(Y)) for t = T.

    Args:
        num_rollouts: int, N. Defaults to 16, the paper's.
        update_rate: float in [0, 1), the lag of the roll-out policy behind the generator: after each G step
            beta <- update_rate * beta + (1 - update_rate) * theta. `SeqGAN` keeps the lagged copy. Defaults to 0.0:
            the generator itself rolls out. The paper's is 0.8.
        reward: "log_odds" (log D/(1-D), clipped) or "probability" (D, the paper's); see `transforms`. It is taken of
            each completion, before the mean. Defaults to "log_odds".
        clip: float, bound of the log-odds. Defaults to 3.0.
        stride: int; only prefixes whose length is a multiple of it are completed, and a token takes the value of the
            first of these that holds it, which keeps the gradient unbiased. Defaults to 1: every prefix.
        chunk_size: int, sequences whose roll-outs are in memory at once. The random stream depends on it. Defaults to
            64.
    """

    def __init__(self, num_rollouts=16, update_rate=0.0, reward="log_odds", clip=3.0, stride=1, chunk_size=64):
        check_at_least(1, num_rollouts=num_rollouts, stride=stride, chunk_size=chunk_size)
        if not 0 <= update_rate < 1:
            raise ValueError(f"`update_rate` must be in [0, 1). Received: {update_rate}")
        if reward not in TRANSFORMS:
            raise ValueError(f"`reward` must be one of {sorted(TRANSFORMS)}. Received: {reward!r}")
        if not clip > 0:
            raise ValueError(f"`clip` must be above 0. Received: {clip}")
        self.num_rollouts = num_rollouts
        self.update_rate = update_rate
        self.reward = reward
        self.clip = clip
        self.stride = stride
        self.chunk_size = chunk_size

    def estimate(self, token_ids, generator, discriminator, seed):
        """Action values of sampled sequences.

        Args:
            token_ids: int32 [B, T], padded after the end token.
            generator: the roll-out policy G_beta.
            discriminator: D; it scores with dropout off.
            seed: int32 [2].

        Returns:
            float32 [B, T]; 0 on padding. The value of an end token, and of token T, is that of the sequence itself.

        Raises:
            ValueError: an id is outside the vocabulary (checked where values are at hand).
        """
        check_token_ids(token_ids, generator.vocabulary_size)
        token_ids = tf.cast(token_ids, tf.int32)
        sequence_length = token_ids.shape[1]
        prefixes = list(range(self.stride, sequence_length, self.stride))
        values = self._reward(discriminator, token_ids)[tf.newaxis]
        if prefixes:
            completed = self._rollout_values(token_ids, prefixes, generator, discriminator, seed)
            values = tf.concat([completed, values], axis=0)
        holder = np.searchsorted([*prefixes, sequence_length], np.arange(1, sequence_length + 1))
        return tf.transpose(tf.gather(values, holder)) * mask(token_ids)

    def completions(self, token_ids, prefixes, generator, seed, states=None):
        """Completes each prefix of each sequence once.

        Args:
            token_ids: int32 [B, T].
            prefixes: list of K prefix lengths, ints in [1, T).
            generator: the roll-out policy.
            seed: int32 [2].
            states: `prefix_states` of token_ids[:, :-1], where the caller has them already.

        Returns:
            int32 [K, B, T]: row [k, b] begins with the first prefixes[k] tokens of sequence b. Where these hold the end
            token, it is the sequence itself.
        """
        batch_size, sequence_length = tf.shape(token_ids)[0], token_ids.shape[1]
        if states is None:
            states = sampling.prefix_states(generator, token_ids[:, :-1])
        steps, placements = pack_lanes([sequence_length - prefix for prefix in prefixes])
        lanes = 1 + max(lane for lane, _ in placements)
        begins = np.zeros([steps, lanes], np.int32)  # the prefix that begins in a lane at a step; 0: none
        positions = np.zeros([len(prefixes), sequence_length], np.int32)  # where each completed token is drawn
        for k, (prefix, (lane, offset)) in enumerate(zip(prefixes, placements, strict=True)):
            begins[offset, lane] = prefix
            positions[k, prefix:] = (offset + np.arange(sequence_length - prefix)) * lanes + lane

        tokens = tf.transpose(token_ids)  # [T, B]
        ended = tf.equal(tokens, PADDING)
        if generator.end_token_id is not None:
            ended |= tf.equal(tokens, generator.end_token_id)

        def branch(i, token, state, finished):
            prefix = tf.gather(tf.constant(begins), i)  # [lanes]
            begin = tf.repeat(prefix > 0, batch_size)  # [lanes * B]

            def put(source, current):  # source: [P, B, ...], current: [lanes * B, ...]
                chosen = tf.reshape(tf.gather(source, tf.maximum(prefix - 1, 0)), tf.shape(current))
                return tf.ensure_shape(
                    tf.where(tf.reshape(begin, [-1] + [1] * (current.shape.rank - 1)), chosen, current), current.shape
                )

            return put(tokens, token), tf.nest.map_structure(put, states, state), put(ended, finished)

        rows = lanes * (token_ids.shape[0] or batch_size)
        state = tf.nest.map_structure(lambda s: tf.zeros(tf.concat([[rows], tf.shape(s)[2:]], 0), s.dtype), states)
        state = tf.nest.map_structure(
            lambda s, like: tf.ensure_shape(s, [token_ids.shape[0] and rows, *like.shape[2:]]), state, states
        )
        first, finished = tf.zeros([rows], tf.int32), tf.zeros([rows], tf.bool)
        drawn = sampling.decode(generator, first, state, finished, steps, seed, branch=branch)
        drawn = tf.gather(tf.reshape(drawn, [steps * lanes, batch_size]), positions)  # [K, T, B]
        given = np.arange(sequence_length) < np.array(prefixes)[:, None]  # [K, T]
        return tf.where(given[:, np.newaxis], token_ids, tf.transpose(drawn, [0, 2, 1]))

    def _rollout_values(self, token_ids, prefixes, generator, discriminator, seed):
        """Mean reward of the roll-outs of each prefix: float32 [K, B]."""
        batch_size = tf.shape(token_ids)[0]
        states = sampling.prefix_states(generator, token_ids[:, :-1])
        total = self.num_rollouts * batch_size
        size = (
            self.chunk_size
            if token_ids.shape[0] is None
            else min(self.chunk_size, self.num_rollouts * token_ids.shape[0])
        )
        num_chunks = -(-total // size)
        score = self._scorer(discriminator, token_ids, prefixes)
        rows = tf.reshape(tf.range(num_chunks * size) % batch_size, [num_chunks, size])

        def chunk(inputs):
            index, rows = inputs
            completed = self.completions(
                tf.gather(token_ids, rows),
                prefixes,
                generator,
                sampling.fold_in(seed, index),
                tf.nest.map_structure(lambda s: tf.gather(s, rows, axis=1), states),
            )
            return TRANSFORMS[self.reward](score(completed, rows), self.clip)

        rewards = tf.map_fn(chunk, (tf.range(num_chunks), rows), fn_output_signature=tf.float32, parallel_iterations=1)
        rewards = tf.reshape(tf.transpose(rewards, [1, 0, 2]), [len(prefixes), num_chunks * size])[:, :total]
        return tf.reduce_mean(tf.reshape(rewards, [len(prefixes), self.num_rollouts, batch_size]), axis=1)

    def _scorer(self, discriminator, token_ids, prefixes):
        """Function of completed, int32 [K, R, T], and of the sequences [R] that they belong to: logits [K, R]."""
        if hasattr(discriminator, "completion_scorer") and token_ids.shape[0] is not None:
            return discriminator.completion_scorer(token_ids, prefixes, self.num_rollouts)

        def score(completed, rows):
            whole = tf.reshape(completed, [-1, completed.shape[2]])
            return tf.reshape(discriminator(whole, training=False), tf.shape(completed)[:2])

        return score

    def _reward(self, discriminator, token_ids):
        return TRANSFORMS[self.reward](discriminator(token_ids, training=False), self.clip)

    def get_config(self):
        return {
            "num_rollouts": self.num_rollouts,
            "update_rate": self.update_rate,
            "reward": self.reward,
            "clip": self.clip,
            "stride": self.stride,
            "chunk_size": self.chunk_size,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)
