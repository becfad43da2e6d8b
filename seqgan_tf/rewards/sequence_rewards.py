"""What a whole sequence is worth. More is better; real is 1.

A reward is a weighted sum of terms. A term is a function of the discriminator's logit (`LogOdds`, `Probability`), or of
the sequence itself (`rewards.objective.Objective`). Estimators evaluate the terms, see `rewards.estimator`.

Axes: B batch, T sequence length, R rows, C conditions.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import keras
import tensorflow as tf

from seqgan_tf.core.log_odds import CLIP
from seqgan_tf.core.sequences import check_token_ids
from seqgan_tf.core.validation import InputError, check_at_least, check_tensors, real_number

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator


class SequenceReward:
    """What a whole sequence is worth: the base of all such rewards.

    Attributes:
        log_name: name of the mean among the logs, where it is logged.
        is_of_logit: whether the value is a function of the discriminator's logit, `of_logits`. Otherwise it is a
            function of the sequence and its condition, `of_sequences`.
        calls_python: whether it calls a Python function for each batch, which XLA cannot compile.

    Example:
    ```python
    import seqgan_tf as sg

    reward = sg.WeightedSum([(sg.LogOdds(), 1.0), (sg.Probability(), 0.5)])
    print([(term.log_name, weight) for term, weight in reward.terms])  # [('log_odds', 1.0), ('probability', 0.5)]
    ```
    """

    log_name = ""
    is_of_logit = False
    calls_python = False

    @property
    def terms(self) -> tuple[tuple["SequenceReward", float], ...]:
        """The terms of the sum, with their weights. All rewards but `WeightedSum` are their own and only term."""
        return ((self, 1.0),)

    @property
    def log_names(self) -> tuple[str, ...]:
        """Names of the terms whose means are logged."""
        return ()

    def of_logits(self, logits: tf.Tensor) -> tf.Tensor:
        """The value of sequences as a function of the discriminator's logits: float32, of the same shape."""
        raise NotImplementedError

    def of_sequences(self, token_ids: tf.Tensor, condition: Any = None) -> tf.Tensor:
        """The value of sequences.

        Args:
            token_ids: int32 [R, T].
            condition: the conditions, a nest of tensors with a leading axis C; row r belongs to condition r mod C.
                Defaults to None: there are none.

        Returns:
            float32 [R].
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The arguments of the class, for Keras."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A reward of the arguments that `get_config` returned."""
        return cls(**config)


