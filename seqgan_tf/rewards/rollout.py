"""Monte Carlo search: the action value of every token, from completions of every prefix (paper, equation 4).

All prefixes and all roll-outs of a batch are completed in one compiled loop. The generator's state after each prefix is
computed once, by teacher forcing, and all completions of the prefix start from it. A prefix of k tokens needs T - k
more, so that the prefixes 1 to T-1 take T (T - 1) / 2 steps per sequence and roll-out. Tensors of a static shape would
take more if each completion had a row of its own; so short completions run one after another in one row, called a lane
(`pack_lanes`).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf.core import sampling, seeds
from seqgan_tf.core.conditions import Conditioned, rows_of
from seqgan_tf.core.sequences import PADDING, mask
from seqgan_tf.core.validation import InputError, check_at_least, check_tensors, real_number, whole_number
from seqgan_tf.rewards.sequence_rewards import (
    TRANSFORMS,
    check_reward,
    checked_token_ids,
    sequence_logits,
    sequence_rewards,
)

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator, Generator

Scorer = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""Function of completed, int32 [K, R, T], and of rows, int32 [R], the sequences that they belong to: logits [K, R]."""


def pack_lanes(durations: list[int]) -> tuple[int, list[tuple[int, int]]]:
    """Packs jobs into lanes of equal capacity so that lanes * capacity, the cost, is smallest.

    First fit, longest job first, tried for every capacity from the longest job to twice that. For the durations
    1, ..., n no step is wasted.

    Args:
        durations: positive ints.

    Returns:
        (capacity, placements), placements[j] = (lane, offset) of job j.
    """
    longest = max(durations)
    order = sorted(range(len(durations)), key=lambda j: -durations[j])
    best: tuple[int, int, list[tuple[int, int]]] | None = None
    for capacity in range(longest, 2 * longest + 1):
        used: list[int] = []
        placements = [(0, 0)] * len(durations)
        for j in order:
            lane = next((i for i, u in enumerate(used) if u + durations[j] <= capacity), len(used))
            if lane == len(used):
                used.append(0)
            placements[j] = (lane, used[lane])
            used[lane] += durations[j]
        if best is None or len(used) * capacity < best[0]:
            best = (len(used) * capacity, capacity, placements)
    assert best is not None
    return best[1], best[2]


def _own_scorer(discriminator: Any) -> Callable[..., Scorer] | None:
    """`completion_scorer` of a discriminator, if it belongs to the `call` in force; else None.

    The first class in the order of inheritance that defines a way to score must define both ways: a subclass that
    overrides `call` alone inherits a scorer of another function, one that overrides `completion_scorer` alone may have
    been written for another `call`. An attribute of the instance counts as a class before all others.
    """
    calls = {"call", "__call__"}
    for names in (getattr(discriminator, "__dict__", {}), *map(vars, type(discriminator).__mro__)):
        if calls & set(names) or "completion_scorer" in names:
            both = calls & set(names) and "completion_scorer" in names
            return discriminator.completion_scorer if both else None
    return None


def is_scalar(states: tf.Tensor) -> bool:
    """Whether this part of `prefix_states` is a scalar before each token ([P]), such as the position in a cache."""
    return states.shape.rank == 1


def _one_after_another(
    token_ids: tf.Tensor, prefixes: list[int], generator: "Generator", seed: tf.Tensor, states: Any
) -> tf.Tensor:
    """`MonteCarloRollout.completions` for a generator with scalars in its state, which all rows of a step share.

    Prefixes of different lengths cannot share a step then, so each prefix is completed in a loop of its own.
    """
    rows = []
    for number, prefix in enumerate(prefixes):
        given = token_ids[:, :prefix]
        ended = tf.equal(given[:, -1], PADDING)
        if generator.end_token_id is not None:
            ended |= tf.equal(given[:, -1], generator.end_token_id)
        state = tf.nest.map_structure(lambda s, before=prefix - 1: s[before], states)
        steps = token_ids.shape[1] - prefix
        drawn = sampling.decode(generator, given[:, -1], state, ended, steps, seeds.fold_in(seed, number))
        rows.append(tf.concat([given, tf.transpose(drawn)], axis=1))
    return tf.stack(rows)


