"""Action values with their standard errors: the value of any beginnings of sequences, from completions by the policy.

`MonteCarloRollout` computes the means alone, for every prefix of sampled sequences, inside a training step. These are
for explanations: beginnings of any length, such as those with another last token.

Axes: R beginnings, N roll-outs, T sequence length.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from seqgan_tf.core import sampling, seeds
from seqgan_tf.core.conditions import condition_on
from seqgan_tf.core.graphs import graph_function
from seqgan_tf.core.seeds import Stream, stream_seed
from seqgan_tf.core.sequences import pad_after_end
from seqgan_tf.core.validation import check_at_least, whole_number
from seqgan_tf.rewards.estimator import value_of
from seqgan_tf.rewards.sequence_rewards import SequenceReward, checked_token_ids
from seqgan_tf.rewards.user_functions import errors_of_objectives

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator, Generator

CHUNK = 512
"""Sequences that are completed and scored at once."""


class ActionValues(NamedTuple):
    """The values of R beginnings.

    Attributes:
        mean: float64 [R], the mean reward of N completions.
        standard_error: float64 [R], the standard deviation of the rewards (divisor N - 1) divided by sqrt(N); 0 for a
            whole sequence, NaN for N = 1.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg
    from seqgan_tf.rewards.action_values import action_values

    networks = sg.Generator(20), sg.Discriminator(20, sequence_length=3)
    mean, standard_error = action_values(np.array([[4, -1, -1], [4, 7, 9]]), *networks, sg.LogOdds(), num_rollouts=8)
    ```
    """

    mean: np.ndarray
    standard_error: np.ndarray


def action_values(
    begun: np.ndarray,
    generator: "Generator",
    discriminator: "Discriminator",
    reward: SequenceReward,
    num_rollouts: int = 16,
    seed: int = 1,
    condition: Any = None,
) -> ActionValues:
    """Q(Y_1:t-1, y_t) = 1/N sum_n r(Y^n) for beginnings Y_1:t, with standard errors (paper, equation 4).

    Args:
        begun: int [R, T], each row with at least one token, padded with -1.
        generator: the policy that completes them.
        discriminator: D; it scores with dropout off.
        reward: r, what a whole sequence is worth.
        num_rollouts: N. Defaults to 16.
        seed: makes the roll-outs reproducible. Defaults to 1.
        condition: one condition, which all rows belong to: a nest of arrays [1, ...]. Defaults to None: there is none.

    Raises:
        InputError: ids outside the vocabulary, `num_rollouts` < 1, a missing condition, or an objective fails.
    """
    num_rollouts = whole_number("num_rollouts", num_rollouts)
    check_at_least(1, num_rollouts=num_rollouts)
    begun = np.asarray(checked_token_ids(begun, generator.vocabulary_size))
    end = generator.end_token_id
    given = None if condition is None else tf.nest.map_structure(tf.convert_to_tensor, condition)
    repeated = np.repeat(begun, num_rollouts, axis=0)
    size = min(CHUNK, len(repeated))
    missing = -len(repeated) % size
    repeated = np.concatenate([repeated, np.repeat(repeated[-1:], missing, axis=0)])
    named, parts = stream_seed(seed, Stream.EXPLANATION), []
    with errors_of_objectives():
        for number, first in enumerate(range(0, len(repeated), size)):
            rows = tf.constant(repeated[first : first + size])
            drawing = seeds.fold_in(named, number)
            parts.append(_values(generator, discriminator, reward, rows, drawing, given).numpy())
    found = np.concatenate(parts)[: len(begun) * num_rollouts].reshape(len(begun), num_rollouts).astype(np.float64)
    deviation = found.std(axis=1, ddof=1) if num_rollouts > 1 else np.full(len(begun), np.nan)
    whole = np.all(begun >= 0, axis=1) | ((begun == end).any(axis=1) if end is not None else False)
    return ActionValues(found.mean(axis=1), np.where(whole, 0.0, deviation / np.sqrt(num_rollouts)))


@graph_function
def _values(
    generator: "Generator",
    discriminator: "Discriminator",
    reward: SequenceReward,
    rows: tf.Tensor,
    drawing: tf.Tensor,
    condition: Any,
) -> tf.Tensor:
    """The value of one completion of each row: float32 [R] of int32 [R, T]."""
    policy, judge = condition_on(generator, condition), condition_on(discriminator, condition)
    # A whole sequence is completed too, because it is in one batch with others. What is drawn after its end token is
    # removed.
    drawn = sampling.sample(policy, rows.shape[0], rows.shape[1], drawing, rows)
    completed = tf.ensure_shape(pad_after_end(drawn, generator.end_token_id), rows.shape)
    return value_of(reward, completed, judge, condition)
