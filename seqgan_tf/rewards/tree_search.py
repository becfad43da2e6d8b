"""Tree search: the action value of every token, from a search tree that begins at its prefix."""

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from seqgan_tf.core import replicas, sampling, seeds
from seqgan_tf.core.branching import StateBranches
from seqgan_tf.core.conditions import condition_of, rows_of
from seqgan_tf.core.log_odds import CLIP
from seqgan_tf.core.sequences import PADDING
from seqgan_tf.core.tree_search import Prefixes, check_state, search
from seqgan_tf.core.validation import InputError, check_at_least, real_number, whole_number
from seqgan_tf.rewards.estimator import PrefixEstimator, evaluate, on_tokens, value_of
from seqgan_tf.rewards.sequence_rewards import SequenceReward, checked_token_ids

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator, Generator


@keras.saving.register_keras_serializable(package="seqgan_tf")
class MonteCarloTreeSearch(PrefixEstimator):
    """Q(Y_1:t-1, y_t) = mean value of the sequences that a tree search from Y_1:t completes; r(Y) for t = T.

    The first simulation of a tree completes its prefix with the generator, as a roll-out does. The others go on from
    tokens that the search has found good (PUCT, see `core.tree_search`), so their mean is above the expected reward of
    the generator: it values a prefix by what can be made of it. With `simulations` 1 it equals `MonteCarloRollout`
    with one roll-out. It costs as many discriminator calls as `MonteCarloRollout` with as many roll-outs.

    Args:
        simulations: completions of each prefix. Defaults to 16.
        exploration: c of PUCT, in units of the reward. Defaults to 2.0.
        num_actions: tokens that are tried after a prefix, the most probable ones. Defaults to 8.
        reward: r, what a whole sequence is worth: "log_odds" (log D/(1-D), clipped), "probability" (D, the paper's), or
            an object: `LogOdds`, `Probability`, `Objective` or `WeightedSum`. Defaults to "log_odds".
        clip: bound of the log-odds, where `reward` is a name. Defaults to 3.0.
        stride: only prefixes whose length is a multiple of it are searched from. Each token gets the value of the
            shortest such prefix that contains it (or of the whole sequence). Defaults to 1: every prefix.
        chunk_size: sequences whose trees are in memory at once. The random numbers depend on it. Defaults to 64.

    Raises:
        InputError: a setting is out of its range.

    Example:
    ```python
    import seqgan_tf as sg

    generator = sg.Generator(vocabulary_size=50, end_token_id=0)
    discriminator = sg.Discriminator(vocabulary_size=50, sequence_length=20)
    gan = sg.SeqGAN(generator, discriminator, sg.MonteCarloTreeSearch(simulations=8))
    ```
    """

    def __init__(
        self,
        simulations: int = 16,
        exploration: float = 2.0,
        num_actions: int = 8,
        reward: SequenceReward | str = "log_odds",
        clip: float = CLIP,
        stride: int = 1,
        chunk_size: int = 64,
    ) -> None:
        simulations, num_actions = whole_number("simulations", simulations), whole_number("num_actions", num_actions)
        exploration = real_number("exploration", exploration)
        check_at_least(1, simulations=simulations, num_actions=num_actions)
        if exploration < 0:
            raise InputError(f"`exploration` must be at least 0. Received: {exploration}")
        super().__init__(reward, clip, stride, chunk_size)
        self.simulations = simulations
        self.exploration = exploration
        self.num_actions = num_actions

    def estimate(
        self, token_ids: tf.Tensor, generator: "Generator", discriminator: "Discriminator", seed: tf.Tensor
    ) -> tf.Tensor:
        """Action values of sampled sequences.

        Args:
            token_ids: int32 [B, T], padded after the end token.
            generator: the policy.
            discriminator: D; it scores with dropout off.
            seed: int32 [2].

        Returns:
            float32 [B, T]; 0 on padding. The value of an end token, and of token T, is the reward of the sequence
            itself.

        Raises:
            InputError: token ids or logits of another rank, (where values are at hand) an id outside the vocabulary, an
                objective fails, or a generator whose state holds a scalar for all rows.
        """
        token_ids = checked_token_ids(token_ids, generator.vocabulary_size)
        prefixes = self.prefixes(token_ids.shape[1])
        whole, _ = evaluate(self.sequence_reward, token_ids, discriminator, condition_of(generator))
        values = whole[tf.newaxis]
        if prefixes:
            found = self._search(token_ids, prefixes, generator, discriminator, seed)
            values = tf.concat([found, values], axis=0)
        return on_tokens(values, prefixes, token_ids)

    def _search(self, token_ids, prefixes, generator, discriminator, seed):
        """The values of K prefixes of each sequence: float32 [K, B]."""
        branches = StateBranches(generator, sampling.prefix_states(generator, token_ids[:, :-1]))
        check_state(generator, branches.has_scalars)
        rows = self.chunks(token_ids)

        def chunk(inputs):
            index, rows = inputs
            policy, judge = rows_of(generator, rows), rows_of(discriminator, rows)
            found = search(
                policy,
                _roots(tf.gather(token_ids, rows), prefixes, branches.rows(rows)),
                lambda completed: value_of(self.sequence_reward, completed, judge, condition_of(policy)),
                self.simulations,
                self.exploration,
                self.num_actions,
                seeds.fold_in(seed, index),
                shortest=prefixes[0],
            )
            return tf.reshape(found.value, [len(prefixes), rows.shape[0]])

        own = replicas.rows(rows)  # the chunks are divided among the replicas
        inputs = own.take((tf.range(tf.shape(rows)[0]), rows))
        values = own.gather(tf.map_fn(chunk, inputs, fn_output_signature=tf.float32, parallel_iterations=1))
        in_order = tf.reshape(tf.transpose(values, [1, 0, 2]), [len(prefixes), tf.size(rows)])
        return in_order[:, : tf.shape(token_ids)[0]]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "simulations": self.simulations,
            "exploration": self.exploration,
            "num_actions": self.num_actions,
        }


def _roots(token_ids: tf.Tensor, prefixes: list[int], branches: StateBranches) -> Prefixes:
    """The prefixes of sequences [C, T]: prefix k of sequence b is row k * C + b."""
    count, length = tf.shape(token_ids)[0], token_ids.shape[1]
    given = tf.range(length) < tf.constant(prefixes)[:, tf.newaxis]  # [K, T]
    roots = tf.reshape(tf.where(given[:, tf.newaxis], token_ids, PADDING), [-1, length])
    roots = tf.ensure_shape(roots, [token_ids.shape[0] and len(prefixes) * token_ids.shape[0], length])
    last = tf.concat([token_ids[:, prefix - 1] for prefix in prefixes], axis=0)
    before = [branches.state_after(prefix - 1) for prefix in prefixes]
    state = tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *before)
    logits, state = branches.step(tf.maximum(last, 0), state)
    ended = tf.equal(last, PADDING)
    if branches.end_token_id is not None:
        ended |= tf.equal(last, branches.end_token_id)
    return Prefixes(roots, tf.repeat(tf.constant(prefixes), count), ended, logits, state)