@keras.saving.register_keras_serializable(package="seqgan_tf")
class LogOdds(SequenceReward):
    """log D / (1 - D) = the discriminator's logit, clipped to [-clip, clip].

    At the optimal discriminator it is log p_real(Y) / G(Y), so that its policy gradient descends the reverse
    Kullback-Leibler divergence. D alone, in contrast, is maximised by a single most likely sequence.

    Args:
        clip: bound, above 0. Defaults to 3.0.

    Raises:
        InputError: `clip` is not above 0.

    Example:
    ```python
    import seqgan_tf as sg

    estimator = sg.MonteCarloRollout(num_rollouts=4, reward=sg.LogOdds(clip=5.0))
    ```
    """

    log_name = "log_odds"
    is_of_logit = True

    def __init__(self, clip: float = CLIP) -> None:
        self.clip = _checked_clip(clip)

    def of_logits(self, logits: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(logits, -self.clip, self.clip)

    def get_config(self) -> dict[str, Any]:
        return {"clip": self.clip}


@keras.saving.register_keras_serializable(package="seqgan_tf")
class Probability(SequenceReward):
    """D(Y) = sigmoid(logit), the paper's reward, in [0, 1].

    Example:
    ```python
    import seqgan_tf as sg

    estimator = sg.MonteCarloRollout(num_rollouts=4, reward=sg.Probability())
    ```
    """

    log_name = "probability"
    is_of_logit = True

    def of_logits(self, logits: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(logits)


@keras.saving.register_keras_serializable(package="seqgan_tf")
class WeightedSum(SequenceReward):
    """The sum of rewards, each times its weight.

    The mean of each, over the sampled sequences and without its weight, is a log of the generator steps: "log_odds",
    "probability", "objective_<name>". The discriminator scores each sequence once, whatever the number of terms.

    Args:
        rewards: pairs (reward, weight). A reward is an object, or "log_odds" or "probability". A weight is a number
            from 0 on. With the weight 0 a reward is only logged, and not computed for roll-outs.

    Raises:
        InputError: no pair, something else than a reward and a number, a weight below 0 or not finite, only weights of
            0, or two rewards with the same log.

    Example:
    ```python
    import seqgan_tf as sg

    corpus = sg.TextCorpus(["the cat sees the dog", "a dog sees a cat"] * 50, batch_size=8)

    def brevity(completions, **columns):
        return [-len(text.split()) for text in completions]

    reward = sg.WeightedSum([(sg.LogOdds(), 1.0), (sg.Objective(brevity, corpus.tokenizer), 0.5)])
    V, T = corpus.vocabulary_size, corpus.sequence_length
    generator = sg.Generator(V, end_token_id=corpus.end_token_id)
    gan = sg.SeqGAN(generator, sg.Discriminator(V, T), sg.MonteCarloRollout(2, reward=reward), batch_size=8)
    gan.compile()
    history = gan.fit(corpus.train, steps_per_epoch=1, verbose=0).history
    print(history["reward"], history["log_odds"], history["objective_brevity"])
    ```
    """

    def __init__(self, rewards: Sequence[tuple["SequenceReward | str", float]]) -> None:
        self.rewards = [_pair(pair) for pair in _listed(rewards)]
        if not any(weight for _, weight in self.terms):
            raise InputError(f"`rewards` must hold a weight above 0. Received: {len(self.rewards)} pairs without one")
        names = [term.log_name for term, _ in self.terms]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"`rewards` must be rewards with different logs. Received: two with the log {twice!r}")

    @property
    def terms(self) -> tuple[tuple[SequenceReward, float], ...]:
        return tuple((term, weight * inner) for reward, weight in self.rewards for term, inner in reward.terms)

    @property
    def log_names(self) -> tuple[str, ...]:
        return tuple(term.log_name for term, _ in self.terms)

    def get_config(self) -> dict[str, Any]:
        return {"rewards": [[keras.saving.serialize_keras_object(reward), weight] for reward, weight in self.rewards]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "WeightedSum":
        return cls([(keras.saving.deserialize_keras_object(reward), weight) for reward, weight in config["rewards"]])


NAMED = {"log_odds": LogOdds, "probability": Probability}
"""The rewards that a name stands for."""


def as_reward(reward: Any, clip: float = CLIP) -> SequenceReward:
    """The reward that the arguments of an estimator describe.

    Args:
        reward: a reward, or a name in `NAMED`.
        clip: bound of the log-odds, for a name. Defaults to 3.0.

    Raises:
        InputError: an unknown name, something else, or `clip` is not above 0.
    """
    _checked_clip(clip)
    if isinstance(reward, SequenceReward):
        return reward
    if not isinstance(reward, str):
        raise InputError(
            f"`reward` must be one of {sorted(NAMED)}, or a reward such as `LogOdds()` or `Objective(...)`. "
            f"Received: an object of the class {type(reward).__name__}"
        )
    if reward not in NAMED:
        raise InputError(f"`reward` must be one of {sorted(NAMED)}. Received: {reward!r}")
    return LogOdds(clip) if reward == "log_odds" else NAMED[reward]()


def _checked_clip(clip: Any) -> float:
    clip = real_number("clip", clip)
    if not clip > 0:
        raise InputError(f"`clip` must be above 0. Received: {clip}")
    return clip


def _listed(rewards: Any) -> list[Any]:
    if not isinstance(rewards, (list, tuple)) or not rewards:
        raise InputError(f"`rewards` must be a list of pairs (reward, weight). Received: {rewards!r}")
    return list(rewards)


def _pair(pair: Any) -> tuple[SequenceReward, float]:
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        raise InputError(f"`rewards` must be a list of pairs (reward, weight). Received: {pair!r} in it")
    weight = real_number("weight", pair[1])
    check_at_least(0, weight=weight)
    if math.isinf(weight):
        raise InputError(f"`weight` must be finite. Received: {weight}")
    return as_reward(pair[0]), weight


def checked_token_ids(token_ids: tf.Tensor, vocabulary_size: int) -> tf.Tensor:
    """The sequences to reward, int32 [B, T].

    Raises:
        InputError: another rank, no integers, or (where values are at hand) an id outside the vocabulary.
    """
    check_token_ids(token_ids, vocabulary_size)
    token_ids = tf.convert_to_tensor(token_ids)
    check_tensors(token_ids=(token_ids, "BT"))
    return tf.cast(token_ids, tf.int32)


def sequence_logits(discriminator: "Discriminator", token_ids: tf.Tensor) -> tf.Tensor:
    """Logits float32 [B] of token_ids [B, T], dropout off.

    Raises:
        InputError: the discriminator returns another shape, such as [B, 1], which would be broadcast.
    """
    logits = discriminator(token_ids, training=False)
    check_tensors({"B": token_ids.shape[0]}, **{"discriminator(token_ids)": (logits, "B")})
    return logits