@keras.saving.register_keras_serializable(package="seqgan_tf")
class MonteCarloRollout:
    """Q(Y_1:t-1, y_t) = 1/N sum_n r(D(Y^n)), Y^n completed from Y_1:t by the roll-out policy; r(D(Y)) for t = T.

    Args:
        num_rollouts: N, completions of each prefix. Defaults to 16, the paper's.
        update_rate: in [0, 1), the lag of the roll-out policy behind the generator: after each policy gradient step
            beta <- update_rate * beta + (1 - update_rate) * theta. `SeqGAN` keeps the lagged copy. Defaults to 0.0:
            the generator itself completes the prefixes. The paper's is 0.8.
        reward: "log_odds" (log D/(1-D), clipped) or "probability" (D, the paper's), see `rewards.sequence_rewards`. It
            is applied to each completion, before the mean. Defaults to "log_odds".
        clip: bound of the log-odds. Defaults to 3.0.
        stride: only prefixes whose length is a multiple of it are completed. Each token gets the value of the shortest
            completed prefix that contains it (or of the whole sequence), which keeps the gradient unbiased. Defaults to
            1: every prefix.
        chunk_size: sequences whose roll-outs are in memory at once. The random numbers depend on it. Defaults to 64.

    Raises:
        InputError: a setting is out of its range.

    Example:
    ```python
    import seqgan_tf as sg

    generator = sg.Generator(vocabulary_size=50, end_token_id=0)
    discriminator = sg.Discriminator(vocabulary_size=50, sequence_length=20)
    gan = sg.SeqGAN(generator, discriminator, sg.MonteCarloRollout(num_rollouts=4, update_rate=0.8))
    ```
    """

    def __init__(
        self,
        num_rollouts: int = 16,
        update_rate: float = 0.0,
        reward: str = "log_odds",
        clip: float = 3.0,
        stride: int = 1,
        chunk_size: int = 64,
    ) -> None:
        num_rollouts, stride = whole_number("num_rollouts", num_rollouts), whole_number("stride", stride)
        chunk_size, update_rate = whole_number("chunk_size", chunk_size), real_number("update_rate", update_rate)
        clip = real_number("clip", clip)
        check_at_least(1, num_rollouts=num_rollouts, stride=stride, chunk_size=chunk_size)
        if not 0 <= update_rate < 1:
            raise InputError(f"`update_rate` must be in [0, 1). Received: {update_rate}")
        check_reward(reward, clip)
        self.num_rollouts = num_rollouts
        self.update_rate = update_rate
        self.reward = reward
        self.clip = clip
        self.stride = stride
        self.chunk_size = chunk_size

    def estimate(
        self, token_ids: tf.Tensor, generator: "Generator", discriminator: "Discriminator", seed: tf.Tensor
    ) -> tf.Tensor:
        """Action values of sampled sequences.

        Args:
            token_ids: int32 [B, T], padded after the end token.
            generator: the roll-out policy G_beta.
            discriminator: D; it scores with dropout off.
            seed: int32 [2].

        Returns:
            float32 [B, T]; 0 on padding. The value of an end token, and of token T, is the reward of the sequence
            itself.

        Raises:
            InputError: token ids or logits of another rank, or (where values are at hand) an id outside the
                vocabulary.
        """
        token_ids = checked_token_ids(token_ids, generator.vocabulary_size)
        sequence_length = token_ids.shape[1]
        prefixes = list(range(self.stride, sequence_length, self.stride))
        values = sequence_rewards(discriminator, token_ids, self.reward, self.clip)[tf.newaxis]
        if prefixes:
            completed = self._rollout_values(token_ids, prefixes, generator, discriminator, seed)
            values = tf.concat([completed, values], axis=0)
        shortest = np.searchsorted([*prefixes, sequence_length], np.arange(1, sequence_length + 1))
        return tf.transpose(tf.gather(values, shortest)) * mask(token_ids)

    def completions(
        self, token_ids: tf.Tensor, prefixes: list[int], generator: "Generator", seed: tf.Tensor, states: Any = None
    ) -> tf.Tensor:
        """Completes each prefix of each sequence once.

        Args:
            token_ids: int32 [B, T].
            prefixes: K prefix lengths, ints in [1, T).
            generator: the roll-out policy.
            seed: int32 [2].
            states: `sampling.prefix_states` of token_ids[:, :-1]. Defaults to None: they are computed.

        Returns:
            int32 [K, B, T]: row [k, b] begins with the first prefixes[k] tokens of sequence b. Where these contain the
            end token, it is the sequence itself.
        """
        batch_size, sequence_length = tf.shape(token_ids)[0], token_ids.shape[1]
        if states is None:
            states = sampling.prefix_states(generator, token_ids[:, :-1])
        if any(is_scalar(s) for s in tf.nest.flatten(states)):
            return _one_after_another(token_ids, prefixes, generator, seed, states)
        steps, placements = pack_lanes([sequence_length - prefix for prefix in prefixes])
        lanes = 1 + max(lane for lane, _ in placements)
        begins = np.zeros([steps, lanes], np.int32)  # length of the prefix that a lane starts from at a step; 0: none
        positions = np.zeros([len(prefixes), sequence_length], np.int32)  # of each completed token among those drawn
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
                rows_of(generator, rows),
                seeds.fold_in(seed, index),
                tf.nest.map_structure(lambda s: s if is_scalar(s) else tf.gather(s, rows, axis=1), states),
            )
            logits = score(completed, rows)
            check_tensors({"K": len(prefixes), "R": completed.shape[1]}, **{"completion_scorer(...)": (logits, "KR")})
            return TRANSFORMS[self.reward](logits, self.clip)

        rewards = tf.map_fn(chunk, (tf.range(num_chunks), rows), fn_output_signature=tf.float32, parallel_iterations=1)
        rewards = tf.reshape(tf.transpose(rewards, [1, 0, 2]), [len(prefixes), num_chunks * size])[:, :total]
        return tf.reduce_mean(tf.reshape(rewards, [len(prefixes), self.num_rollouts, batch_size]), axis=1)

    def _scorer(self, discriminator, token_ids, prefixes) -> Scorer:
        bound = isinstance(discriminator, Conditioned)
        own = _own_scorer(discriminator.network if bound else discriminator)
        if own is not None and token_ids.shape[0] is not None:
            given = {"context": discriminator.context} if bound else {}
            return own(token_ids, prefixes, self.num_rollouts, **given)

        def score(completed, rows):
            whole = tf.reshape(completed, [-1, completed.shape[2]])
            return tf.reshape(sequence_logits(rows_of(discriminator, rows), whole), tf.shape(completed)[:2])

        return score

    def get_config(self) -> dict[str, Any]:
        return {
            "num_rollouts": self.num_rollouts,
            "update_rate": self.update_rate,
            "reward": self.reward,
            "clip": self.clip,
            "stride": self.stride,
            "chunk_size": self.chunk_size,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "MonteCarloRollout":
        return cls(**config)
