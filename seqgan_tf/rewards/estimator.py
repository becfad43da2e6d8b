"""What the estimators share that reward whole sequences: their arguments, and the evaluation of a reward's terms.

Axes: B batch, T sequence length, M completions of each sequence.
"""

from typing import TYPE_CHECKING, Any, Self

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf.core import replicas
from seqgan_tf.core.conditions import rows_of
from seqgan_tf.core.log_odds import CLIP
from seqgan_tf.core.logs import report
from seqgan_tf.core.sequences import mask
from seqgan_tf.core.validation import InputError, check_at_least, real_number, whole_number
from seqgan_tf.rewards.sequence_rewards import SequenceReward, as_reward, sequence_logits

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator


class SequenceEstimator:
    """An estimator that rewards tokens with the value of whole sequences: the arguments `reward` and `clip`.

    Args:
        reward: a reward such as `LogOdds()`, or "log_odds" or "probability".
        clip: bound of the log-odds, where `reward` is a name.

    Attributes:
        sequence_reward: the reward as an object.
        log_names: names of the logs that it reports, see `core.logs`.
        objectives: the terms of the reward that call a Python function.

    Raises:
        InputError: an unknown `reward`, `clip` is not above 0, or `clip` is given beside a reward that is an object.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.rewards.estimator import SequenceEstimator

    estimator = sg.TerminalReward(reward=sg.LogOdds(clip=5.0))
    assert isinstance(estimator, SequenceEstimator)
    print(estimator.log_names, estimator.objectives)  # () ()
    ```
    """

    def __init__(self, reward: SequenceReward | str, clip: float = CLIP) -> None:
        clip = real_number("clip", clip)
        self.sequence_reward = as_reward(reward, clip)
        if not isinstance(reward, str) and clip != CLIP:
            raise InputError(f"`clip` must be an argument of `LogOdds` where `reward` is an object. Received: {clip}")
        self.reward, self.clip = reward, clip

    @property
    def log_names(self) -> tuple[str, ...]:
        return self.sequence_reward.log_names

    @property
    def objectives(self) -> tuple[SequenceReward, ...]:
        return tuple(term for term, _ in self.sequence_reward.terms if term.calls_python)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the class, for Keras."""
        reward = self.reward
        return {
            "reward": reward if isinstance(reward, str) else keras.saving.serialize_keras_object(reward),
            "clip": self.clip,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """An estimator of the arguments that `get_config` returned."""
        reward = config["reward"]
        if isinstance(reward, dict):
            config = config | {"reward": keras.saving.deserialize_keras_object(reward)}
        return cls(**config)


class PrefixEstimator(SequenceEstimator):
    """An estimator that values prefixes of sequences, some at a time: the arguments `stride` and `chunk_size`.

    Args:
        reward, clip: see `SequenceEstimator`.
        stride: only prefixes whose length is a multiple of it are valued.
        chunk_size: rows that are computed at once. The random numbers depend on it.

    Raises:
        InputError: `stride` or `chunk_size` is below 1, or as for `SequenceEstimator`.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.rewards.estimator import PrefixEstimator

    estimator = sg.MonteCarloRollout(stride=4)
    assert isinstance(estimator, PrefixEstimator)
    print(estimator.prefixes(10))  # [4, 8]
    ```
    """

    def __init__(self, reward: SequenceReward | str, clip: float, stride: int, chunk_size: int) -> None:
        stride, chunk_size = whole_number("stride", stride), whole_number("chunk_size", chunk_size)
        check_at_least(1, stride=stride, chunk_size=chunk_size)
        super().__init__(reward, clip)
        self.stride, self.chunk_size = stride, chunk_size

    def prefixes(self, sequence_length: int) -> list[int]:
        """The lengths of the prefixes of T tokens that are valued: ints in [1, T)."""
        return list(range(self.stride, sequence_length, self.stride))

    def chunks(self, token_ids: tf.Tensor, copies: int = 1) -> tf.Tensor:
        """The sequences that each chunk is about.

        Args:
            token_ids: int [B, T].
            copies: rows that each sequence has. Defaults to 1.

        Returns:
            int32 [chunks, rows at once]. In order they are the sequences 0 to B - 1, again and again; beyond the first
            `copies` * B rows there are some that fill the last chunk.
        """
        batch_size, size = tf.shape(token_ids)[0], self.chunk_size
        if token_ids.shape[0] is not None:
            size = min(size, copies * token_ids.shape[0])
        num_chunks = -(-copies * batch_size // size)
        return tf.reshape(tf.range(num_chunks * size) % batch_size, [num_chunks, size])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stride": self.stride, "chunk_size": self.chunk_size}


def of_completions(reward: SequenceReward, logits: tf.Tensor) -> tf.Tensor:
    """The part of a reward that is a function of the discriminator's logits, for completions.

    Args:
        reward: a reward that `scores_completions`.
        logits: float32 of any shape.

    Returns:
        float32 of the same shape: the weighted sum of these terms.
    """
    return _sum([(term.of_logits(logits), weight) for term, weight in reward.terms if term.is_of_logit and weight])


def scores_completions(reward: SequenceReward) -> bool:
    """Whether the discriminator has to score completions."""
    return any(term.is_of_logit and weight for term, weight in reward.terms)


def reads_completions(reward: SequenceReward) -> bool:
    """Whether a term is a function of the completions themselves."""
    return any(not term.is_of_logit and weight for term, weight in reward.terms)


def value_of(
    reward: SequenceReward, token_ids: tf.Tensor, discriminator: "Discriminator", condition: Any = None
) -> tf.Tensor:
    """The value of whole sequences, without a report: float32 [R]. For the arguments see `evaluate`."""
    terms = [(term, weight) for term, weight in reward.terms if weight]
    logits = sequence_logits(discriminator, token_ids) if scores_completions(reward) else None
    return _sum(
        [
            (term.of_logits(logits) if term.is_of_logit else term.of_sequences(token_ids, condition), weight)
            for term, weight in terms
        ]
    )


def on_tokens(values: tf.Tensor, prefixes: list[int], token_ids: tf.Tensor) -> tf.Tensor:
    """The reward of each token: the value of the shortest valued prefix that contains it, or of the whole sequence.

    Args:
        values: float32 [K + 1, B], of K prefixes and of the whole sequences.
        prefixes: K increasing lengths below T.
        token_ids: int32 [B, T].

    Returns:
        float32 [B, T], 0 on padding.
    """
    length = token_ids.shape[1]
    shortest = np.searchsorted([*prefixes, length], np.arange(1, length + 1))
    return tf.transpose(tf.gather(values, shortest)) * mask(token_ids)


def evaluate(
    reward: SequenceReward,
    token_ids: tf.Tensor,
    discriminator: "Discriminator",
    condition: Any = None,
    completed: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor | None]:
    """The value of sampled sequences, and the part of the value of their completions that is not the discriminator's.

    The completions are evaluated together with the sequences, so that an objective is called once per step. The means
    over the sampled sequences are reported as logs. A discriminator that no term needs is not called.

    Args:
        reward: the reward.
        token_ids: int32 [B, T].
        discriminator: D; it scores with dropout off.
        condition: the conditions, a nest of tensors with a leading axis C that divides B; row r belongs to condition
            r mod C. Defaults to None: there are none.
        completed: int32 [M, B, T]; row [m, b] is a completion of sequence b. Defaults to None: there are none.

    Returns:
        (float32 [B], float32 [M, B] or None where no term reads completions).
    """
    logits = None
    if any(term.is_of_logit for term, _ in reward.terms):
        rows = replicas.rows(token_ids)
        logits = rows.gather(sequence_logits(rows_of(discriminator, rows.indices), rows.take(token_ids)))
    everything = token_ids
    if completed is not None:
        everything = tf.concat([token_ids, tf.reshape(completed, [-1, token_ids.shape[1]])], axis=0)
    batch_size = tf.shape(token_ids)[0]
    whole, others = [], []
    for term, weight in reward.terms:
        if term.is_of_logit:
            values = term.of_logits(logits)
        elif completed is None or not weight:
            values = _of_sequences(term, token_ids, condition)
        else:
            found = _of_sequences(term, everything, condition)
            values = tf.ensure_shape(found[:batch_size], token_ids.shape[:1])
            others.append((tf.reshape(found[batch_size:], tf.shape(completed)[:2]), weight))
        report(term.log_name, values)
        if weight:
            whole.append((values, weight))
    return _sum(whole), _sum(others) if others else None


def _of_sequences(term: SequenceReward, token_ids: tf.Tensor, condition: Any) -> tf.Tensor:
    """`of_sequences`, which calls a function of the user on one replica only."""
    if not term.calls_python:
        return term.of_sequences(token_ids, condition)
    return replicas.on_first(lambda: term.of_sequences(token_ids, condition), tf.shape(token_ids)[0])


def _sum(weighted: list[tuple[tf.Tensor, float]]) -> tf.Tensor:
    return tf.add_n([values if weight == 1.0 else weight * values for values, weight in weighted])
