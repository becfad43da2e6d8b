"""What the beginning of a sequence is worth, from which the rewards of the token MDP are made.

The reward of an action is the value of the sequence with it, minus the value without it; nothing is worth 0. So the
rewards of an episode sum to the value of the whole sequence, and a policy that is optimal for them is optimal for it
(potential-based shaping, Ng, Harada and Russell, 1999).

Axes: R rows, T sequence length.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from seqgan_tf.core import sampling, seeds
from seqgan_tf.core.conditions import condition_on
from seqgan_tf.core.graphs import graph_function
from seqgan_tf.core.losses import token_log_probs
from seqgan_tf.core.sequences import mask, pad_after_end
from seqgan_tf.rewards.estimator import value_of
from seqgan_tf.rewards.sequence_rewards import SequenceReward
from seqgan_tf.rewards.user_functions import errors_of_objectives

if TYPE_CHECKING:
    from seqgan_tf.models.oracle import Oracle
    from seqgan_tf.seqgan import SeqGAN


class TokenValues:
    """Values of the beginnings of sequences: the base of all three kinds.

    Attributes:
        only_whole: whether sequences that go on are worth 0, so that they need not be valued.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg
    from seqgan_tf.environments.token_values import OracleValues

    values = OracleValues(sg.Oracle(vocabulary_size=20))
    print(values(np.array([[4, 7, -1], [3, 8, 1]]), np.zeros([2, 2], int)))  # log-likelihoods, float64 [2]
    ```
    """

    only_whole = False

    def __init__(self) -> None:
        self._compiled = graph_function(self.of, reduce_retracing=True)

    def of(self, token_ids: tf.Tensor, draws: tf.Tensor, condition: Any) -> tf.Tensor:
        """The values inside a graph, see `__call__`: float32 [R]."""
        raise NotImplementedError

    def __call__(self, token_ids: np.ndarray, draws: np.ndarray, condition: Any = None) -> np.ndarray:
        """The values of the beginnings of sequences.

        Args:
            token_ids: int [R, T], padded with -1; each row has at least one token.
            draws: int [R, 2], the seed of a row's episode and the number of tokens so far: what is drawn for a row
                depends on these two alone.
            condition: a nest of arrays with a leading axis R. Defaults to None: there are no conditions.

        Returns:
            float64 [R].

        Raises:
            InputError: an objective fails.
        """
        tensors = tf.constant(token_ids, tf.int32), tf.constant(draws, tf.int32)
        condition = None if condition is None else tf.nest.map_structure(tf.convert_to_tensor, condition)
        with errors_of_objectives():
            return self._compiled(*tensors, condition).numpy().astype(np.float64)


class WholeValues(TokenValues):
    """A sequence that goes on is worth 0, a whole one its reward.

    Args:
        gan: whose discriminator scores.
        sequence_reward: what a whole sequence is worth.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg
    from seqgan_tf.environments.token_values import WholeValues

    gan = sg.SeqGAN(sg.Generator(20), sg.Discriminator(20, 3), sg.TerminalReward())
    print(WholeValues(gan, sg.Probability())(np.array([[3, 8, 1]]), np.zeros([1, 2], int)))  # D(Y)
    ```
    """

    only_whole = True

    def __init__(self, gan: "SeqGAN", sequence_reward: SequenceReward) -> None:
        super().__init__()
        self.gan, self.sequence_reward = gan, sequence_reward

    def of(self, token_ids: tf.Tensor, draws: tf.Tensor, condition: Any) -> tf.Tensor:
        discriminator = condition_on(self.gan.discriminator, condition)
        return value_of(self.sequence_reward, token_ids, discriminator, condition)


class RolloutValues(WholeValues):
    """The mean reward of N completions by the generator; of a whole sequence its own reward.

    The first of them is Q(Y_1:t-1, y_t) of the paper's equation 4.

    Args:
        gan: whose generator completes, and whose discriminator scores.
        sequence_reward: what a whole sequence is worth.
        num_rollouts: N.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg
    from seqgan_tf.environments.token_values import RolloutValues

    gan = sg.SeqGAN(sg.Generator(20), sg.Discriminator(20, 3), sg.TerminalReward())
    values = RolloutValues(gan, sg.Probability(), num_rollouts=8)
    print(values(np.array([[3, -1, -1]]), np.array([[7, 1]])))  # mean D of 8 sequences that begin with token 3
    ```
    """

    only_whole = False

    def __init__(self, gan: "SeqGAN", sequence_reward: SequenceReward, num_rollouts: int) -> None:
        super().__init__(gan, sequence_reward)
        self.num_rollouts = num_rollouts

    def of(self, token_ids: tf.Tensor, draws: tf.Tensor, condition: Any) -> tf.Tensor:
        rows, length = tf.shape(token_ids)[0], token_ids.shape[1]
        policy = condition_on(self.gan.generator, condition)
        begun = tf.tile(token_ids, [self.num_rollouts, 1])  # row n * R + r continues row r
        number = draws[:, 1] * self.num_rollouts + tf.range(self.num_rollouts)[:, tf.newaxis]  # [N, R]
        words = tf.stack([tf.tile(draws[:, 0], [self.num_rollouts]), tf.reshape(number, [-1])], axis=1)
        drawing = tf.map_fn(_seed, words)
        # A whole sequence is completed too, because rows that end and rows that go on are in one batch. What is drawn
        # after its end token is removed.
        completed = sampling.sample(policy, rows * self.num_rollouts, length, drawing, begun)
        completed = tf.ensure_shape(pad_after_end(completed, policy.end_token_id), [None, length])
        return tf.reduce_mean(tf.reshape(super().of(completed, draws, condition), [self.num_rollouts, rows]), axis=0)


class OracleValues(TokenValues):
    """log G_oracle(Y_1:t) in nats, so that the reward of a token is its log-probability under the oracle.

    Args:
        oracle: the generator of the real sequences.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg
    from seqgan_tf.environments.token_values import OracleValues

    values = OracleValues(sg.Oracle(vocabulary_size=20))
    print(values(np.array([[4, -1, -1]]), np.zeros([1, 2], int)))  # log-probability of token 4 as the first one
    ```
    """

    def __init__(self, oracle: "Oracle") -> None:
        super().__init__()
        self.oracle = oracle

    def of(self, token_ids: tf.Tensor, draws: tf.Tensor, condition: Any) -> tf.Tensor:
        log_probs = token_log_probs(self.oracle(token_ids, training=False), token_ids)
        return tf.reduce_sum(log_probs * mask(token_ids), axis=1)


def _seed(words: tf.Tensor) -> tf.Tensor:
    """The stateless seed int32 [2] of a roll-out: words are the seed of the episode and the number of the roll-out."""
    return seeds.fold_in(tf.stack([words[0], seeds.FIRST_STREAM + seeds.Stream.ENVIRONMENT]), words[1])
